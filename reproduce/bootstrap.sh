# Sourced from the repository's root: makes .venv once; $python is its Python.
#
# Later calls cost milliseconds: .venv keeps the checksum of each file of
# requirements that it holds, written last. While something is being installed
# .venv/installing is there, so an environment whose installation was killed is
# made again. $requirements may name more files than requirements.txt.

requirements="${requirements:-requirements.txt}"
python=.venv/bin/python
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"

fail() {
    echo "error: $*" >&2
    exit 1
}

# The first Python that the pinned packages support and that can make .venv.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 \
        python3.13 /usr/bin/python3 /usr/local/bin/python3; do
        if "$candidate" -c "import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# The file in .venv that keeps the checksum of the requirements file $1.
stamp() {
    echo ".venv/installed-${1//\//-}"
}

is_installed() {
    local file
    [ -x "$python" ] && ! [ -e .venv/installing ] || return 1
    for file in $requirements; do
        [ "$(cat "$(stamp "$file")" 2>/dev/null)" = "$(cksum <"$file")" ] || return 1
    done
}

make_environment() {
    local base log
    base=$(find_python) || fail "no Python 3.11, 3.12 or 3.13 with the venv module" \
        "was found; install one, or name it: PYTHON=/path/to/python bash $0"
    echo "Making .venv with $("$base" --version) ..." >&2
    rm -rf .venv
    mkdir .venv || fail ".venv cannot be made here"
    touch .venv/installing
    log=$("$base" -m venv .venv 2>&1) || fail "making .venv: ${log##*$'\n'}"
}

install() {
    local file options=()
    if [ -e .venv/installing ] || ! "$python" -m pip --version >/dev/null 2>&1; then
        make_environment
    fi
    touch .venv/installing
    for file in $requirements; do
        options+=(-r "$file")
        rm -f "$(stamp "$file")"
    done
    echo "Installing the pinned packages into .venv, once (about a minute) ..." >&2
    if ! "$python" -m pip install --quiet --disable-pip-version-check --no-input \
        "${options[@]}" >.venv/install.log 2>&1; then
        rm -f .venv/installing  # pip undoes its own failures
        fail "installing failed (no network? disk full?):" \
            "$( (grep ERROR .venv/install.log || cat .venv/install.log) | tail -n1);" \
            "see .venv/install.log; the same command tries again"
    fi
    for file in $requirements; do cksum <"$file" >"$(stamp "$file")"; done
    rm -f .venv/installing
}

# Of two commands started at once, one installs and the other waits for it
# (where there is no flock, on macOS, do not start two at first).
if ! is_installed; then
    exec 9<requirements.txt
    if command -v flock >/dev/null && ! flock --nonblock 9; then
        echo "Waiting for another installation ..." >&2
        flock 9
    fi
    is_installed || install
    exec 9<&-
fi
