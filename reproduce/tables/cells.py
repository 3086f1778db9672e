"""The cells of a table: which runs each averages, and their means.

A cell takes runs of today's code if there are any, then the longest protocol that has
records, and averages only runs of that number of epochs; it never mixes presets, digits
or data. It is a dict, whose entries `JSON` are those of a row in results/<table>.json.
"""

import numpy as np
import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS, TABLE2_SETTINGS
from reproduce.records import frame
from reproduce.records.folders import FileError
from reproduce.records.record import COMPLETE, FAILED

PRESETS = ("released", "paper")  # the order of a cell's lines
# Options that differ from the preset's in a smoke run, and in one of rendered digits.
TOY = {"digits", "train_images", "test_images"}
RENDERED = {"digits"}
EXTRA = "nelbo_without_kl_presence"  # a metric of Table 1's claim 1b
# Metrics that histories tell of every epoch.
HISTORIC = (*published.TITLES, "kl_presence", "mean_count")
AVERAGE = ("epochs", "seeds", "failed_seeds", "stale", "implied", "metrics")
JSON = ("dataset", "method", "setting", "preset", "digits", "smoke", *AVERAGE)
MARKS = {
    "†": f"fewer than {published.EPOCHS} epochs",
    "‡": f"not all of seeds {', '.join(map(str, published.SEEDS))}",
    "↺": "made by older code, whose numbers would differ today",
    "⚠": "trained with a wrong gradient of z_pres, since corrected",
    "§": "digits rendered from fonts, not MNIST",
    "¶": "smoke run: toy size, checks that everything works, compares with nothing",
    "✗": "a run failed; it is left out of the means",
    "≈": "matrix products in TensorFloat-32, not in full single precision",
}


def select(runs, digits="mnist", smoke=False, seeds=None, epochs=None):
    """The runs that the tables average, with the column `EXTRA`.

    Args:
      runs: the frame of `records.frame.load`.
      digits: "mnist", or "rendered" for the substitute; sprites count in both.
      smoke: whether runs of toy size are asked for, or the others.
      seeds: only runs with these seeds; None for all.
      epochs: only runs of this length; None for each cell's longest.

    Raises:
      FileError: if runs of one cell were trained on different data.
    """
    plain = TOY if smoke else RENDERED
    kept = runs[(runs.smoke == smoke) & runs.changed.map(lambda c: set(c) <= plain)]
    if not smoke:
        kept = kept[kept.digits.isna() | (kept.digits == digits)]
    if seeds is not None:
        kept = kept[kept.seed.isin(seeds)]
    if epochs is not None:
        kept = kept[kept.epochs == epochs]
    cell = ["preset", "experiment"]
    kept = kept.assign(stale=kept.stale.astype(bool))
    kept = kept[kept.stale == kept.groupby(cell).stale.transform("all")]
    kept = kept[kept.epochs == kept.groupby(cell).epochs.transform("max")]
    kept = kept.sort_values("seed")
    for _, own in kept.groupby(cell):
        if own.data_digest.nunique() > 1:
            first, other = own.drop_duplicates("data_digest").folder[:2]
            fault = f"its data are not those of {first}: they cannot be averaged"
            raise FileError(other, fault)
    return _with_extra(kept)


def at_equal_length(selected, epochs):
    """Runs of `select` as they were after the epochs that all methods have reached.

    So no method is ahead in a comparison for having trained longer. Each setting of a
    preset has a length of its own. Failed runs, and runs that have no metrics of that
    epoch (see `frame.at_epoch`), stay as they are.

    Args:
      selected: of `select`.
      epochs: the frame of histories.

    Returns:
      The rows, "cut_from" telling the length of a run that was cut, else NaN. Only the
      metrics `HISTORIC` are of the epoch cut at.
    """
    found = [selected.assign(cut_from=np.nan).iloc[:0]]
    for _, own in selected.groupby(["preset", "table", "setting"], observed=True):
        complete = own[own.status == COMPLETE]
        if complete.epochs.nunique() > 1:
            length = complete.groupby("method", observed=True).epochs.max().min()
            even = frame.at_epoch(complete, epochs, length, HISTORIC)
            own = pandas.concat([even, own[~own.folder.isin(even.folder)]])
        found.append(own)
    return _with_extra(pandas.concat(found).sort_index())


def _with_extra(runs):
    return runs.assign(**{EXTRA: runs.nelbo - runs.kl_presence})


def cells(selected, experiments, presets=PRESETS):
    """The cells of experiments under presets, in that order: a list of dicts.

    Each has the entries of `average` and `JSON`, "experiment" and "published" (by
    metric the mean and the deviation that the paper printed).
    """
    found = []
    for experiment in experiments:
        table, method, setting = grid.parts(experiment)
        metrics = published.METRICS[table] + (EXTRA,) * (table == "table1")
        own = {
            "experiment": experiment,
            "dataset": TABLE2_SETTINGS.get(setting, "multi_mnist"),
            "method": METHODS[method],
            "setting": setting,
            "published": published.published(experiment),
        }
        for preset in presets:
            its = (selected.experiment == experiment) & (selected.preset == preset)
            found.append(own | {"preset": preset} | average(selected[its], metrics))
    return found


def average(runs, metrics):
    """Aggregates runs of one variant and length.

    Args:
      runs: rows of `records.frame`.
      metrics: columns to average.

    Returns:
      A dict: "state", "complete", "failed" or "missing"; "epochs", None if missing;
      "seeds" and "failed_seeds", lists; "failures", texts; "digits"; "smoke" and
      "stale", whether one of the runs is; "implied", what older code did where it had
      no such option yet, a list of words; "marks"; "metrics", of each the "mean", the
      deviation "std" (ddof 1), None where there is none, and by seed the "runs"; None
      without a complete run.
    """
    complete, failed = (runs[runs.status == status] for status in (COMPLETE, FAILED))
    numbers = complete.reindex(columns=list(metrics)).astype(float)
    return {
        "state": COMPLETE if len(complete) else FAILED if len(failed) else "missing",
        "epochs": int(runs.epochs.iloc[0]) if len(runs) else None,
        "seeds": complete.seed.tolist(),
        "failed_seeds": failed.seed.tolist(),
        "failures": [
            f"seed {run.seed}, {run.epochs} epochs failed: {run.failure}"
            for run in failed.itertuples()
        ],
        "digits": _none(runs.digits.iloc[0]) if len(runs) else None,
        "smoke": bool(runs.smoke.any()),
        "stale": bool(runs.stale.any()),
        "implied": sorted({word for words in runs.implied for word in words}),
        "marks": marks(runs),
        "metrics": {
            name: {
                "mean": _none(column.mean()),
                "std": _none(column.std()),
                "runs": column.dropna().tolist(),
            }
            for name, column in numbers.items()
        }
        if len(complete)
        else None,
    }


def marks(runs):
    """Footnote marks for what differs from the paper's protocol."""
    toy = runs.smoke.any()
    found = {
        "†": (runs.epochs < published.EPOCHS).any() and not toy,
        "‡": len(runs) and not set(published.SEEDS) <= set(runs.seed) and not toy,
        "↺": runs.stale.any(),
        "⚠": runs.wrong_gradient.any(),
        "§": (runs.digits == "rendered").any(),
        "¶": toy,
        "✗": (runs.status == FAILED).any(),
        "≈": any(map(_tensorfloat32, runs.record)),
    }
    return "".join(mark for mark, present in found.items() if present)


def _tensorfloat32(record):
    """Whether its matrix products were, in part at least, less precise."""
    processes = (record["environment"], *record.get("trained_by", ()))
    return any(process.get("precision") == "tensorfloat32" for process in processes)


def _none(value):
    """None for a number that is missing."""
    return None if pandas.isna(value) else value
