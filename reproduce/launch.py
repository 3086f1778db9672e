"""What every command on runs of the grid shares: which runs, --list, --index, training.

Tables, figures, curves and comparisons differ in the runs they ask for and in what they
make of the records; here is all that comes before that.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import data
from reproduce.errors import UsageError
from reproduce.experiments import published
from reproduce.experiments.configuration import (
    LARGEST_SEED,
    SMOKE,
    preset_configuration,
)
from reproduce.experiments.presets import PRESETS
from reproduce.records import environment, folders, frame, record
from reproduce.words import count_of, duration

FAILED_RUNS = 1  # exit code
# Of one core of a server of 2020, at batch 64: 98 ms a training step at K = 6.
SECONDS_PER_IMAGE_AND_STEP = 0.098 / 64 / 6
SECONDS_TO_START = 60  # imports, scenes, compilation
# TensorFlow's notices about processors and drivers: kept in the log only.
_NOTICE = re.compile(r"[IWE]\d{4} |WARNING: All log messages|To enable the following")
MEMORY_OF_A_RUN = 3e9  # bytes; a run's peak is up to 2.1 GB, the rest is spare


class Run(NamedTuple):
    """One training run of the grid, or a variant of one."""

    experiment: str  # "table1/asr-13"
    seed: int
    changes: tuple = ()  # pairs (option, value) that differ from the preset's

    @property
    def name(self):
        """As its lines begin on the terminal."""
        words = [self.experiment, f"seed {self.seed}"]
        return " ".join(words + [f"{name}={value}" for name, value in self.changes])


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How the runs of one call are trained, and where their records are."""

    epochs: int = published.EPOCHS
    preset: str = "paper"
    digits: str = "mnist"  # "mnist", or "rendered" by this project from fonts
    mnist: str | None = None  # file; None leaves the search to the run
    smoke: bool = False
    retrain: bool = False
    results: pathlib.Path = folders.RESULTS


def define(flags, seeds=published.SEEDS, presets=PRESETS):
    """The flags that every command on runs of the grid has: which, how, where.

    Args:
      flags: `command_line.Flags`.
      seeds: default of --seeds.
      presets: allowed values of --preset, the first is the default.
    """
    add, switch, digits = flags.add, flags.switch(), ("mnist", "rendered")
    # fmt: off
    add("seeds", flags.several(flags.integer(0, LARGEST_SEED)), seeds, "runs of a cell")
    add("epochs", flags.integer(1), published.EPOCHS,
        "length of runs to train; if given, only runs of this length are shown")
    add("preset", flags.word(presets), presets[0], "options of the text or of the code")
    add("digits", flags.word(digits), "mnist", "rendered: drawn, no download")
    add("mnist", flags.text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("What to train")
    add("train", switch, None, "train all that is missing; --notrain: nothing")
    add("retrain", switch, False, "train all, whatever has a record")
    add("smoke", switch, False, "the whole path at toy size, in minutes")
    add("jobs", flags.integer(1), None,
        "runs at once (default: as cores and memory allow)")
    flags.group("For a scheduler")
    add("list", switch, False, "print one command a run and end")
    add("index", flags.integer(0), None, "run only this line of --list, the first is 0")
    flags.group("Where")
    add("results", flags.text(), None, folders.RESULTS_HELP)
    # fmt: on


def protocol_from(values):
    """The `Protocol` that the flags ask for.

    Raises:
      UsageError: if flags contradict each other or a folder is none.
    """
    if values.retrain and values.train is False:
        raise UsageError("--notrain: not allowed with --retrain; give one of them")
    results = folders.results_folder(values.results, values.smoke)
    if results.exists() and not results.is_dir():
        raise UsageError(f"--results: {results} is a file; allowed: a folder")
    epochs = values.epochs
    if values.smoke and not values["epochs"].present:
        epochs = SMOKE["epochs"]
    return Protocol(
        epochs=epochs,
        preset=values.preset,
        digits=values.digits,
        mnist=values.mnist and os.path.abspath(os.path.expanduser(values.mnist)),
        smoke=values.smoke,
        retrain=values.retrain or (values.smoke and values.train is not False),
        results=results,
    )


def seeds_from(values):
    """The seeds asked for; a smoke run has one unless told otherwise."""
    if values.smoke and not values["seeds"].present:
        return values.seeds[:1]
    return values.seeds


def runs(experiments, seeds):
    """Every run, seed by seed, so that all cells have a first value early."""
    return [Run(experiment, seed) for seed in seeds for experiment in experiments]


def configuration(run, protocol):
    """The `Configuration` of one run of the grid."""
    return preset_configuration(
        run.experiment,
        protocol.preset,
        protocol.smoke,
        seed=run.seed,
        epochs=protocol.epochs,
        **_digits(run, protocol),
        **dict(run.changes),
    )


def arguments(run, protocol):
    """The words after `python` that train one run."""
    words = ["-m", "reproduce.run", "--experiment", run.experiment]
    words += ["--seed", str(run.seed), "--epochs", str(protocol.epochs)]
    words += ["--preset", protocol.preset] if protocol.preset != "paper" else []
    for option, value in {**_digits(run, protocol), **dict(run.changes)}.items():
        words += option_words(option, value)
    if protocol.results != folders.RESULTS:
        words += ["--results", str(protocol.results)]
    words += ["--mnist", protocol.mnist] if protocol.mnist else []
    flags = {"--smoke": protocol.smoke, "--retrain": protocol.retrain}
    return words + [flag for flag, given in flags.items() if given]


def option_words(name, value):
    """The words of a command line that set an option to a value."""
    if isinstance(value, bool):  # a switch, which takes no word of its own
        return [f"--{name}" if value else f"--no{name}"]
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return [f"--{name}", str(value)]


def listed_or_run(values, runs_, protocol):
    """Serves --list and --index; returns whether the command ends with that."""
    if values.list:
        place = shlex.quote(str(folders.REPOSITORY))
        for run in runs_:
            command = shlex.join(_command(run, protocol))
            print(f"cd {place} && env PYTHONPATH={place} {command}")
        return True
    if values.index is not None:
        if values.index >= len(runs_):
            allowed = f"allowed: 0 to {len(runs_) - 1}"
            raise UsageError(f"--index: {values.index} is not allowed; {allowed}")
        surroundings = _surroundings()  # before the current folder is another
        os.chdir(folders.REPOSITORY)
        sys.stdout.flush()
        words = _command(runs_[values.index], protocol)
        # Its signals and exit code are the run's.
        os.execve(words[0], words, surroundings)
    return False


def missing(runs_, protocol):
    """The runs that have no record of today's code at the protocol's length."""
    done = []
    for run in runs_:
        folder = record.run_folder(protocol.results, configuration(run, protocol))
        there = (folder / "record.json").exists()
        done.append(there and not record.stale(record.read(folder)))
    return [run for run, ended in zip(runs_, done, strict=True) if not ended]


def to_train(values, runs_, protocol):
    """The runs to train before a page is made.

    All with --retrain, none with --notrain; with --train or --epochs those that are
    `missing`; otherwise those of cells without any record, of whatever length.
    """
    if protocol.retrain:
        return list(runs_)
    if values.train is False:
        return []
    if values.train or values["epochs"].present:
        return missing(runs_, protocol)
    found = frame.load(protocol.results).runs
    ended = set(zip(found.experiment, found.variant, found.seed, strict=True))

    def cell(run):
        return run.experiment, configuration(run, protocol).variant

    started = {cell(run) for run in runs_ if (*cell(run), run.seed) in ended}
    return [run for run in runs_ if cell(run) not in started]


def train(values, runs_, protocol):
    """Trains runs, a few at once, each in a process of its own.

    An interrupt ends them all; each goes on from its last epoch the next time.

    Args:
      values: the flags, for --jobs.
      runs_: list of `Run`.
      protocol: their `Protocol`.

    Returns:
      The exit code: 0, or `FAILED_RUNS` if one failed; its line has been printed.

    Raises:
      UsageError: if the results folder cannot be written to.
      DataError: if MNIST is needed and cannot be had.
    """
    if not runs_:
        return 0
    folders.require_writable(protocol.results, "--results")
    wanted = [configuration(run, protocol) for run in runs_]
    if any(c.digits == "mnist" and c.scenes is None for c in wanted):
        data.load_mnist(protocol.mnist)  # once, before several runs all fail
    cores = environment.usable_cores()
    at_once = max(1, min(values.jobs or _room(cores), len(runs_)))
    threads = max(1, cores // at_once)
    print(
        f"{count_of(len(runs_), 'run')} of {count_of(protocol.epochs, 'epoch')} to "
        f"train, {at_once} at once: about "
        f"{duration(_seconds(wanted, at_once))}",
        flush=True,
    )
    begun, failed, running = time.monotonic(), [], _Running()
    pool = concurrent.futures.ThreadPoolExecutor(at_once)
    waiting = [
        pool.submit(_train_one, run, protocol, threads, running) for run in runs_
    ]
    try:
        for done, future in enumerate(concurrent.futures.as_completed(waiting), 1):
            failed += [future.result()] if future.result() else []
            line = f"{done} of {count_of(len(runs_), 'run')} ended"
            if done < len(runs_):
                left = (time.monotonic() - begun) * (len(runs_) - done) / done
                line += f"; about {duration(left)} left"
            print(line, flush=True)
    finally:  # an interrupt, or a terminal that is gone
        pool.shutdown(wait=False, cancel_futures=True)
        running.end()
    for line in failed:
        print(f"error: {line}", file=sys.stderr)
    return FAILED_RUNS if failed else 0


def _digits(run, protocol):
    """Changes that make a plain run of the protocol: substitute digits, if any."""
    base = preset_configuration(run.experiment, protocol.preset).digits
    if protocol.smoke or base in (None, protocol.digits):
        return {}
    return {"digits": protocol.digits}


def _surroundings():
    """The variables of a run's process, which starts in the repository.

    Files that they name are the caller's, and the code is found there whatever else.
    """
    found = dict(os.environ)
    for name in ("MNIST_NPZ", "ASR_CACHE", "KERAS_HOME"):
        if found.get(name):
            found[name] = os.path.abspath(os.path.expanduser(found[name]))
    paths = [str(folders.REPOSITORY), found.get("PYTHONPATH")]
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _command(run, protocol):
    return (sys.executable, *arguments(run, protocol))


class _Running:
    """The processes of the runs; after `end` none is left, and none starts."""

    def __init__(self):
        self._processes, self._ended, self._lock = [], False, threading.Lock()

    def start(self, words, **options):
        with self._lock:
            if self._ended:
                raise KeyboardInterrupt
            self._processes.append(subprocess.Popen(words, **options))
            return self._processes[-1]

    def end(self):
        with self._lock:
            self._ended = True
            for process in self._processes:
                process.terminate()  # does nothing to one that has ended


def _train_one(run, protocol, threads, running):
    """Trains one run and shows its lines; returns what went wrong, or None."""
    name = record.run_folder("", configuration(run, protocol)).relative_to("runs")
    log = folders.logs_folder(protocol.results) / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    surroundings = _surroundings() | {
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # runs share a GPU
    }
    process = running.start(
        (*_command(run, protocol), "--threads", str(threads)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=folders.REPOSITORY,
        env=surroundings,
    )
    with process.stdout, open(log, "a", encoding="utf-8") as copy:
        for line in process.stdout:
            copy.write(line)
            copy.flush()
            if _NOTICE.match(line):
                continue
            named = line.startswith(run.experiment)  # a run's own lines are
            print(line if named else f"[{run.name}] {line}", end="", flush=True)
    code = process.wait()
    return f"{run.name}: exit code {code}, see {folders.shown(log)}" if code else None


def _room(cores):
    """How many runs go at once, as cores and memory allow."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(cores, int(memory / MEMORY_OF_A_RUN))


def _seconds(wanted, at_once):
    """About how long runs take, given as their `Configuration`s, on usual cores."""
    times = [
        SECONDS_TO_START
        + c.train_images * c.epochs * c.steps * SECONDS_PER_IMAGE_AND_STEP
        for c in wanted
    ]
    return max(sum(times) / at_once, max(times))
