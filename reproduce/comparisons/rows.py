"""The rows that pages.toml declares, and their runs, all of the same length.

A run with changed options is a separate variant and never enters Table 1 or 2.
"""

import itertools
import pathlib
import tomllib
from typing import NamedTuple

from reproduce.errors import UsageError
from reproduce.experiments.configuration import preset_configuration
from reproduce.experiments.presets import PRESETS
from reproduce.records import frame
from reproduce.tables import cells

METRICS = ("nelbo", "se", "acc", "miou")
PAGES = tomllib.loads((pathlib.Path(__file__).parent / "pages.toml").read_text("utf-8"))


class Row(NamedTuple):
    """One row: its labels, its experiment, and the options that differ."""

    labels: tuple
    experiment: str
    changes: dict


def length(section, call):
    """Epochs of a section's runs: of --epochs or --smoke, else the section's own."""
    overridden = call.shown["epochs"] or call.values.smoke
    return call.epochs if overridden else section.get("epochs", call.epochs)


def declared(section, preset="paper"):
    """The `Row`s of a section that a preset can run, without repeats."""
    rows = []
    for entries in itertools.product(*section["rows"]):
        options = {k: v for _, part in entries for k, v in part.items()}
        experiment = options.pop("experiment", section.get("experiment"))
        try:
            changes = preset_configuration(experiment, preset, **options).changed
        except UsageError:
            if preset == PRESETS[0]:
                raise
            continue
        labels = tuple(label for part, _ in entries for label in part)
        if (experiment, changes) not in [row[1:] for row in rows]:
            rows.append(Row(labels, experiment, changes))
    return rows


def collect(section, call, frames):
    """Aggregates the runs of each row, all of the section's length.

    Returns:
      Dicts with the entries of `cells.average` and `Row`, "folders" (of the runs, the
      failed ones last) and "cut_from" (lengths of longer runs used in their place).
    """
    metrics = (*METRICS, *(column for _, column, _ in section.get("measured", ())))
    runs = frames.runs[frames.runs.smoke == call.values.smoke]
    runs = runs[runs.seed.isin(call.seeds(call.values.seeds))]
    runs = frame.at_epoch(runs, frames.epochs, length(section, call), metrics)
    rows = []
    for row in declared(section, call.values.preset):
        row_runs = frame.runs_of(runs, call.run(row.experiment, 0, row.changes))
        order = ["stale", "status"]  # today's code first, and "complete"
        row_runs = row_runs.sort_values(order, kind="stable").drop_duplicates("seed")
        row_runs = row_runs.sort_values(["status", "seed"])
        origin = {
            "folders": row_runs.folder.tolist(),
            "cut_from": sorted(set(row_runs.cut_from.dropna().astype(int))),
        }
        rows.append(row._asdict() | origin | cells.average(row_runs, metrics))
    return rows
