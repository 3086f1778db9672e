"""Prints a table of the paper from its run records, training what has none.

    python -m reproduce.table --table table1

is what `bash reproduce/table1.sh` runs. Which runs are trained first:

- those of cells that have no record at all;
- with `--epochs N` given, all that lack a record of exactly N epochs, and the
  table then shows runs of N epochs only;
- with `--train`, all that lack a record of the protocol asked for;
- with `--retrain` or `--smoke`, all; with `--notrain`, none.

A run that failed has a record: only `--retrain` trains it again. The whole grid
at the paper's length is written to `results/`, anything else to `outputs/`.
"""

import os
import pathlib
import sys

from reproduce import cells as cells_
from reproduce import (
    claims,
    command_line,
    estimate,
    files,
    grid,
    judging,
    pool,
    published,
    render,
    tables,
)
from reproduce.configuration import (
    LARGEST_SEED,
    METHODS,
    PRESETS,
    preset_configuration,
    smoke,
)
from reproduce.errors import UsageError

FAILED_RUNS = 1  # exit code
DESCRIPTION = (
    "Prints a table of the paper from its run records beside the published numbers. "
    "Cells that have no record at all are trained first. Training can be interrupted: "
    "the same command goes on."
)


def define(options):
    """The command's flags."""
    settings = sorted({s for names in grid.SETTINGS.values() for s in names})
    options.group("What to show")
    options.choice("table", "table1", "which table", grid.TABLES)
    options.choices("methods", tuple(METHODS), "rows to show", tuple(METHODS))
    options.choices(
        "settings",
        None,
        "13, 14, 24 of table1; mnist, dsprites of table2 (default all)",
        settings,
    )
    define_protocol(options)


def define_protocol(options, seeds=published.SEEDS):
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
    options.text("results", None, "folder of runs/ and tables (default results)", "DIR")


def body(values):
    """Runs the command; returns the exit code."""
    protocol = protocol_from(values)
    experiments = grid.cells(values.table, values.methods, values.settings)
    seeds = seeds_from(values)
    runs = grid.runs(experiments, seeds)
    if values.list:
        print("\n".join(grid.shell_line(run, protocol) for run in runs))
        return 0
    if values.index is not None:
        return run_one(runs, values.index, protocol)
    only_epochs = protocol.epochs if values["epochs"].present else None
    only_seeds = seeds if values["seeds"].present else None
    failures = []
    if wanted := runs_to_train(values, protocol, runs, only_epochs, only_seeds):
        failures = train(values, protocol, wanted)
    files.require_folder(protocol.results, "--results")
    table = cells_.collect(experiments, protocol, only_seeds, only_epochs)
    _show(values, protocol, table)
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return FAILED_RUNS if failures else 0


def protocol_from(values):
    """The `grid.Protocol` that the flags ask for.

    Raises:
      UsageError: if flags contradict each other or a folder is none.
    """
    if values.retrain and values["train"].present and not values.train:
        raise UsageError("--notrain: not allowed with --retrain; give one of them")
    default = files.SMOKE_RESULTS if values.smoke else files.RESULTS
    results = default if values.results is None else pathlib.Path(values.results)
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
        retrain=values.retrain or values.smoke,
        results=results.absolute(),
    )


def seeds_from(values):
    """The seeds asked for; a smoke run has one unless told otherwise."""
    if values.smoke and not values["seeds"].present:
        return published.SEEDS[:1]
    return values.seeds


def runs_to_train(values, protocol, runs, only_epochs, only_seeds):
    """The runs to train before the table is shown, see the module's docstring.

    Raises:
      RecordError: if a record among them is damaged (not with `--retrain`).
    """
    if protocol.retrain:
        return runs
    if values["train"].present and not values.train:
        return []
    exact = values.train or only_epochs is not None
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    epochs = protocol.epochs if exact else None
    found = cells_.collect(experiments, protocol, only_seeds, epochs)
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
        known = cells_.collect(names, protocol)
    seconds, source = estimate.seconds(runs, protocol, known, at_once)
    print(
        f"{pool.count_of(len(runs), 'run')} of "
        f"{pool.count_of(protocol.epochs, 'epoch')} to train, {at_once} at once: "
        f"about {pool.duration(seconds)} by {source}. Ctrl-C saves what there is.",
        flush=True,
    )
    jobs = [
        pool.Job(
            run.name,
            (*command(run, protocol), "--threads", str(threads)),
            grid.log_file(run, protocol),
        )
        for run in runs
    ]
    try:
        return pool.run(jobs, at_once, threads, _say)
    except command_line.Interrupted as interrupted:
        if protocol.retrain:  # which would begin again
            interrupted.note = "the same command without --retrain goes on"
        raise


def _say(line):
    print(line, flush=True)


def command(run, protocol):
    """The words that start one run."""
    return (sys.executable, *grid.arguments(run, protocol))


def run_one(runs, index, protocol):
    """Becomes the run of `--index`: its signals and exit code are the run's."""
    if index >= len(runs):
        raise UsageError(
            f"--index: {index} is not allowed; allowed: 0 to {len(runs) - 1}"
        )
    os.chdir(files.REPOSITORY)
    sys.stdout.flush()
    words = command(runs[index], protocol)
    os.execv(words[0], words)


def _require_mnist(protocol, runs):
    """Finds MNIST once, before several runs look for it and all fail."""
    if any(grid.configuration(run, protocol).digits == "mnist" for run in runs):
        import data

        data.load_mnist(protocol.mnist)


def _show(values, protocol, table):
    """Prints the table and writes its files."""
    whole = is_whole(values, protocol)
    file = table_file(values, protocol, whole)
    complete = completing_command(values)
    judged = claims.judge(values.table, table)
    if not whole:  # claims about the rest of the grid would only be noise
        judged = [claim for claim in judged if claim.verdict != judging.UNDECIDED]
    print(render.terminal(values.table, table, judged, complete), flush=True)
    tables.write(file, values.table, table, complete)
    print(f"written: {files.shown(file)}.md and .json")


def is_whole(values, protocol):
    """Whether the call shows the whole grid at the paper's length."""
    return (
        not protocol.smoke
        and set(values.methods) == set(METHODS)
        and set(values.settings or grid.SETTINGS[values.table])
        == set(grid.SETTINGS[values.table])
        and set(values.seeds) >= set(published.SEEDS)
        and values.epochs == published.EPOCHS
    )


def table_file(values, protocol, whole):
    """The path, without suffix, of the table's files."""
    name = values.table
    if protocol.preset != "paper":
        name += f"-{protocol.preset}"
    if protocol.digits != "mnist" and not protocol.smoke:
        name += f"-{protocol.digits}"
    if whole or protocol.smoke:
        return protocol.results / name
    return files.OUTPUTS / name


def completing_command(values):
    """The command that brings all rows shown to the paper's protocol."""
    words = [f"bash reproduce/{values.table}.sh --train"]
    if set(values.methods) != set(METHODS):
        words.append("--methods " + ",".join(values.methods))
    if values.settings:
        words.append("--settings " + ",".join(values.settings))
    if values.preset != "paper":
        words.append(f"--preset {values.preset}")
    return " ".join(words)


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
