#!/usr/bin/env bash
# A constraint of one's own, not in the paper: trained and drawn without and with it.
# Installs its own environment first. Options: bash reproduce/own_constraint.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source reproduce/bootstrap.sh
exec "$python" -m reproduce.own_constraint "$@"
