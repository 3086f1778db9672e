"""Trains several runs at once, each in its own process."""

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
# On one core of a server of 2020: 98 ms a training step of 64 images at K = 6.
SECONDS_PER_IMAGE_AND_STEP = 0.098 / 64 / 6
SECONDS_TO_START = 60  # imports, scenes, compilation
MEMORY_OF_A_RUN = 3e9  # bytes; a run needs up to 2.5 GB, the rest is spare
PATHS = ("MNIST_NPZ", "ASR_CACHE", "KERAS_HOME")  # environment variables
# TensorFlow's notices about processors and drivers: only the log keeps them.
_NOTICE = re.compile(r"[IWE]\d{4} |WARNING: All log messages|To enable the following")


def train(commands, results, mnist=None, jobs=None):
    """Trains runs, a few at once, and prints their output; returns the exit code.

    An interrupt ends them all; the next call resumes each after its last epoch.

    Args:
      commands: from a `Configuration` to the command that trains it, a list of words.
      results: folder of results; each run's output is also kept in its logs.
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
    seconds = [
        SECONDS_TO_START
        + run.train_images * run.epochs * run.steps * SECONDS_PER_IMAGE_AND_STEP
        for run in commands
    ]
    estimate = duration(max(sum(seconds) / at_once, max(seconds)))
    lengths = " or ".join(map(str, sorted(epochs)))
    message = f"{number} of {lengths} epochs to train, {at_once} at once"
    print(f"{message}: about {estimate}", flush=True)
    failed = asyncio.run(_train_all(commands, results, at_once, cores))
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    return FAILED_RUNS if failed else 0


def path_variables():
    """The environment variables that name paths, as a run's process needs them.

    It starts in the repository, so they become absolute; Python finds its code first.
    """
    given = {name: os.environ.get(name) for name in PATHS}
    located = {n: os.path.abspath(os.path.expanduser(p)) for n, p in given.items() if p}
    code = [
        str(folders.REPOSITORY),
        *os.environ.get("PYTHONPATH", "").split(os.pathsep),
    ]
    return located | {"PYTHONPATH": os.pathsep.join(filter(None, dict.fromkeys(code)))}


async def _train_all(commands, results, at_once, cores):
    """Trains all runs; returns a line for each that failed."""
    start, failed, slots = time.monotonic(), [], asyncio.Semaphore(at_once)
    variables = {
        **os.environ,
        **path_variables(),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(max(1, cores // at_once)),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # runs share a GPU
    }
    runs = [_train_one(slots, variables, results, *item) for item in commands.items()]
    for done, run in enumerate(asyncio.as_completed(runs), 1):
        if failure := await run:
            failed.append(failure)
        line = f"{done} of {count_of(len(commands), 'run')} ended"
        if done < len(commands):
            left = (time.monotonic() - start) * (len(commands) - done) / done
            line += f"; about {duration(left)} left"
        print(line, flush=True)
    return failed


async def _train_one(slots, variables, results, run, command):
    """Trains one run once a slot is free, printing its output; returns its failure."""
    shared = {"digits", *SMOKE}  # the same in all runs of a call
    changed = [f"{n}={value}" for n, value in run.changed.items() if n not in shared]
    title = " ".join([run.title, *changed])
    log = folders.logs_folder(results) / f"{run.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    async with slots:
        process = await asyncio.create_subprocess_exec(
            *(*command, "--threads", variables["OMP_NUM_THREADS"]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 24,  # bytes of a line; compilers print long ones
            cwd=folders.REPOSITORY,
            env=variables,
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
        except BaseException:  # an interrupt, or a closed terminal
            with contextlib.suppress(ProcessLookupError):  # it may have ended already
                process.terminate()
            await process.communicate()
            raise
        code = await process.wait()
    return f"{title}: exit code {code}, see {folders.shown(log)}" if code else None
