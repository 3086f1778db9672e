"""Processes that prepare each for itself and then measure at the same time.

Each calls `meet` when it is ready, and prints one line of JSON when it has measured.
"""

import contextlib
import json
import os
import subprocess
import sys

from reproduce import REPOSITORY
from reproduce.errors import UsageError

READY = "ready\n"


def measure(words, processes=1, **variables):
    """What as many processes of one command measure: a list of dicts.

    Args:
      words: the command's words after Python's own.
      processes: how many.
      **variables: of their environment.

    Raises:
      UsageError: if one of them ends before it has measured; the others are ended.
    """
    with contextlib.ExitStack() as stack:
        children = []
        for _ in range(processes):
            child = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
                env={**os.environ, **variables},
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            children.append(child)
        for child in children:
            if READY not in child.stdout:  # which reads up to that line
                raise _ended(child, words)
        for child in children:
            with contextlib.suppress(BrokenPipeError):  # told below
                os.write(child.stdin.fileno(), b"go\n")
        return [_measured(child, words) for child in children]


def meet():
    """Tells the parent that this process is ready, and waits until all are."""
    print(READY, end="", flush=True)
    sys.stdin.readline()


def _measured(child, words):
    output, _ = child.communicate()
    if child.returncode:
        raise _ended(child, words)
    return json.loads(output.splitlines()[-1])


def _ended(child, words):
    return UsageError(
        f"python {' '.join(words)}: ended with exit code {child.wait()} before it had "
        "measured; what it said is above"
    )
