#!/usr/bin/env bash
# Learning curves: each metric over the epochs, drawn from the run records.
# Installs its own environment first. Options: bash reproduce/curves.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.curves "$@"
