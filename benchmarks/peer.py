"""A training step of AIR here and in Pyro, in turn on one core.

    python -m venv peer && peer/bin/pip install torch pyro-ppl
    python -m benchmarks.peer --python peer/bin/python

Both have six objects, the same layer sizes and batches of 64; Pyro's has baselines,
too. Linux only.
"""

import os
import pathlib
import statistics
import subprocess
import sys

from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.flags import integer, text
from reproduce.run import memory, start

STEPS = 10  # of each, in every round
# One thread, and buffers kept between the steps as here.
PEER = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(memory.KEPT),
    "MALLOC_TRIM_THRESHOLD_": str(memory.KEPT),
}


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("python", text(), "peer/bin/python", "a Python that has Pyro")
    flags.add("rounds", integer(1), 5, "measurements of each")


def body(values):
    """Measures and prints."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # of the peer too
    start.tensorflow(1)
    import tensorflow as tf

    from benchmarks import bare_step

    step, _ = bare_step.compiled(tf, "table1/air-13", 6, ends=())
    step()
    program = pathlib.Path(__file__).with_name("pyro_air.py")
    with subprocess.Popen(
        [values.python, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **PEER},
    ) as peer:
        if not (versions := peer.stdout.readline().strip()):
            raise UsageError(f"--python: {values.python} cannot run Pyro")
        print(versions)
        seconds = []
        for _ in range(values.rounds):
            print(STEPS, file=peer.stdin, flush=True)
            theirs = float(peer.stdout.readline())
            ours = statistics.median(bare_step.timed(step) for _ in range(STEPS))
            seconds.append((ours, theirs))
        peer.stdin.close()
    bare_step.print_ratio(("AIR here", "AIR in Pyro"), seconds)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
