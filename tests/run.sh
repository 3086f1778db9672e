#!/usr/bin/env bash
# The test suite in the project's own environment. --slow adds the tests that take
# minutes; --slurm runs only the test of the array script, on a Slurm that it starts
# here (needs munged, slurmctld and slurmd). Other words go to pytest: -k records, or
# -n0 --pdb for one process.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
here=$(dirname -- "$0")
ASR_REQUIREMENTS="${ASR_REQUIREMENTS:-} tests/requirements.txt"
source "$here/../reproduce/bootstrap.sh" || exit
cd -- "$repository" || exit
unset PYTHONPATH PYTHONSAFEPATH # tests start commands of other checkouts, too
marker="not slow"
case "${1:-}" in
--slow)
    marker="slow or not slow"
    shift
    ;;
--slurm)
    shift
    ASR_TEST_SLURM=1 exec "$python" -m pytest -q -s tests/slurm "$@"
    ;;
esac
# A file's tests share runs and traced models, so they stay in one process; no more than
# four of these, for their memory.
exec "$python" -m pytest -q -m "$marker" -n auto --maxprocesses 4 \
    --dist loadfile --no-loadscope-reorder "$@"
