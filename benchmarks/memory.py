"""A training step with its buffers kept in the process, and taken anew, in turn.

    python -m benchmarks.memory --experiment table2/asr-mnist

`reproduce.run.memory` says what is kept. Taken anew: from 128 KiB on, the threshold at
which the GNU C library starts; left alone, it raises that as buffers are returned.
Linux only.
"""

import os
import statistics
import sys

from benchmarks import bare_step
from reproduce import command_line
from reproduce.experiments.configuration import experiments
from reproduce.flags import choice, integer
from reproduce.run import memory, start

STEPS = 10  # of each, in every round
ANEW = 128 << 10  # bytes, where the GNU C library's own threshold starts


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add(
        "experiment",
        choice(*experiments()),
        "table2/asr-mnist",
        "the run whose step it is",
    )
    flags.add("rounds", integer(1), 5, "measurements of each")


def body(values):
    """Measures and prints."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start.tensorflow(1)
    import tensorflow as tf

    step, _ = bare_step.compiled(tf, values.experiment)
    step()
    rounds = []
    for _ in range(values.rounds):
        rounds.append([])
        for kept in (memory.KEPT, ANEW):
            memory.keep_buffers(kept)
            memory.return_freed()
            step()
            seconds = [bare_step.timed(step) for _ in range(STEPS)]
            rounds[-1].append(statistics.median(seconds))
    bare_step.print_ratio(("buffers kept", "taken anew"), rounds)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
