#!/usr/bin/env bash
# Figure 3 of the paper: drawn from the run records.
# Installs its own environment first. Options: bash reproduce/figure3.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.figures --figure 3 "$@"
