#!/usr/bin/env bash
# Table 2 of the paper: printed from the run records, training what has none.
# Makes its own environment first. Options: bash reproduce/table2.sh --help
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
source "$here/bootstrap.sh" || exit
exec "$python" -m reproduce.tables --table table2 "$@"
