#!/usr/bin/env bash
# The test suite in the project's own environment. --slow adds the tests that
# take minutes; other words go to pytest, such as -k records.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
requirements="requirements.txt tests/requirements.txt"
source reproduce/bootstrap.sh
marker="not slow"
if [ "${1:-}" = "--slow" ]; then
    marker="slow or not slow"
    shift
fi
exec "$python" -m pytest -q -m "$marker" "$@"
