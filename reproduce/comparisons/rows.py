"""The rows that pages.toml declares, and the runs behind them, all of one length.

A run with changed options is a variant of its own: it never enters Table 1 or 2.
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
    """The epochs of a section's runs: those asked for, of toy size, or its own."""
    asked = call.shown["epochs"] or call.values.smoke
    return call.epochs if asked else section.get("epochs", call.epochs)


def declared(section, preset="paper"):
    """The `Row`s of a section that a preset can run, each once."""
    found = []
    for entries in itertools.product(*section["rows"]):
        options = {k: v for _, own in entries for k, v in own.items()}
        experiment = options.pop("experiment", section.get("experiment"))
        try:
            changes = preset_configuration(experiment, preset, **options).changed
        except UsageError:
            if preset == PRESETS[0]:
                raise
            continue
        labels = tuple(label for own, _ in entries for label in own)
        if (experiment, changes) not in [row[1:] for row in found]:
            found.append(Row(labels, experiment, changes))
    return found


def collect(section, call, frames):
    """Aggregates the runs of each row, all of the section's length.

    Returns:
      Dicts with the entries of `cells.average` and `Row`, "folders" (of the runs,
      those that failed last) and "cut_from" (lengths of longer runs that stand for it).
    """
    metrics = (*METRICS, *(column for _, column, _ in section.get("measured", ())))
    runs = frames.runs[frames.runs.smoke == call.values.smoke]
    runs = runs[runs.seed.isin(call.seeds(call.values.seeds))]
    ended = frame.at_epoch(runs, frames.epochs, length(section, call), metrics)
    found = []
    for row in declared(section, call.values.preset):
        own = frame.runs_of(ended, call.run(row.experiment, 0, row.changes))
        own = own.drop_duplicates("seed").sort_values(["status", "seed"])
        known = {
            "folders": own.folder.tolist(),
            "cut_from": sorted(set(own.cut_from.dropna().astype(int))),
        }
        found.append(row._asdict() | known | cells.average(own, metrics))
    return found
