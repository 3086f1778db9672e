"""The rows that pages.toml declares, and the runs behind them, all of one length.

A run with changed options is a variant of its own: it never enters Table 1 or 2.
"""

import collections
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
FIELDS = ("title", "about", "epochs", "seeds")  # of a page; the others are its sections


class Row(NamedTuple):
    """One row: its labels, its experiment, and the options that differ."""

    labels: tuple
    experiment: str
    changes: dict


def pages():
    """All pages by name: dicts of `FIELDS` and "sections", dicts by name."""
    text = (pathlib.Path(__file__).parent / "pages.toml").read_text("utf-8")
    return {
        name: {field: content.pop(field, [0]) for field in FIELDS}
        | {"sections": content}
        for name, content in tomllib.loads(text).items()
    }


def declared(section, preset="paper"):
    """The `Row`s of a section that a preset can run, each once."""
    found = []
    for entries in itertools.product(*section["rows"]):
        options = {k: v for _, own in entries for k, v in own.items()}
        experiment = options.pop("experiment", section.get("experiment"))
        base = preset_configuration(experiment, preset)
        options = {k: None if v == "none" else v for k, v in options.items()}
        changes = {k: v for k, v in options.items() if v != getattr(base, k)}
        try:
            preset_configuration(experiment, preset, **changes)
        except UsageError:
            if preset == PRESETS[0]:
                raise
            continue
        labels = tuple(label for own, _ in entries for label in own)
        if (experiment, changes) not in [row[1:] for row in found]:
            found.append(Row(labels, experiment, changes))
    return found


def collect(section, call, frames):
    """What comes of each row's runs.

    Returns:
      Dicts with the entries of `cells.average` and `Row`, "folder" (of the first run)
      and "cut_from" (lengths of the longer runs that stand for it). The runs of an
      experiment are of one length: the one asked for, or the one that fills most rows,
      the longest of several.
    """
    metrics = (*METRICS, *(column for _, column, _ in section.get("measured", ())))
    runs = frames.runs[frames.runs.smoke == call.values.smoke]
    runs = runs[runs.seed.isin(call.values.seeds)]
    asked = call.shown["epochs"]
    lengths = [asked] if asked else sorted(set(runs.epochs)) or [0]
    at = {n: frame.after(runs, frames.epochs, n, metrics) for n in lengths}
    found, filled = [], collections.Counter()
    for row in declared(section, call.values.preset):
        changed = call.run(row.experiment, 0, row.changes)
        for length, ended in at.items():
            own = frame.of(ended, changed).drop_duplicates("seed").sort_values("seed")
            filled[row.experiment, length] += not own.empty
            found.append((row, length, own))
    best = {
        row.experiment: max(at, key=lambda n, of=row: (filled[of.experiment, n], n))
        for row, *_ in found
    }
    return [
        {
            **row._asdict(),
            "folder": own.folder.iloc[0] if len(own) else None,
            "cut_from": sorted(set(own.cut_from.dropna().astype(int))),
            **cells.average(own, metrics),
        }
        for row, length, own in found
        if length == best[row.experiment]
    ]
