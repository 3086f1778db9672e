#!/usr/bin/env bash
# Learning curves: each metric over the epochs, drawn from the run records.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.figures --figure curves "$@"
