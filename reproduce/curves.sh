#!/usr/bin/env bash
# Learning curves: each metric over the epochs, drawn from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.figures --figure curves "$@"
