#!/usr/bin/env bash
# AIR-ASR by the weights that the paper searched: a table from the run records.
# Makes its own environment first. Options: bash reproduce/sensitivity.sh --help
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
source "$here/bootstrap.sh" || exit
exec "$python" -m reproduce.comparisons sensitivity "$@"
