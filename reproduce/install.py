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
# Settings of pip with which packages would not come into the environment.
ELSEWHERE = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN"}
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
    """Makes the environment unless it is there, and installs what it lacks.

    Args:
      environment: absolute path of its folder.
      requirements: names of files, seen from the current folder.

    Raises:
      InstallationError: if a package is not there at the end.
      OSError: if the folder cannot be written.
    """
    environment.parent.mkdir(parents=True, exist_ok=True)
    with lock(environment.with_name(f"{environment.name}.lock")):
        texts = [pathlib.Path(name).read_text() for name in requirements]
        copies = [f"installed-{name.replace('/', '-')}" for name in requirements]
        wanted = {environment / c: text for c, text in zip(copies, texts, strict=True)}
        held = {file: file.read_text() for file in environment.glob("installed-*")}
        log, python = environment / "install.log", environment / "bin" / "python"
        # Without any copy an installation was interrupted.
        whole = held and python.exists()
        if whole and wanted.items() <= held.items():
            return  # another command has installed it
        if not whole or _run(python, "-I", "-c", "import pip").returncode:
            _make(environment, log)
            held = {}
        print(f"Installing packages into {environment}, once ...", file=sys.stderr)
        for file in held:
            file.unlink()
        words = ["--quiet", "--no-input", "--disable-pip-version-check"]
        words += [f"-r{name}" for name in requirements]
        own = {name: os.environ[name] for name in os.environ.keys() - ELSEWHERE}
        own["PIP_USER"] = "0"
        ended = _run(python, *"-I -m pip install".split(), *words, env=own)
        log.write_text(ended.stdout)
        if ended.returncode:
            for file, text in held.items():
                file.write_text(text)  # pip undoes what it has not finished
            errors = re.findall("^.*ERROR.*$", ended.stdout, re.MULTILINE)
            reason = errors[-1] if errors else _last_line(ended.stdout)
            raise InstallationError(
                f"pip failed (no network? disk full?): {reason}; see {log}; the same "
                "command tries again"
            )
        pins = ["==".join(pin) for pin in PIN.findall("\n".join(texts))]
        # Without the user's settings of TensorFlow, Keras and Matplotlib.
        names = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"} & os.environ.keys()
        bare = {name: own[name] for name in names}
        checked = _run(python, "-I", "-c", CHECK, *pins, env=bare)
        if checked.returncode:
            raise InstallationError(
                f"{_last_line(checked.stdout)}; pip's settings? (pip config list); the "
                "same command installs it again"
            )
        for file, text in (held | wanted).items():
            file.write_text(text)


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


def _last_line(text):
    return (text.strip().splitlines() or ["no word of it"])[-1]


if __name__ == "__main__":
    try:
        install(pathlib.Path(sys.argv[1]), sys.argv[2:])
    except (InstallationError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
