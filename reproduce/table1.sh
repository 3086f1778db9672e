#!/usr/bin/env bash
# Table 1 of the paper: printed from the run records, training what has none.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.tables --table table1 "$@"
