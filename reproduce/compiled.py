"""Keeps a run's compiled programs, so that it goes on without compiling again.

XLA takes half a minute for a training step. TensorFlow can keep what it compiled in
a folder, here one beside the run's checkpoint, but it does not survive a damaged
file, and a program is only good for the processor it was made for. So a file is
trusted only if `seal` noted its digest, on a processor and with a TensorFlow like
today's; every other file is removed and compiled again.
"""

import contextlib
import hashlib
import json
import os
import shutil

from reproduce import environment, files

FOLDER, SEALS = "compiled", "seals.json"
ROOM = 200e6  # bytes; TensorFlow ends the run if there is none for a program
_FLAGS = "TF_XLA_FLAGS"


@contextlib.contextmanager
def kept(folder):
    """Lets TensorFlow, imported within it, keep its programs in `folder`/compiled.

    On leaving, by an interrupt too, the programs are sealed; after a kill they are
    not, and the next run compiles again. Where the folder cannot be written, or the
    disk is almost full, nothing is kept.

    Args:
      folder: the run's folder of checkpoints; nobody else uses it meanwhile.
    """
    programs = folder / FOLDER
    if not _prepare(programs):
        yield
        return
    before = {name: os.environ.get(name) for name in (_FLAGS, "TF_CPP_MIN_LOG_LEVEL")}
    option = f"--tf_xla_persistent_cache_directory={programs}"
    os.environ[_FLAGS] = " ".join(filter(None, (before[_FLAGS], option)))
    if _trusted(programs):
        # Loading one logs, as an error, that two of the compiler's preferences are
        # not features of the processor. True, and harmless.
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        with contextlib.suppress(OSError):
            _seal(programs)


def remove(folder):
    """Removes a run's programs: it has ended, or is to begin anew."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _prepare(programs):
    """Makes the folder and removes what is not trusted; whether it can be used."""
    try:
        programs.mkdir(parents=True, exist_ok=True)
        trusted = _trusted(programs)
        for file in programs.iterdir():
            if file not in trusted and file.name != SEALS:
                file.unlink()
        if shutil.disk_usage(programs).free < ROOM:
            return False
    except OSError:
        return False
    # The flag's value ends at a blank.
    return not any(character.isspace() for character in str(programs))


def _seal(programs):
    digests = {file.name: _digest(file) for file in programs.glob("*.pb")}
    content = json.dumps({"machine": _machine(), "digests": digests})
    files.write_atomically(programs / SEALS, content.encode())


def _trusted(programs):
    """The programs whose seal is whole: a set of paths."""
    try:
        seals = json.loads((programs / SEALS).read_bytes())
        if seals["machine"] != _machine():
            return set()
        digests = dict(seals["digests"])
        return {f for f in programs.glob("*.pb") if _digest(f) == digests.get(f.name)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _machine():
    """What a program depends on besides its source: the processor and TensorFlow."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            features = next((line for line in stream if line.startswith("flags")), "")
    except OSError:
        features = ""
    return [environment.processor(), features.strip(), environment.versions()]


def _digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()
