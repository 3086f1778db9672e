#!/usr/bin/env bash
# AIR-ASR with one choice changed at a time: a table from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.comparisons ablations "$@"
