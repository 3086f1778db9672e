#!/usr/bin/env bash
# Learning curves: each metric over the epochs, drawn from the run records.
# Makes its own environment first. Options: bash reproduce/curves.sh --help
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
source "$here/bootstrap.sh" || exit
exec "$python" -m reproduce.figures --figure curves "$@"
