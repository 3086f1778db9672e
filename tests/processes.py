"""Python in a process of its own, for what the surroundings of one do."""

import os
import subprocess
import sys

from reproduce import REPOSITORY


def python(code, *words, folder=REPOSITORY, **variables):
    """The ended process that has run code of this project; it captures what is said."""
    inherited = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    inherited.pop("TF_CPP_MIN_LOG_LEVEL", None)  # the tests' own, not the project's
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder,
        env=inherited | variables,
        capture_output=True,
        text=True,
    )


def printed(code, *words, **options):
    """What such a process prints; it must end well."""
    ended = python(code, *words, **options)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
