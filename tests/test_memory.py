"""Freed memory goes back to the system."""

import ctypes
import subprocess
import sys

import pytest

from reproduce import files, memory

PROGRAM = """
from reproduce import memory

def resident():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * 4096

pieces = [bytes(1000) for _ in range(100_000)]
kept = pieces[::1000]  # scattered, so that the heap's end stays in use
del pieces
before = resident()
memory.return_freed()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_is_returned():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=files.REPOSITORY,
    )
    assert int(done.stdout) > 10e6


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_elsewhere_nothing_happens(monkeypatch, error):
    def library(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", library)
    memory.return_freed()
