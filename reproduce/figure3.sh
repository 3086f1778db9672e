#!/usr/bin/env bash
# Figure 3 of the paper: drawn from the run records.
exec bash "$(dirname -- "$0")/bootstrap.sh" reproduce.figures --figure 3 "$@"
