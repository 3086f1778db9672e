#!/usr/bin/env bash
# AIR-ASR by the weights that the paper searched: a table from the run records.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.comparisons sensitivity "$@"
