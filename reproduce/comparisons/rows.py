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
      The columns of `cells.cells` and "labels", "changes" (a dict), "folder" (of the
      first run) and "cut_from" (a list: lengths of the longer runs that stand for it).
    """
    measured = [column for _, column, _ in comparison.measured]
    rows = comparison.of(preset)
    found, beside = [], {}
    for row, changes in rows:
        wanted = {"preset": preset, "smoke": smoke, **dict(changes)}
        runs = _of_variant(frames, preset_configuration(row.experiment, **wanted))
        runs = runs[(runs.smoke == smoke) & runs.seed.isin(seeds)]
        found.append(runs)
        beside.setdefault(row.experiment, []).append(runs)
    collected = []
    for (row, changes), runs in zip(rows, found, strict=True):
        length = epochs or _length(beside[row.experiment], frames)
        runs = _at(runs, frames, length, measured)
        collected.append(
            {
                "experiment": row.experiment,
                "labels": row.labels,
                "changes": dict(changes),
                "folder": runs.folder.iloc[0] if len(runs) else None,
                "cut_from": sorted(set(runs.cut_from.dropna().astype(int))),
                **cells.average(runs, (*cells.METRICS, *measured)),
            }
        )
    return pandas.DataFrame(collected).astype({"epochs": "Int64"})


def missing(runs, protocol):
    """Those of several `launch.Run`s that have no record of today's code.

    A longer run's record counts. Args: as of `launch.missing`.
    """
    frames, found = frame.load(protocol.results), []
    for run in runs:
        configuration = launch.configuration(run, protocol)
        ended = _of_variant(frames, configuration)
        ended = ended[(ended.seed == run.seed) & ~ended.stale.astype(bool)]
        found += [run] if _at(ended, frames, configuration.epochs).empty else []
    return found


def _of_variant(frames, configuration):
    """The runs of a configuration, of any length and seed."""
    named = frames.runs.variant.map(_words) == _words(configuration.variant)
    return frames.runs[named & (frames.runs.experiment == configuration.experiment)]


def _words(variant):
    """A variant as a set: the order of its words is that of the options then."""
    return frozenset(variant.split("+"))


def _length(found, frames):
    """The number of epochs that fills most rows, the longest of several."""
    lengths = {int(n) for runs in found for n in runs.epochs}
    filled = {n: sum(not _at(runs, frames, n).empty for runs in found) for n in lengths}
    return max(lengths, key=lambda n: (filled[n], n), default=0)


def _at(runs, frames, length, measured=()):
    """Runs as they were after some epochs, one a seed, the shortest that there is."""
    history = frames.epochs[frames.epochs.epoch == length].set_index("folder")
    longer = (runs.epochs > length) & runs.folder.isin(history.index)
    longer &= np.array(
        [c["reported_epoch"] == "last" for c in runs.configuration], bool
    )
    runs = runs[(runs.epochs == length) | longer].sort_values("epochs", kind="stable")
    runs = runs.drop_duplicates("seed").sort_values("seed")
    for column in measured:
        if column not in runs:
            runs = runs.assign(**{column: runs.folder.map(history.get(column, {}))})
    cut = runs.epochs > length
    own = {"cut_from": runs.epochs.where(cut), "epochs": length}
    own["status"] = runs.status.where(~cut, COMPLETE)
    for name in cells.METRICS:
        then = runs.folder.map(history.get(f"test_{name}", {}))
        if name in runs:
            own[name] = np.where(cut, then, runs[name]).astype(float)
    return runs.assign(**own)
