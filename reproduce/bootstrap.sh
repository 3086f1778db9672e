# Runs a module in the project's own environment, which it makes once:
#   bash reproduce/bootstrap.sh reproduce.tables --table table1
# Sourced, it gives $python alone. The caller's folder stays the current one, so that
# paths among the options are the caller's.
#
# $ASR_ENVIRONMENT names another folder than .venv, such as one on a large disk, and
# $ASR_REQUIREMENTS more files than requirements.txt, such as requirements-gpu.txt; both
# are seen from the checkout.

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

fail() {
    echo "error: $*" >&2
    exit 1
}

# The environment keeps a copy of each file of requirements that was installed:
# comparing them is all that later calls do.
is_installed() {
    [ -x "$python" ] || return
    for file in $requirements; do
        cmp -s "$repository/$file" "$environment/installed-${file//\//-}" || return
    done
}

# The first Python that the pinned packages support and that can make an environment.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.1{1,2,3} /usr/bin/python3; do
        "$candidate" -I -c "import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null && return
    done
    fail "no Python 3.11, 3.12 or 3.13 with the venv module was found; install one," \
        "or name it: PYTHON=/path/to/python"
}

# In a shell of its own, which ends with the first failure and frees the lock.
install() (
    find_python
    log=$environment/install.log words=()
    mkdir -p -- "$environment" || exit
    [ -z "$(ls -A -- "$environment")" ] || [ -e "$log" ] ||
        fail "$environment was not made by this project: remove it, or name another" \
            "folder in ASR_ENVIRONMENT"
    # Of commands started at once one installs and the others wait.
    exec 9>>"$log" || exit
    if command -v flock >/dev/null && ! flock -n 9; then
        echo "Waiting for another installation ($log) ..." >&2
        flock 9
    fi
    is_installed && exit
    echo "Installing packages into $environment, once ..." >&2
    unset PIP_TARGET PIP_PREFIX PIP_ROOT # settings that would install elsewhere
    for file in $requirements; do words+=(-r "$repository/$file"); done
    {
        # Anew where nothing was installed to the end, or the Python is gone.
        if ! { [ -x "$python" ] && ls "$environment"/installed-*; }; then
            rm -rf "$environment"/{bin,include,lib,lib64,share,pyvenv.cfg,installed-*}
            "$candidate" -I -m venv "$environment"
        fi && PIP_USER=0 "$python" -I -m pip install --quiet --no-input \
            --disable-pip-version-check "${words[@]}"
    } >"$log" 2>&1 || fail "the installation failed (no network? disk full?):" \
        "$({ grep ERROR "$log" || cat "$log"; } | tail -n 1); see $log;" \
        "the same command tries again"
    for file in $requirements; do
        cp -- "$repository/$file" "$environment/installed-${file//\//-}" || exit
    done
)

is_installed || install || exit
[ "${BASH_SOURCE[0]}" != "$0" ] || exec "$python" -m "$@"
