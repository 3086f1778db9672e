"""Makes the environment of the commands and installs the pinned packages into it.

`bootstrap.sh` calls it from the checkout, with the Python that the environment is to
have: `python -I reproduce/install.py ENVIRONMENT REQUIREMENTS...`. It needs the
standard library only. The environment keeps a copy of each file of requirements that is
installed. Of commands started at once one installs and the others wait.

Whether the packages are there is found by importing them: settings of pip may have told
it to install elsewhere.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import venv

PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!-]+)", re.MULTILINE)
# Settings of pip with which packages would not come into the environment: variables to
# leave out, and values that those of a configuration file give way to.
ELSEWHERE = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
HERE = dict.fromkeys(("PIP_USER", "PIP_DRY_RUN", "PIP_REQUIRE_HASHES"), "0")
# Run by the environment's Python with pins as its words; a fault is its last line.
CHECK = """
import importlib, sys
from importlib.metadata import version
for pin in sys.argv[1:]:
    name, wanted = pin.split("==")
    module = {"absl-py": "absl", "pillow": "PIL"}.get(name, name.replace("-", "_"))
    try:
        importlib.import_module(module)
    except Exception as error:
        sys.exit(f"{name} cannot be imported: {type(error).__name__}: {error}")
    if version(name) != wanted:
        sys.exit(f"{name} {version(name)} is installed in place of {wanted}")
"""


class InstallationError(Exception):
    """Says in one line why packages are missing."""


def install(environment, requirements):
    """Makes the environment unless it is there, and installs what it lacks."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    log, python = environment / "install.log", environment / "bin" / "python"
    with lock(environment.with_name(f"{environment.name}.lock")):
        missing = {}  # copies that are not there, with their text
        for name in requirements:
            text = pathlib.Path(name).read_text()
            copy = environment / f"installed-{name.replace('/', '-')}"
            if not (python.exists() and copy.exists() and copy.read_text() == text):
                copy.unlink(missing_ok=True)
                missing[copy] = text
        if not missing:
            return  # another command has installed it
        begun = not any(environment.glob("installed-*"))  # and was interrupted, if so
        if begun or _run(python, "-I", "-c", "import pip").returncode:
            _make(environment, log)
        print(f"Installing packages into {environment}, once ...", file=sys.stderr)
        words = ["--quiet", "--no-input", "--disable-pip-version-check"]
        words += [f"-r{name}" for name in requirements]
        own = {name: os.environ[name] for name in os.environ.keys() - ELSEWHERE}
        own |= HERE
        ended = _run(python, *"-I -m pip install".split(), *words, env=own)
        log.write_text(ended.stdout)
        if ended.returncode:
            errors = re.findall("^.*ERROR.*$", ended.stdout, re.MULTILINE)
            reason = (errors or ended.stdout.splitlines() or ["no word of it"])[-1]
            raise InstallationError(
                f"pip failed (no network? disk full?): {reason}; see {log}; the same "
                "command tries again"
            )
        pins = ["==".join(pin) for pin in PIN.findall("\n".join(missing.values()))]
        # Without the user's settings of TensorFlow, Keras and Matplotlib.
        names = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"} & own.keys()
        bare = {name: own[name] for name in names}
        checked = _run(python, "-I", "-c", CHECK, *pins, env=bare)
        if checked.returncode:
            raise InstallationError(
                f"{checked.stdout.splitlines()[-1]}; see pip config list, or "
                "the same command installs it again"
            )
        for copy, text in missing.items():
            copy.write_text(text)


@contextlib.contextmanager
def lock(file):
    """Holds `file` as a lock, where there are locks; the system frees it."""
    with open(file, "w") as stream:
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for another installation ({file}) ...", file=sys.stderr)
            fcntl.lockf(stream, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: no other command, one hopes
            pass
        yield


def _make(environment, log):
    """Makes the environment without packages, in place of an unfinished one."""
    if environment.exists() and any(environment.iterdir()) and not log.exists():
        raise InstallationError(
            f"{environment} was not made by this project: remove it, or name another "
            "folder in ASR_ENVIRONMENT"
        )
    try:
        venv.create(environment, clear=True, symlinks=True, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise InstallationError(f"making {environment}: {error}") from None
    finally:
        environment.mkdir(exist_ok=True)
        log.touch()  # it is this project's


def _run(*words, env=None):
    """A process that has ended; its `stdout` is all that it wrote."""
    into = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(words, env=env, text=True, errors="replace", **into)


if __name__ == "__main__":
    try:
        install(pathlib.Path(sys.argv[1]), sys.argv[2:])
    except (InstallationError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
