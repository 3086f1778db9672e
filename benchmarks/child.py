"""One process with one training step: what the other benchmarks start and read.

    python -m benchmarks.child --count 60

It prints one line of JSON: seconds from the start of the process to the first
step's end (imports, building, compilation), seconds a step (median), and memory.
Before the steps it says "ready" and waits for a line on standard input, so that
several such processes step at the same time. Linux only.
"""

import json
import os
import resource
import statistics
import sys
import time

from benchmarks import together
from reproduce import command_line
from reproduce.experiments.configuration import experiments
from reproduce.flags import choice, integer
from reproduce.run import start


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add(
        "experiment",
        choice(*experiments()),
        "table1/asr-13",
        "the run whose step it is",
    )
    flags.add("steps", integer(3, 20, optional=True), None, "K; none: the run's own")
    flags.add("count", integer(1), 60, "training steps after the first")
    flags.add("threads", integer(1), 1, "processor threads")


def body(values):
    """Measures and prints."""
    start.tensorflow(values.threads)
    import tensorflow as tf

    from benchmarks import bare_step
    from reproduce.run import memory

    step, _ = bare_step.compiled(tf, values.experiment, values.steps)
    step()
    memory.return_freed()  # as a run does
    first = time.time() - process_start()
    together.meet()
    seconds = [bare_step.timed(step) for _ in range(values.count)]
    with open("/proc/self/statm", encoding="ascii") as stream:
        pages = int(stream.read().split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB on Linux
    measured = {
        "first_step_seconds": first,
        "step_seconds": statistics.median(seconds),
        "resident_megabytes": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "peak_megabytes": peak / 2**10,
    }
    print(json.dumps(measured), flush=True)


def process_start():
    """When this process started, as `time.time()` counts."""
    with open("/proc/self/stat", encoding="ascii") as stream:
        ticks = int(stream.read().rsplit(")", 1)[1].split()[19])
    since_boot = ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
