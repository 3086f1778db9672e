#!/usr/bin/env bash
# A constraint of one's own, not in the paper: AIR-ASR without and with it.
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
exec bash "$here/bootstrap.sh" reproduce.comparisons own_constraint "$@"
