"""What all commands on runs of the grid share: flags, --list and --index, training.

Tables, pictures, curves and tables of variants differ in the runs they ask for and in
what they make of the records; here is all that comes before that.
"""

import os
import shlex
import sys

from reproduce import cells, estimate, files, grid, interrupts, pool, published
from reproduce.configuration import (
    LARGEST_SEED,
    PRESETS,
    preset_configuration,
    smoke,
)
from reproduce.errors import UsageError
from reproduce.words import count_of, duration

FAILED_RUNS = 1  # exit code
# The flags that say which runs a call is about and where they are; not every command
# has all of them.
SAME_RUNS = (
    *("tables", "comparisons", "searches", "methods", "settings"),
    *("seeds", "epochs", "preset", "digits", "mnist", "smoke", "results"),
)


def define(options, seeds=published.SEEDS):
    """The flags that every command on runs of the grid has: which, how, where."""
    options.integers("seeds", seeds, "runs of a cell", 0, LARGEST_SEED)
    options.integer(
        "epochs",
        published.EPOCHS,
        "length of runs to train; if given, only runs of this length are shown",
        lower=1,
    )
    options.choice("preset", "paper", "options of the text or the code", PRESETS)
    options.choice(
        "digits",
        "mnist",
        "rendered: digits drawn from fonts, no download",
        ("mnist", "rendered"),
    )
    options.text("mnist", None, "MNIST in Keras's format (mnist.npz)", "FILE")
    options.group("What to train")
    options.switch("train", None, "train all that is missing; --notrain: nothing")
    options.switch("retrain", False, "train all, whatever has a record")
    options.switch("smoke", False, "the whole path at toy size, in minutes")
    options.integer("jobs", None, "runs at once (default from cores, memory)", lower=1)
    options.group("For a scheduler")
    options.switch("list", False, "print one command a run and end")
    options.integer(
        "index", None, "run only the N-th line of --list, the first is 0", lower=0
    )
    options.group("Where")
    options.text("results", None, files.RESULTS_HELP, "DIR")


def protocol_from(values):
    """The `grid.Protocol` that the flags ask for.

    Raises:
      UsageError: if flags contradict each other or a folder is none.
    """
    if values.retrain and values.train is False:
        raise UsageError("--notrain: not allowed with --retrain; give one of them")
    results = files.results_folder(values.results, values.smoke)
    if results.exists() and not results.is_dir():
        raise UsageError(f"--results: {results} is a file; allowed: a folder")
    epochs = values.epochs
    if values.smoke and not values["epochs"].present:
        epochs = smoke(preset_configuration("table1/air-13")).epochs
    return grid.Protocol(
        epochs=epochs,
        preset=values.preset,
        digits=values.digits,
        mnist=None if values.mnist is None else os.path.abspath(values.mnist),
        smoke=values.smoke,
        retrain=values.retrain or (values.smoke and values.train is not False),
        results=results.absolute(),
    )


def selects(values, flags):
    """Whether a call selects by one of these flags, even by its usual value.

    What it shows is then a part: it never replaces what the plain call has written.
    """
    return any(values[flag].present for flag in flags)


def call_of(values, name, without=()):
    """The command that asks for the same runs, `bash reproduce/<name>.sh` with flags.

    Args:
      values: the flags of a command that has those of `define`.
      name: of its script.
      without: flags to leave out of `SAME_RUNS`.
    """
    words = ["bash", f"reproduce/{name}.sh"]
    for flag in SAME_RUNS:
        if flag in values and values[flag].present and flag not in without:
            words += grid.option_words(flag, values[flag].value)
    return shlex.join(words)


def seeds_from(values):
    """The seeds asked for; a smoke run has one unless told otherwise."""
    if values.smoke and not values["seeds"].present:
        return published.SEEDS[:1]
    return values.seeds


def listed_or_run(values, runs, protocol):
    """Serves `--list` and `--index`; returns whether the command ends with that."""
    if values.list:
        print("\n".join(grid.shell_line(run, protocol) for run in runs))
        return True
    if values.index is not None:
        _become(runs, values.index, protocol)
    return False


def runs_to_train(values, protocol, runs, only_epochs, only_seeds):
    """The runs to train before the table is shown, by the rules of `reproduce.table`.

    Raises:
      RecordError: if a record among them is damaged (not with `--retrain`).
    """
    if protocol.retrain:
        return runs
    if values.train is False:  # by --notrain
        return []
    exact = values.train or only_epochs is not None
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    epochs = protocol.epochs if exact else None
    found = cells.collect(experiments, protocol, only_seeds, epochs)
    by_name = {cell.experiment: cell for cell in found}
    if exact:
        return [run for run in runs if run.seed not in by_name[run.experiment].ended]
    return [run for run in runs if not by_name[run.experiment].ended]


def train(values, protocol, runs):
    """Trains the runs; returns a list of `pool.Failure`.

    Raises:
      UsageError: if the results folder cannot be written to.
      DataError: if MNIST is needed and cannot be had.
      Interrupted: see `pool.run`.
    """
    files.require_writable(protocol.results, "--results")
    _require_mnist(protocol, runs)
    at_once = estimate.workers(len(runs), values.jobs)
    threads = max(1, estimate.cores() // at_once)
    known = []
    if not protocol.retrain:
        names = list(dict.fromkeys(run.experiment for run in runs))
        known = cells.collect(names, protocol)
    seconds, source = estimate.seconds(runs, protocol, known, at_once)
    print(
        f"{count_of(len(runs), 'run')} of "
        f"{count_of(protocol.epochs, 'epoch')} to train, {at_once} at once: "
        f"about {duration(seconds)} by {source}. Ctrl-C saves what there is.",
        flush=True,
    )
    jobs = [
        pool.Job(
            run.name,
            (*_command(run, protocol), "--threads", str(threads)),
            grid.log_file(run, protocol),
        )
        for run in runs
    ]
    try:
        return pool.run(jobs, at_once, threads, _say)
    except interrupts.Interrupted as interrupted:
        if protocol.smoke:
            interrupted.note = "a smoke run begins again when it is called again"
        elif protocol.retrain:  # which would begin again
            interrupted.note = "the same command without --retrain goes on"
        raise


def tell_failures(failures):
    """Prints each failed worker's line; returns the command's exit code."""
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return FAILED_RUNS if failures else 0


def _say(line):
    print(line, flush=True)


def _command(run, protocol):
    """The words that start one run."""
    return (sys.executable, *grid.arguments(run, protocol))


def _become(runs, index, protocol):
    """Becomes the run of `--index`: its signals and exit code are the run's."""
    if index >= len(runs):
        raise UsageError(
            f"--index: {index} is not allowed; allowed: 0 to {len(runs) - 1}"
        )
    os.chdir(files.REPOSITORY)
    sys.stdout.flush()
    words = _command(runs[index], protocol)
    os.execv(words[0], words)


def _require_mnist(protocol, runs):
    """Finds MNIST once, before several runs look for it and all fail."""
    if any(grid.configuration(run, protocol).digits == "mnist" for run in runs):
        import data

        data.load_mnist(protocol.mnist)
