"""Writes the report's pages in results/ from the committed records.

    .venv/bin/python -m reproduce.report

Every number in them comes from a record; the prose is report.md.j2. What a person has
to say stands in results/observations.md, which this command never touches. Tables,
pictures and comparisons are those that their own commands have written.
"""

import functools
import re
import sys

from reproduce import REPOSITORY, command_line, pages
from reproduce.errors import UsageError
from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS
from reproduce.flags import text
from reproduce.records import folders, frame
from reproduce.report import inventory, numbers, summary
from reproduce.tables import cells, claims, render

BEGIN, END = "<!-- written by reproduce.report -->\n", "<!-- end -->\n"  # in README.md
# Pages by the template's blocks.
PAGES = {name: f"{name}.md" for name in ("README", "numbers", "figures", "runs")}


def define(flags):
    """The command's flags."""
    flags.group("Where")
    flags.add("results", text(), str(folders.RESULTS), "folder of results")


def body(values):
    """Writes the pages."""
    folder = folders.given_path(values.results)
    frames = frame.load(folder)
    if frames.runs.empty:
        fault = f"there are no records in {folder}; train runs first"
        raise UsageError(f"--results: {fault}")
    template = pages.template("report/report.md.j2")
    told = template.new_context(context(frames, folder))
    filled = {name: "".join(block(told)) for name, block in template.blocks.items()}
    for block, name in PAGES.items():
        folders.write_atomically(folder / name, filled[block].strip() + "\n")
        print(f"written: {folders.shown(folder / name)}")
    if folders.is_committed(folder):  # the project's README tells the same
        file = REPOSITORY / "README.md"
        between = re.compile(f"(?<={BEGIN}).*(?={END})", re.DOTALL)
        text = between.sub(lambda _: filled["result"], file.read_text("utf-8"))
        folders.write_atomically(file, text)


def context(frames, folder):
    """What the template needs, a dict."""
    order = {name: place for place, name in enumerate(grid.experiments())}
    runs = frames.runs[~frames.runs.smoke]
    runs = runs.sort_values("experiment", key=lambda c: c.map(order), kind="stable")
    selected = cells.select(runs)
    even = cells.at_equal_length(selected, frames.epochs)
    tables, compared = (
        {name: cells.cells(rows, grid.experiments(name)) for name in grid.TITLES}
        for rows in (selected, even)
    )
    found = summary.numbers(compared.values())
    drawn = selected[(selected.preset == "paper") & (selected.status == cells.COMPLETE)]
    return {
        "state": summary.state(runs),
        "verdicts": claims.by_verdict(selected, frames.epochs),
        "best": summary.best(found),
        "tables": tables,
        "lengths": sorted(set(even.epochs[even.folder.isin(drawn.folder)])),
        "pages": pages,
        "render": render,
        "grid": grid,
        "published": published,
        "terms": {
            (name, preset): numbers.terms(selected, frames.epochs, name, preset)
            for name in grid.TITLES
            for preset in cells.PRESETS
        },
        "boxes": numbers.boxes(selected, folder),
        "made": {
            cell: _made(runs) for cell, runs in drawn.groupby(["table", "setting"])
        },
        "runs": inventory.runs(runs, frames.epochs),
        "scenes": inventory.scenes(runs),
        "under_way": inventory.under_way(folder),
        "compared": functools.partial(inventory.compared, folder),
        "constants": inventory.constants,
        "exists": lambda name: (folder / name).exists(),
    }


def _made(runs):
    """What a picture is drawn from, in words."""

    def named(methods):
        return ", ".join(METHODS[m] for m in METHODS if m in set(methods))

    told = ", ".join(
        f"{named(own.method)} after {epochs} epochs"
        for epochs, own in runs.groupby("epochs")
    )
    if runs.epochs.min() < published.EPOCHS:
        told += f" (in the paper {published.EPOCHS})"
    told += f"; seed {', '.join(map(str, sorted(set(runs.seed))))}"
    if stale := named(runs.method[runs.stale]):
        told += f"; {stale} by older code"
    if lacking := named(METHODS.keys() - set(runs.method)):
        told += f"; no run yet: {lacking}"
    return told


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
