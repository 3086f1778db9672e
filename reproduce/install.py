"""Makes the environment of the commands and installs the pinned packages into it.

`bootstrap.sh` calls it from the checkout, with the Python that the environment is to
have: `python -I reproduce/install.py ENVIRONMENT REQUIREMENTS...`. It needs the
standard library only.

Of pip's settings it takes only the ways to the packages (mirrors, proxies,
certificates, the cache): others tell pip to install elsewhere or other things. Whether
the packages are there is found by importing them, not from pip's exit code.

Of commands started at once, on any machine that sees the folder, one installs and the
others wait. Its lock is a file that it touches every few seconds: this needs no locks
of the file system, and a lock that a killed command has left is taken over.
"""

import ast
import contextlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

NETWORK = {
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("PIP_TRUSTED_HOST", "PIP_PROXY", "PIP_CERT", "PIP_CLIENT_CERT"),
    *("PIP_KEYRING_PROVIDER", "PIP_USE_FEATURE", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_RETRIES", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR"),
}
SETTING = re.compile(r"^(?:global|install)\.([\w-]+)=(.*)$", re.MULTILINE)
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!-]+)", re.MULTILINE)
MODULES = {"absl-py": "absl", "pillow": "PIL"}  # of packages with another name
TOUCH_SECONDS = 5
STALE_SECONDS = 90  # NFS may show a file's time a minute late


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
    environment.mkdir(parents=True, exist_ok=True)
    with lock(environment / "installing"):
        wanted = {}  # the copies that tell what is installed; bootstrap.sh reads them
        for name in requirements:
            copy = environment / f"installed-{name.replace('/', '-')}"
            wanted[copy] = pathlib.Path(name).read_text()
        held = {file: file.read_text() for file in environment.glob("installed-*")}
        if wanted.items() <= held.items():
            return  # another command has installed it
        python = environment / "bin" / "python"
        # Without any copy an installation was interrupted.
        if not held or _run(python, "-I", "-c", "import pip").returncode:
            _make(environment)
            held = {}
        print(f"Installing packages into {environment}, once ...", file=sys.stderr)
        for file in held:
            file.unlink()
        try:
            _pip(python, requirements, environment / "install.log")
        except InstallationError:
            _write(held)  # pip undoes what it has not finished
            raise
        pins = ["==".join(pin) for pin in PIN.findall("\n".join(wanted.values()))]
        words = (python, "-I", os.path.abspath(__file__), "--check", *pins)
        # Without the user's settings of TensorFlow, Keras and Matplotlib.
        names = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"} & os.environ.keys()
        bare = {name: os.environ[name] for name in names}
        checked = _run(*words, env=bare | {"KERAS_BACKEND": "tensorflow"})
        if checked.returncode:
            reason = _last_line(checked.stdout) or f"exit code {checked.returncode}"
            raise InstallationError(f"{reason}; the same command installs it again")
        _write(held | wanted)


@contextlib.contextmanager
def lock(file):
    """Holds `file` as a lock; waits for another owner as long as it shows life."""
    seen, since = None, 0.0
    while True:
        with contextlib.suppress(FileExistsError):
            file.touch(exist_ok=False)
            break
        with contextlib.suppress(FileNotFoundError):  # just given back
            touched = file.stat().st_mtime_ns
            if seen is None:
                print(f"Waiting for another installation ({file}) ...", file=sys.stderr)
            if touched != seen:
                seen, since = touched, time.monotonic()
            elif time.monotonic() - since > STALE_SECONDS:
                aside = file.rename(f"{file}-{os.getpid()}")  # one of several can
                if aside.stat().st_mtime_ns == seen:
                    aside.unlink()
                else:  # replaced meanwhile
                    aside.rename(file)
        time.sleep(0.5)
    ended = threading.Event()

    def show_life():
        while not ended.wait(TOUCH_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(file)

    threading.Thread(target=show_life, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        file.unlink(missing_ok=True)


def check(pins):
    """Imports pinned packages, "name==version" each, into this process.

    Returns:
      A line about the first package that is not there as pinned; None if all are.
    """
    for name, version in (pin.split("==") for pin in pins):
        try:
            importlib.import_module(MODULES.get(name, name.replace("-", "_")))
            found = importlib.metadata.version(name)
        except Exception as error:
            return f"{name} cannot be imported: {type(error).__name__}: {error}"
        if found != version:
            return f"{name} {found} is installed in place of {version}"
    return None


def _make(environment):
    """Makes the environment without packages, in place of an unfinished one."""
    others = [path for path in environment.iterdir() if path.name != "installing"]
    if others and not (environment / "install.log").exists():
        raise InstallationError(
            f"{environment} was not made by this project: remove it, or name another "
            "folder in ASR_ENVIRONMENT"
        )
    for path in others:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (environment / "install.log").touch()
    made = _run(sys.executable, "-I", "-m", "venv", environment)
    if made.returncode:
        raise InstallationError(f"making {environment}: {_last_line(made.stdout)}")


def _pip(python, requirements, log):
    """Installs the files of requirements, with the user's `NETWORK` settings alone."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    file = {k: v for k, v in os.environ.items() if k == "PIP_CONFIG_FILE"}
    pip = (python, "-I", "-m", "pip")
    listed = _run(*pip, "config", "list", env=bare | file)
    settings = {}
    for name, value in SETTING.findall(listed.stdout):  # [install] follows [global]
        settings[f"PIP_{name.upper().replace('-', '_')}"] = ast.literal_eval(value)
    settings |= os.environ
    kept = {name: settings[name] for name in NETWORK & settings.keys()}
    words = ("--quiet", "--no-input", "--disable-pip-version-check")
    files = (f"-r{name}" for name in requirements)
    own = {"PIP_CONFIG_FILE": os.devnull}
    ended = _run(*pip, "install", *words, *files, env=bare | kept | own)
    log.write_text(ended.stdout)
    if ended.returncode:
        errors = re.findall("^.*ERROR.*$", ended.stdout, re.MULTILINE)
        reason = _last_line(errors[-1] if errors else ended.stdout)
        raise InstallationError(
            f"pip failed (no network? disk full?): {reason}; see {log}; the same "
            "command tries again"
        )


def _run(*words, env=None):
    """A process that has ended; its `stdout` is all that it wrote."""
    into = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(words, env=env, text=True, errors="replace", **into)


def _write(texts):
    for file, text in texts.items():
        file.write_text(text)


def _last_line(text):
    return (text.strip().splitlines() or [""])[-1]


def main(words):
    if words[0] == "--check":
        fault = check(words[1:])
        print(fault or "")
        return 1 if fault else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        install(pathlib.Path(words[0]), words[1:])
    except (InstallationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
