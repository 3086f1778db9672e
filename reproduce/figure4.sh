#!/usr/bin/env bash
# Figure 4 of the paper: drawn from the run records.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.figures --figure 4 "$@"
