#!/usr/bin/env bash
# AIR-ASR with one choice changed at a time: a table from the run records.
# Installs its own environment first. Options: bash reproduce/ablations.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.ablations "$@"
