"""Several runs at once against one alone, one run on more threads, memory, start.

    python -m benchmarks.scaling

It starts processes of `benchmarks.child`: one alone with one thread, as many at
once as the machine has processors, and one with a thread for each processor. Leave
the machine alone while it runs. Linux only.
"""

import statistics
import sys

from benchmarks import together
from reproduce import command_line
from reproduce.flags import integer
from reproduce.records import environment


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("steps", integer(3, 20), 6, "K, number of objects")
    flags.add("count", integer(1), 60, "training steps of each process")
    cores = environment.usable_cores()
    flags.add("processes", integer(1), cores, "processes at once, and threads")
    flags.add("rounds", integer(1), 3, "measurements of each, their median is shown")


def body(values):
    """Measures and prints."""
    processes = values.processes
    alone, at_once, threaded = [], [], []
    for _ in range(values.rounds):
        alone += measure(values, 1, 1)
        at_once += measure(values, processes, 1)
        threaded += measure(values, 1, processes)
    step = median(alone, "step_seconds")
    shared = median(at_once, "step_seconds")
    wide = median(threaded, "step_seconds")
    print(f"K = {values.steps}, batch 64")
    print(f"one run, one thread                  {1e3 * step:8.1f} ms a step")
    print(
        f"{processes} runs at once, one thread each       {1e3 * shared:8.1f} ms: each "
        f"{step / shared:.2f} times as fast as alone"
    )
    print(
        f"one run, {processes} threads                  {1e3 * wide:8.1f} ms: "
        f"{step / wide:.2f} times as fast as with one"
    )
    print(f"start to first step, alone           {start(alone):8.1f} s")
    print(f"resident, while training             {memory(alone, 'resident')} MB")
    print(f"resident at its peak (compilation)   {memory(alone, 'peak')} MB")


def measure(values, processes, threads):
    """What as many processes, stepping at the same time, tell: a list of dicts."""
    words = ["-m", "benchmarks.child", "--steps", str(values.steps)]
    words += ["--count", str(values.count), "--threads", str(threads)]
    return together.measure(words, processes, OMP_NUM_THREADS=str(threads))


def median(measured, name):
    """Median of one figure over processes."""
    return statistics.median(one[name] for one in measured)


def start(measured):
    """Seconds from the start of a process to the end of its first step."""
    return median(measured, "first_step_seconds")


def memory(measured, kind):
    """Megabytes, right-aligned as the other figures."""
    return f"{median(measured, kind + '_megabytes'):8.0f}"


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
