#!/usr/bin/env bash
# Table 2 of the paper: printed from the run records, training what has none.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.tables --table table2 "$@"
