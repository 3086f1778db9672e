#!/usr/bin/env bash
# How often AIR-ASR-13 learns to count, by seeds: a table from the run records.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.comparisons instability "$@"
