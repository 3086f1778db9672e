"""The cells of a table: which runs each averages, and their means.

A cell prefers runs of today's code to those of older code, takes the largest number of
epochs that one of them completed and averages only runs of that length; runs that
failed at that length or a longer one are listed. It never mixes presets, digits or
data. It is a dict, whose entries `JSON` are those of a row in results/<table>.json.
"""

import numpy as np
import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS, TABLE2_SETTINGS
from reproduce.records import frame
from reproduce.records.folders import FileError
from reproduce.records.record import COMPLETE, FAILED

PRESETS = ("released", "paper")  # the order of a cell's lines
# Options that differ from the preset's in smoke runs, and in runs on rendered digits.
TOY = {"digits", "train_images", "test_images"}
RENDERED = {"digits"}
EXTRA = "nelbo_without_kl_presence"  # a metric of Table 1's claim 1b
# Metrics that histories have for every epoch.
HISTORIC = (*published.TITLES, "kl_presence", "mean_count")
AVERAGE = ("epochs", "seeds", "failed_seeds", "stale", "metrics")
JSON = ("dataset", "method", "setting", "preset", "digits", "smoke", *AVERAGE)
MARKS = {
    "†": f"fewer than {published.EPOCHS} epochs",
    "‡": f"not all of seeds {', '.join(map(str, published.SEEDS))}",
    "↺": "made by an earlier version of the code, whose numbers would differ today",
    "§": "digits rendered from fonts, not MNIST",
    "¶": "smoke run: toy size, checks that everything works, compares with nothing",
    "✗": "a run failed; it is left out of the means",
}


def select(runs, digits="mnist", smoke=False, seeds=None, epochs=None):
    """The runs that the tables average, with the column `EXTRA`.

    Args:
      runs: the frame of `records.frame.load`.
      digits: "mnist", or "rendered" for the substitute; sprites count in both.
      smoke: whether to select the runs of toy size, or the others.
      seeds: only runs with these seeds; None for all.
      epochs: only runs of this length; None for each cell's longest.

    Raises:
      FileError: if runs of one cell were trained on different data.
    """
    allowed = TOY if smoke else RENDERED
    kept = runs[(runs.smoke == smoke) & runs.changed.map(lambda c: set(c) <= allowed)]
    if not smoke:
        kept = kept[kept.digits.isna() | (kept.digits == digits)]
    if seeds is not None:
        kept = kept[kept.seed.isin(seeds)]
    if epochs is not None:
        kept = kept[kept.epochs == epochs]
    cell = ["preset", "experiment"]
    kept = kept.assign(stale=kept.stale.astype(bool))
    kept = kept[kept.stale == kept.groupby(cell).stale.transform("all")]
    kept = kept.assign(completed=kept.epochs.where(kept.status == COMPLETE))
    by_cell = kept.groupby(cell)
    longest = by_cell.completed.transform("max")
    longest = longest.fillna(by_cell.epochs.transform("max"))
    failed = (kept.status == FAILED) & (kept.epochs > longest)
    kept = kept[(kept.epochs == longest) | failed].sort_values("seed")
    for _, group in kept[kept.status == COMPLETE].groupby(cell):
        if group.data_digest.nunique() > 1:
            first, other = group.drop_duplicates("data_digest").folder[:2]
            reason = f"its data are not those of {first}: they cannot be averaged"
            raise FileError(other, reason)
    return _with_extra(kept)


def at_equal_length(selected, epochs):
    """Runs of `select` as they were after the epochs that all methods have reached.

    So no method is ahead in a comparison because it was trained for longer. The length
    is chosen separately for each setting of a preset. Failed runs, and runs without
    metrics for that epoch (see `frame.at_epoch`), stay as they are.

    Args:
      selected: of `select`.
      epochs: the frame of histories.

    Returns:
      The rows; "cut_from" is the length of a run that was cut, else NaN. Of the metrics
      only `HISTORIC` are those after the cut.
    """
    groups = [selected.assign(cut_from=np.nan).iloc[:0]]
    for _, group in selected.groupby(["preset", "table", "setting"], observed=True):
        complete = group[group.status == COMPLETE]
        if complete.epochs.nunique() > 1:
            length = complete.groupby("method", observed=True).epochs.max().min()
            cut = frame.at_epoch(complete, epochs, length, HISTORIC)
            group = pandas.concat([cut, group[~group.folder.isin(cut.folder)]])
        groups.append(group)
    return _with_extra(pandas.concat(groups).sort_index())


def _with_extra(runs):
    return runs.assign(**{EXTRA: runs.nelbo - runs.kl_presence})


def cells(selected, experiments, presets=PRESETS):
    """The cells of experiments under presets, in that order: a list of dicts.

    Each has the entries of `average` and `JSON`, "experiment" and "published" (by
    metric the mean and the deviation that the paper printed).
    """
    table_cells = []
    for experiment in experiments:
        table, method, setting = grid.parts(experiment)
        metrics = published.METRICS[table] + (EXTRA,) * (table == "table1")
        row = {
            "experiment": experiment,
            "dataset": TABLE2_SETTINGS.get(setting, "multi_mnist"),
            "method": METHODS[method],
            "setting": setting,
            "published": published.published(experiment),
        }
        for preset in presets:
            runs = selected[selected.experiment == experiment]
            runs = runs[runs.preset == preset]
            table_cells.append(row | {"preset": preset} | average(runs, metrics))
    return table_cells


def average(runs, metrics):
    """Aggregates runs of one variant and length; failed ones may be longer.

    Args:
      runs: rows of `records.frame`.
      metrics: columns to average.

    Returns:
      A dict: "state", "complete", "failed" or "missing"; "epochs", None if missing;
      "seeds" and "failed_seeds", lists; "failures", texts; "digits"; "smoke" and
      "stale", whether any of the runs is; "marks"; "metrics", for each the "mean", the
      deviation "std" (ddof 1), None where there is none, and the values of the "runs"
      in the order of "seeds"; None without a complete run.
    """
    complete, failed = (runs[runs.status == status] for status in (COMPLETE, FAILED))
    numbers = complete.reindex(columns=list(metrics)).astype(float)
    shown = complete if len(complete) else runs
    return {
        "state": COMPLETE if len(complete) else FAILED if len(failed) else "missing",
        "epochs": int(shown.epochs.max()) if len(shown) else None,
        "seeds": complete.seed.tolist(),
        "failed_seeds": failed.seed.tolist(),
        "failures": [
            f"seed {run.seed}, {run.epochs} epochs failed: {run.failure}"
            for run in failed.itertuples()
        ],
        "digits": _none(runs.digits.iloc[0]) if len(runs) else None,
        "smoke": bool(runs.smoke.any()),
        "stale": bool(runs.stale.any()),
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
    present = {
        "†": (runs.epochs < published.EPOCHS).any() and not toy,
        "‡": len(runs) and not set(published.SEEDS) <= set(runs.seed) and not toy,
        "↺": runs.stale.any(),
        "§": (runs.digits == "rendered").any(),
        "¶": toy,
        "✗": (runs.status == FAILED).any(),
    }
    return "".join(mark for mark, holds in present.items() if holds)


def _none(value):
    """A value, or None for a missing number."""
    return None if pandas.isna(value) else value
