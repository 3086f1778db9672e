#!/usr/bin/env bash
# What rounding does to AIR-pPrior: a table and a picture from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.comparisons rounding "$@"
