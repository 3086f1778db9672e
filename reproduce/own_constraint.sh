#!/usr/bin/env bash
# A constraint of one's own, not in the paper: AIR-ASR without and with it.
# Makes its own environment first. Options: bash reproduce/own_constraint.sh --help
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
source "$here/bootstrap.sh" || exit
exec "$python" -m reproduce.comparisons own_constraint "$@"
