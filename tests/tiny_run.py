"""`python -m reproduce.run` with tiny networks, for tests that kill and resume it.

Takes the real command's flags. Four things differ from the real command: the
networks' sizes, functions that run eagerly (compiling by XLA would take half a
minute; what is tested is the state between the steps), some hundredths of a second
more around every forcing of a file to the disk, so that a kill can hit a file half
way, and a disk that is full for the files that `survival_support.fill_disk` marked.
Environment variables that tests set:

  TINY_PHASES: file to which each phase's name is added, a line each, as it begins.
  TINY_PAUSE: "phase:count:file", wait before the count-th time of a phase until the
    file is there; several are joined by commas.
  TINY_CONSTRAINT: "fault:steps", one more constraint on q, which is zero for so many
    steps and then faulty: "nan", "gradient" (zero, with a gradient that is NaN) or
    "shape" (of a wrong shape).
"""

import errno
import functools
import os
import pathlib
import re
import sys
import time

PHASES = (
    *("import", "synthesis", "build", "first step", "step", "checkpoint"),
    *("evaluation", "record"),
)
SECONDS_AROUND_WRITING = 0.05
_seen = {}


def begins(phase):
    """Notes a phase, and waits there if the test says so."""
    _seen[phase] = _seen.get(phase, 0) + 1
    if file := os.environ.get("TINY_PHASES"):
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(phase + "\n")
    for pause in filter(None, os.environ.get("TINY_PAUSE", "").split(",")):
        name, count, file = pause.split(":", 2)
        while (name, int(count)) == (phase, _seen[phase]) and not os.path.exists(file):
            time.sleep(0.01)


def watched(module, name, phase):
    """Makes a function say that its phase begins."""
    function = getattr(module, name)

    @functools.wraps(function)
    def watching(*arguments, **options):
        begins(phase)
        return function(*arguments, **options)

    setattr(module, name, watching)


def slow_fsync(fsync=os.fsync):
    """Gives a kill the time to hit a file that is written but not yet renamed."""

    def slow(descriptor):
        time.sleep(SECONDS_AROUND_WRITING)
        fsync(descriptor)
        time.sleep(SECONDS_AROUND_WRITING)

    os.fsync = slow


def full_where_marked(fsync):
    """`fsync` on a disk that is full for each file with a file `<name>.full` beside.

    Where space is given out late, that is how a full disk shows. Linux only.
    """

    def fsync_or_full(descriptor):
        path = pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        hidden = re.fullmatch(r"\.(.+)\.[0-9a-f]+\.partial", path.name)
        if hidden and path.with_name(f"{hidden[1]}.full").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    return fsync_or_full


def shrink():
    """Replaces the networks by tiny ones and makes every function eager."""
    import tensorflow as tf

    import air
    from reproduce import build, training
    from reproduce.evaluation import Evaluator

    tf.config.run_functions_eagerly(True)
    sizes = air.Sizes(appearance=3, window=6, lstm=8, encoder=(9, 7), head=5)
    for name in ("AIR", "FixedPrior", "LearnedPrior"):
        whole = getattr(air, name)
        setattr(build.air, name, functools.partial(whole, sizes=sizes))
    if fault := os.environ.get("TINY_CONSTRAINT"):
        regulariser = build._regulariser
        build._regulariser = lambda options: add(regulariser(options), fault)
    watched(build, "build_model", "build")
    watched(training.Progress, "__init__", "first step")
    watched(training.Progress, "step", "step")
    watched(training.checkpoint, "save", "checkpoint")
    watched(Evaluator, "__call__", "evaluation")


def add(regulariser, fault):
    """The regulariser with one more constraint, which misbehaves."""
    import tensorflow as tf

    import asr

    kind, steps = fault.split(":")
    calls = []

    def misbehaves(posterior):
        calls.append(1)
        nothing = 0.0 * tf.reduce_sum(posterior.side, axis=1)
        if len(calls) <= int(steps):
            return nothing
        faulty = {
            "nan": nothing + float("nan"),
            "gradient": tf.sqrt(nothing),  # whose derivative is 0 times infinity
            "shape": posterior.side,
        }
        return faulty[kind]

    return asr.Regulariser(
        [*regulariser.constraints, asr.Constraint("misbehaving", misbehaves)]
    )


def main():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
    from data import cache
    from reproduce import command_line, records, run, start

    start_tensorflow = start.tensorflow

    def start_and_shrink(threads):
        begins("import")
        start_tensorflow(threads)
        shrink()

    start.tensorflow = start_and_shrink
    slow_fsync()
    os.fsync = full_where_marked(os.fsync)
    watched(cache, "synthesise", "synthesis")
    watched(records, "write_record", "record")
    return command_line.main(
        run.define,
        run.body,
        description=run.DESCRIPTION,
        errors=(cache.mnist.DataError,),
    )


if __name__ == "__main__":
    sys.exit(main())
