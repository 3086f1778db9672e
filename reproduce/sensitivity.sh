#!/usr/bin/env bash
# AIR-ASR by the weights that the paper searched: a table from the run records.
# Installs its own environment first. Options: bash reproduce/sensitivity.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.sensitivity "$@"
