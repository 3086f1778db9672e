#!/usr/bin/env bash
# The test suite in the project's own environment. --slow adds the tests that take
# minutes. Other words go to pytest: -k records.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
ASR_REQUIREMENTS="${ASR_REQUIREMENTS:-} tests/requirements.txt"
source "$here/../reproduce/bootstrap.sh" || exit
cd -- "$repository" || exit
unset PYTHONPATH PYTHONSAFEPATH # tests start commands of other checkouts, too
marker="not slow"
if [ "${1:-}" = --slow ]; then
    marker="slow or not slow"
    shift
fi
exec "$python" -m pytest -q -m "$marker" "$@"
