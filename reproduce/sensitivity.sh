#!/usr/bin/env bash
# AIR-ASR by the weights that the paper searched: a table from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.comparisons sensitivity "$@"
