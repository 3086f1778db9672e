#!/usr/bin/env bash
# Figure 3 of the paper: drawn from the run records.
# Makes its own environment first. Options: bash reproduce/figure3.sh --help
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
[ -e "$here/bootstrap.sh" ] || here=${SLURM_SUBMIT_DIR:-.}/reproduce # from a copy
source "$here/bootstrap.sh" || exit
exec "$python" -m reproduce.figures --figure 3 "$@"
