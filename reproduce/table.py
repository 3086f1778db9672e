"""Prints a table of the paper from its run records, training what has none.

    python -m reproduce.table --table table1

is what `bash reproduce/table1.sh` runs. Which runs are trained first:

- those of cells that have no record at all;
- with `--epochs N` given, all that lack a record of exactly N epochs, and the
  table then shows runs of N epochs only;
- with `--train`, all that lack a record of the protocol asked for;
- with `--retrain` or `--smoke`, all;
- with `--notrain`, none.

A run that failed has a record: only `--retrain` trains it again. The table is written
to `results/`; a part of it, selected by one of the flags `PART`, to `outputs/`.
"""

import sys

from reproduce import (
    cells,
    claims,
    command_line,
    files,
    grid,
    grid_command,
    judging,
    render,
    tables,
)
from reproduce.configuration import METHODS

DESCRIPTION = (
    "Prints a table of the paper from its run records beside the published numbers. "
    "Cells that have no record at all are trained first. Training can be interrupted: "
    "the same command goes on."
)
PART = ("methods", "settings", "seeds", "epochs")


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
    grid_command.define(options)


def body(values):
    """Runs the command; returns the exit code."""
    protocol = grid_command.protocol_from(values)
    experiments = grid.table_experiments(values.table, values.methods, values.settings)
    seeds = grid_command.seeds_from(values)
    runs = grid.runs(experiments, seeds)
    if grid_command.listed_or_run(values, runs, protocol):
        return 0
    only_epochs = protocol.epochs if values["epochs"].present else None
    only_seeds = seeds if values["seeds"].present else None
    failures = []
    asked = (values, protocol, runs, only_epochs, only_seeds)
    if wanted := grid_command.runs_to_train(*asked):
        failures = grid_command.train(values, protocol, wanted)
    files.require_folder(protocol.results, "--results")
    table = cells.collect(experiments, protocol, only_seeds, only_epochs)
    _show(values, protocol, table)
    return grid_command.tell_failures(failures)


def _show(values, protocol, table):
    """Prints the table and writes its files."""
    part = grid_command.selects(values, PART)
    folder = files.OUTPUTS if part and not protocol.smoke else protocol.results
    file = folder / protocol.named(values.table)
    complete = completing_command(values)
    judged = claims.judge(values.table, table)
    if part or protocol.smoke:  # claims about the rest would only be noise
        judged = [claim for claim in judged if claim.verdict != judging.UNDECIDED]
    print(render.terminal(values.table, table, judged, complete), flush=True)
    tables.write(file, values.table, table, judged, complete)
    print(f"written: {files.shown(file)}.md and .json")


def completing_command(values):
    """The command that brings all rows shown to the paper's protocol."""
    without = ("seeds", "epochs", "smoke")
    return f"{grid_command.call_of(values, values.table, without)} --train"


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
