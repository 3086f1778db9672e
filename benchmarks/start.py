"""How long a run takes to its first step: cold, and with its compiled programs kept.

python -m benchmarks.start
"""

import pathlib
import sys
import tempfile

from benchmarks import together
from reproduce import command_line, compiled


def define(options):
    """The command's flags."""
    options.group("What to measure")
    options.integer("steps", 6, "K, number of objects", 3, 20)


def body(values):
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold, programs kept", "again, programs found"):
            with compiled.kept(pathlib.Path(folder)):
                print(f"{name:24s}{first_step(values.steps):8.1f} s", flush=True)


def first_step(steps):
    """Seconds from the start of a process to the end of its first training step."""
    words = ["-m", "benchmarks.child", "--count", "1", "--steps", str(steps)]
    (measured,) = together.measure(words)
    return measured["first_step_seconds"]


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=__doc__.split("\n")[0]))
