# Sourced by the commands: makes .venv once; $python is its Python.
#
# $ASR_ENVIRONMENT names another folder than .venv, such as one on a large disk, and
# $ASR_REQUIREMENTS more files than requirements.txt, such as requirements-gpu.txt; both
# are seen from the checkout. The caller's folder stays the current one, so that paths
# among a command's options are the caller's.

unset CDPATH # cd would look there first
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit
environment=${ASR_ENVIRONMENT:-.venv}
[[ $environment = /* ]] || environment=$repository/$environment
python=$environment/bin/python
requirements="requirements.txt ${ASR_REQUIREMENTS:-}"

# Code comes from this checkout and its environment alone, whatever the user's settings
# of Python and whatever lies in the current folder.
unset PYTHONHOME PYTHONPLATLIBDIR PYTHONCASEOK PYTHONOPTIMIZE PYTHONINSPECT
export PYTHONPATH=$repository PYTHONSAFEPATH=1
# Without HOME, bash takes ~ from the user's entry, and "/" where there is none.
[ -n "${HOME:-}" ] || { unset HOME && export HOME=~; }
# Fewer notices of TensorFlow; its errors are told.
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

fail() {
    echo "error: $*" >&2
    exit 1
}

# Whether all files of requirements are in the environment: it keeps a copy of each
# that was installed. This is all that later calls do, in milliseconds.
is_installed() {
    local file kept
    [ -x "$python" ] || return 1
    for file in $requirements; do
        kept=$environment/installed-${file//\//-}
        [ -r "$repository/$file" ] || fail "there is no file $repository/$file"
        [ -r "$kept" ] && [ "$(<"$kept")" = "$(<"$repository/$file")" ] || return 1
    done
}

# The first Python that the pinned packages support and that can make an environment.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 \
        python3.13 /usr/bin/python3 /usr/local/bin/python3; do
        if "$candidate" -I -c "import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! is_installed; then
    base=$(find_python) || fail "no Python 3.11, 3.12 or 3.13 with the venv module" \
        "was found; install one, or name it: PYTHON=/path/to/python bash $0"
    (cd -- "$repository" && exec "$base" -I reproduce/install.py "$environment" \
        $requirements) || exit
fi
