"""Runs at once, each in a process of its own."""

import asyncio
import contextlib
import os
import re
import sys
import time

import data
from reproduce.experiments.configuration import SMOKE
from reproduce.records import environment, folders
from reproduce.words import count_of, duration

FAILED_RUNS = 1  # exit code
# Of one core of a server of 2020, at batch 64: 98 ms a training step at K = 6.
SECONDS_PER_IMAGE_AND_STEP = 0.098 / 64 / 6
SECONDS_TO_START = 60  # imports, scenes, compilation
MEMORY_OF_A_RUN = 3e9  # bytes; a run's peak is up to 2.5 GB, the rest is spare
# TensorFlow's notices about processors and drivers: kept in the log only.
_NOTICE = re.compile(r"[IWE]\d{4} |WARNING: All log messages|To enable the following")


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
    if any(run.digits == "mnist" and run.scenes is None for run in commands):
        data.load_mnist(mnist)  # once, before several runs all fail
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = environment.usable_cores()
    jobs = jobs or min(cores, int(memory / MEMORY_OF_A_RUN))
    at_once = max(1, min(jobs, len(commands)))
    number, epochs = count_of(len(commands), "run"), {run.epochs for run in commands}
    each = [
        SECONDS_TO_START
        + run.train_images * run.epochs * run.steps * SECONDS_PER_IMAGE_AND_STEP
        for run in commands
    ]
    about = duration(max(sum(each) / at_once, max(each)))
    lengths = " or ".join(map(str, sorted(epochs)))
    told = f"{number} of {lengths} epochs to train, {at_once} at once: about {about}"
    print(told, flush=True)
    failed = asyncio.run(_train_all(commands, results, at_once, cores))
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    return FAILED_RUNS if failed else 0


def subprocess_environment(**own):
    """The variables of a run's process, which starts in the repository.

    Files that they name are the caller's, and the code is found there whatever else.
    """
    found = dict(os.environ)
    for name in ("MNIST_NPZ", "ASR_CACHE", "KERAS_HOME"):
        if found.get(name):
            found[name] = os.path.abspath(os.path.expanduser(found[name]))
    paths = [str(folders.REPOSITORY), found.get("PYTHONPATH")]
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | own


async def _train_all(commands, results, at_once, cores):
    """Trains all; returns a line for each that failed."""
    begun, failed, room = time.monotonic(), [], asyncio.Semaphore(at_once)
    own = subprocess_environment(
        PYTHONUNBUFFERED="1",
        OMP_NUM_THREADS=str(max(1, cores // at_once)),
        TF_FORCE_GPU_ALLOW_GROWTH="true",  # runs share a GPU
    )
    waiting = [_train_one(room, own, results, *each) for each in commands.items()]
    for done, ended in enumerate(asyncio.as_completed(waiting), 1):
        if fault := await ended:
            failed.append(fault)
        line = f"{done} of {count_of(len(commands), 'run')} ended"
        if done < len(commands):
            left = (time.monotonic() - begun) * (len(commands) - done) / done
            line += f"; about {duration(left)} left"
        print(line, flush=True)
    return failed


async def _train_one(room, own, results, run, words):
    """Trains one run when there is room, and shows its lines; says what went wrong."""
    usual = {"digits", *SMOKE}  # the same in all runs of a call
    changed = [f"{n}={value}" for n, value in run.changed.items() if n not in usual]
    title = " ".join([run.title, *changed])
    log = folders.logs_folder(results) / f"{run.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    async with room:
        process = await asyncio.create_subprocess_exec(
            *(*words, "--threads", own["OMP_NUM_THREADS"]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 24,  # bytes of a line; compilers have long ones
            cwd=folders.REPOSITORY,
            env=own,
        )
        try:
            with open(log, "a", encoding="utf-8") as copy:
                async for line in process.stdout:
                    line = line.decode(errors="replace")
                    print(line, end="", file=copy, flush=True)
                    if not _NOTICE.match(line):
                        if line.startswith(run.title):  # which its variants share
                            line = line.replace(run.title, title, 1)
                        else:
                            line = f"[{title}] {line}"
                        print(line, end="", flush=True)
        except BaseException:  # an interrupt, or a terminal that is gone
            with contextlib.suppress(ProcessLookupError):  # it may have ended, too
                process.terminate()
            await process.communicate()
            raise
        code = await process.wait()
    return f"{title}: exit code {code}, see {folders.shown(log)}" if code else None
