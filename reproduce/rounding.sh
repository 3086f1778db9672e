#!/usr/bin/env bash
# What rounding does to AIR-pPrior: a table and a picture from the run records.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.comparisons rounding "$@"
