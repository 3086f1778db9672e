#!/usr/bin/env bash
# How often AIR-ASR-13 learns to count, by seeds: a table from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.comparisons instability "$@"
