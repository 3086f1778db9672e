"""Writes the report's pages in results/ from the committed records.

    .venv/bin/python -m reproduce.report

Every number in them comes from a record; the prose is in report.md.j2. Observations
written by hand go into results/observations.md, which this command never touches.
Tables, pictures and comparisons are those that their own commands have written.
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
        reason = f"there are no records in {folder}; train runs first"
        raise UsageError(f"--results: {reason}")
    template = pages.template("report/report.md.j2")
    variables = template.new_context(context(frames, folder))
    texts = {name: "".join(block(variables)) for name, block in template.blocks.items()}
    for block, name in PAGES.items():
        folders.write_atomically(folder / name, texts[block].strip() + "\n")
        print(f"written: {folders.shown(folder / name)}")
    if folders.is_committed(folder):  # the project's README quotes the result
        file = REPOSITORY / "README.md"
        section = re.compile(f"(?<={BEGIN}).*(?={END})", re.DOTALL)
        readme = section.sub(lambda _: texts["result"], file.read_text("utf-8"))
        folders.write_atomically(file, readme)


def context(frames, folder):
    """The variables of the template, a dict."""
    order = {name: place for place, name in enumerate(grid.experiments())}
    runs = frames.runs[~frames.runs.smoke]
    runs = runs.sort_values("experiment", key=lambda c: c.map(order), kind="stable")
    selected = cells.select(runs)
    compared = cells.at_equal_length(selected, frames.epochs)
    tables, compared_tables = (
        {name: cells.cells(rows, grid.experiments(name)) for name in grid.TITLES}
        for rows in (selected, compared)
    )
    drawn = selected[(selected.preset == "paper") & (selected.status == cells.COMPLETE)]
    return {
        "state": summary.state(runs),
        "verdicts": claims.by_verdict(selected, frames.epochs),
        "claims": claims.CLAIMS,
        "best": summary.best(summary.numbers(compared_tables.values())),
        "tables": tables,
        "lengths": sorted(set(compared.epochs[compared.folder.isin(drawn.folder)])),
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
    """The runs that a picture is drawn from, in words."""

    def names(methods):
        return ", ".join(METHODS[m] for m in METHODS if m in set(methods))

    caption = ", ".join(
        f"{names(group.method)} after {epochs}"
        for epochs, group in runs.groupby("epochs")
    )
    caption += " epochs"
    if runs.epochs.min() < published.EPOCHS:
        caption += f" (in the paper {published.EPOCHS} for all)"
    caption += f"; seed {', '.join(map(str, sorted(set(runs.seed))))}"
    if stale := names(runs.method[runs.stale]):
        caption += f"; {stale} by an earlier version of the code"
    if missing := names(METHODS.keys() - set(runs.method)):
        caption += f"; no run yet: {missing}"
    return caption


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
