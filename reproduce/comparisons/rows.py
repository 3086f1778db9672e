"""The runs behind a comparison's rows, all of one length.

A run with changed options is a variant of its own: it never enters Table 1 or 2. A
longer run stands for a shorter one: order and noise follow from seed, epoch and
iteration, so after N epochs it is the run of N epochs, bit for bit, and its history has
what that measured.
"""

import numpy as np
import pandas

from reproduce import launch
from reproduce.experiments.configuration import preset_configuration
from reproduce.records import frame
from reproduce.records.record import COMPLETE
from reproduce.tables import cells

METRICS = ("nelbo", "se", "acc", "miou")


def collect(comparison, frames, preset="paper", smoke=False, seeds=(0,), epochs=None):
    """A frame with a row for each of the comparison's that the preset can run.

    Args:
      comparison: a `declared.Comparison`.
      frames: of `records.frame.load`.
      preset: that the rows change.
      smoke: whether runs of toy size are asked for, or the others.
      seeds: those that count.
      epochs: of the runs; None for the length that fills most rows of an experiment,
        the longest of several.

    Returns:
      The columns of `cells.average` and "experiment", "labels", "changes" (a dict),
      "folder" (of the first run) and "cut_from" (a list: lengths of the longer runs
      that stand for it).
    """
    metrics = (*METRICS, *(column for _, column, _ in comparison.measured))
    usable = frames.runs[(frames.runs.smoke == smoke) & frames.runs.seed.isin(seeds)]
    lengths = [epochs] if epochs else sorted(set(usable.epochs)) or [0]
    at = {n: _at(usable, frames.epochs, n, metrics) for n in lengths}
    found = []
    for row, changes in comparison.of(preset):
        changed = preset_configuration(row.experiment, preset, smoke, **dict(changes))
        runs = {n: _of_variant(runs, changed) for n, runs in at.items()}
        found.append((row, dict(changes), runs))
    collected = []
    for row, changes, by_length in found:
        beside = [
            runs for other, _, runs in found if other.experiment == row.experiment
        ]
        filled = {n: sum(not runs[n].empty for runs in beside) for n in at}
        runs = by_length[max(at, key=lambda n: (filled[n], n))]
        collected.append(
            {
                "experiment": row.experiment,
                "labels": row.labels,
                "changes": changes,
                "folder": runs.folder.iloc[0] if len(runs) else None,
                "cut_from": sorted(set(runs.cut_from.dropna().astype(int))),
                **cells.average(runs, metrics),
            }
        )
    return pandas.DataFrame(collected).astype({"epochs": "Int64"})


def missing(runs, protocol):
    """Those of several `launch.Run`s that have no record of today's code.

    A longer run's record counts. Args: as of `launch.missing`.
    """
    frames, found = frame.load(protocol.results), []
    today = frames.runs[~frames.runs.stale.astype(bool)]
    ended = _at(today, frames.epochs, protocol.epochs)
    for run in runs:
        own = _of_variant(ended, launch.configuration(run, protocol))
        found += [] if run.seed in set(own.seed) else [run]
    return found


def _of_variant(runs, configuration):
    """The runs of a configuration, of any seed, the first of several of one seed."""
    # As sets: early records have the words in another order.
    words = runs.variant.map(lambda variant: frozenset(variant.split("+")))
    own = words == frozenset(configuration.variant.split("+"))
    runs = runs[own & (runs.experiment == configuration.experiment)]
    return runs.drop_duplicates("seed").sort_values("seed")


def _at(runs, epochs, length, metrics=()):
    """The runs that got so far, as they were then; the shortest comes first."""
    history = epochs[epochs.epoch == length].set_index("folder")
    last = np.array([c["reported_epoch"] == "last" for c in runs.configuration], bool)
    longer = (runs.epochs > length) & runs.folder.isin(history.index) & last
    runs = runs[(runs.epochs == length) | longer].sort_values("epochs", kind="stable")
    cut = runs.epochs > length
    own = {"cut_from": runs.epochs.where(cut), "epochs": length}
    own["status"] = runs.status.where(~cut, COMPLETE)
    for name in metrics:
        then = runs.folder.map(history.get(f"test_{name}", history.get(name, {})))
        own[name] = np.where(cut, then, runs[name]) if name in runs else then
    return runs.assign(**own)
