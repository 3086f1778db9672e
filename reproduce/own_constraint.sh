#!/usr/bin/env bash
# A constraint of one's own, not in the paper: AIR-ASR without and with it.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.comparisons own_constraint "$@"
