#!/usr/bin/env bash
# Table 2 of the paper: prints it from the run records, training what has none.
# Installs its own environment first. Options: bash reproduce/table2.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.table --table table2 "$@"
