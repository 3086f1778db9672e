"""Runs at once, each in a process of its own."""

import asyncio
import contextlib
import os
import re
import sys
import time

import data
from reproduce.records import environment, folders
from reproduce.words import count_of, duration

FAILED_RUNS = 1  # exit code
# Of one core of a server of 2020, at batch 64: 98 ms a training step at K = 6.
SECONDS_PER_IMAGE_AND_STEP = 0.098 / 64 / 6
SECONDS_TO_START = 60  # imports, scenes, compilation
# TensorFlow's notices about processors and drivers: kept in the log only.
_NOTICE = re.compile(r"[IWE]\d{4} |WARNING: All log messages|To enable the following")
MEMORY_OF_A_RUN = 3e9  # bytes; a run's peak is up to 2.1 GB, the rest is spare


def train(commands, results, mnist=None, jobs=None):
    """Trains runs, a few at once, and shows their lines; returns the exit code.

    An interrupt ends them all; each goes on from its last epoch the next time.

    Args:
      commands: from a `Configuration` to the words of the command that trains it.
      results: folder of results; each run's lines are kept in its logs.
      mnist: MNIST's file, None for the search of `data.load_mnist`.
      jobs: how many at once; None for as many as cores and memory allow.
    """
    if not commands:
        return 0
    folders.require_writable(results, "--results")
    if any(run.digits == "mnist" and run.scenes is None for run in commands):
        data.load_mnist(mnist)  # once, before several runs all fail
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = environment.usable_cores()
    room = min(cores, int(memory / MEMORY_OF_A_RUN))
    at_once = max(1, min(jobs or room, len(commands)))
    epochs = {count_of(run.epochs, "epoch") for run in commands}
    print(
        f"{count_of(len(commands), 'run')} of {', '.join(epochs)} to train, {at_once} "
        f"at once: about {duration(_seconds(commands, at_once))}",
        flush=True,
    )
    failed = asyncio.run(_train_all(commands, results, at_once, cores))
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    return FAILED_RUNS if failed else 0


def surroundings():
    """The variables of a run's process, which starts in the repository.

    Files that they name are the caller's, and the code is found there whatever else.
    """
    found = dict(os.environ)
    for name in ("MNIST_NPZ", "ASR_CACHE", "KERAS_HOME"):
        if found.get(name):
            found[name] = os.path.abspath(os.path.expanduser(found[name]))
    paths = [str(folders.REPOSITORY), found.get("PYTHONPATH")]
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def _train_all(commands, results, at_once, cores):
    """Trains all; returns a line for each that failed."""
    begun, failed, room = time.monotonic(), [], asyncio.Semaphore(at_once)
    threads = max(1, cores // at_once)

    async def when_there_is_room(run, words):
        async with room:
            return await _train_one(run, words, results, threads)

    waiting = [asyncio.ensure_future(when_there_is_room(*c)) for c in commands.items()]
    for done, ended in enumerate(asyncio.as_completed(waiting), 1):
        if fault := await ended:
            failed.append(fault)
        line = f"{done} of {count_of(len(commands), 'run')} ended"
        if done < len(commands):
            left = (time.monotonic() - begun) * (len(commands) - done) / done
            line += f"; about {duration(left)} left"
        print(line, flush=True)
    return failed


async def _train_one(run, words, results, threads):
    """Trains one run and shows its lines; returns what went wrong, or None."""
    changed = [f"{name}={value}" for name, value in run.changed.items()]
    title = " ".join([run.title, *changed])
    log = folders.logs_folder(results) / f"{run.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    own = {
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # runs share a GPU
    }
    process = await asyncio.create_subprocess_exec(
        *(*words, "--threads", str(threads)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folders.REPOSITORY,
        env=surroundings() | own,
    )
    try:
        with open(log, "a", encoding="utf-8") as copy:
            async for line in process.stdout:
                line = line.decode(errors="replace")
                print(line, end="", file=copy, flush=True)
                if not _NOTICE.match(line):
                    named = line.startswith(run.experiment)  # a run's own lines are
                    print(line if named else f"[{title}] {line}", end="", flush=True)
    except BaseException:  # an interrupt, or a terminal that is gone
        with contextlib.suppress(ProcessLookupError):  # it may have ended, too
            process.terminate()
        await process.communicate()
        raise
    code = await process.wait()
    return f"{title}: exit code {code}, see {folders.shown(log)}" if code else None


def _seconds(runs, at_once):
    """About how long runs take on usual cores."""
    times = [
        SECONDS_TO_START
        + run.train_images * run.epochs * run.steps * SECONDS_PER_IMAGE_AND_STEP
        for run in runs
    ]
    return max(sum(times) / at_once, max(times))
