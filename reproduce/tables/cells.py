"""The cells of a table: which runs each averages, and what comes of them.

A cell takes the longest protocol that has records and averages only runs of that
number of epochs; it never mixes presets, digits or data.
"""

import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.presets import METHODS, PRESETS, TABLE2_SETTINGS
from reproduce.records.record import COMPLETE, FAILED, RecordError

CELL = ["preset", "table", "setting", "method"]  # what makes a run part of a cell
# Options that differ from the preset's in a smoke run, and in one of rendered digits.
TOY = {"digits", "train_images", "test_images"}
RENDERED = {"digits"}
METRICS = (
    *("nelbo", "acc", "se", "miou", "nelbo_without_kl_presence"),
    *("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence"),
    *("miou_integer_convention", "mean_count", "one_step_share"),
    "overlapping_pairs_in_samples",
)


def select(runs, digits="mnist", smoke=False, seeds=None, epochs=None):
    """The runs that the tables average, with the column "nelbo_without_kl_presence".

    Args:
      runs: the frame of `records.frame.load`.
      digits: "mnist", or "rendered" for the substitute; sprites count in both.
      smoke: whether runs of toy size are asked for, or the others.
      seeds: only runs with these seeds; None for all.
      epochs: only runs of this length; None for each cell's longest.

    Raises:
      RecordError: if runs of one cell were trained on different data.
    """
    plain = TOY if smoke else RENDERED
    kept = runs[(runs.smoke == smoke) & runs.changed.map(lambda c: set(c) <= plain)]
    if not smoke:
        kept = kept[kept.digits.isna() | (kept.digits == digits)]
    if seeds is not None:
        kept = kept[kept.seed.isin(seeds)]
    if epochs is None:
        kept = kept[kept.epochs == kept.groupby(CELL).epochs.transform("max")]
    else:
        kept = kept[kept.epochs == epochs]
    kept = kept.assign(data_digest=[r["data_digest"] for r in kept.record])
    for _, cell in kept.groupby(CELL):
        if cell.data_digest.nunique() > 1:
            first, other = cell.drop_duplicates("data_digest").folder[:2]
            raise RecordError(
                other, f"its data are not those of {first}: they cannot be averaged"
            )
    return kept.assign(
        nelbo_without_kl_presence=kept.nelbo - kept.kl_presence
    ).sort_values("seed")


def cells(selected, experiments, presets=PRESETS):
    """A frame with one row a cell, indexed by `CELL`, cells without a run included.

    Args:
      selected: of `select`.
      experiments: such as "table1/asr-13", in the order of the rows.
      presets: in the order of a cell's lines.

    Returns:
      Columns: "experiment"; "label", as in the paper; "state", "complete", "failed" or
      "missing"; "epochs", None if missing; "seeds" and "failed_seeds", lists;
      "failures", a list of texts; "digits"; "smoke", "stale" and "tensorfloat32",
      whether one of its runs is; of each of the `METRICS` its mean, as "<metric>_std"
      the standard deviation (ddof 1), both NaN where there is none, and as
      "<metric>_runs" the list of values by seed.
    """
    groups = dict(iter(selected.groupby(CELL)))
    rows = []
    for experiment in experiments:
        table, name = experiment.split("/")
        method, setting = name.split("-", 1)
        for preset in presets:
            key = (preset, table, setting, method)
            cell = average(groups.get(key, selected[:0]))
            cell |= {"experiment": experiment, "label": grid.label(experiment)}
            rows.append({**dict(zip(CELL, key, strict=True)), **cell})
    return pandas.DataFrame(rows).set_index(CELL).astype({"epochs": "Int64"})


def average(runs, metrics=METRICS):
    """The columns of `cells` that follow from its runs alone, a dict.

    Args:
      runs: rows of one variant and length, of `records.frame`.
      metrics: columns to average; NaN where the runs have none of this name.
    """
    complete = runs[runs.status == COMPLETE]
    failed = runs[runs.status == FAILED]
    found = {
        "state": COMPLETE if len(complete) else FAILED if len(failed) else "missing",
        "epochs": int(runs.epochs.iloc[0]) if len(runs) else None,
        "seeds": complete.seed.tolist(),
        "failed_seeds": failed.seed.tolist(),
        "failures": [
            f"seed {run.seed}, {run.epochs} epochs failed: {run.failure}"
            for run in failed.itertuples()
        ],
        "digits": runs.digits.iloc[0] if len(runs) else None,
        "smoke": bool(runs.smoke.any()),
        "stale": bool(runs.stale.any()),
        "tensorfloat32": any(map(_tensorfloat32, complete.record)),
    }
    for metric in metrics:
        values = complete.get(metric, complete.seed[:0]).dropna().astype(float)
        found[metric] = values.mean()
        found[f"{metric}_std"] = values.std()
        found[f"{metric}_runs"] = values.tolist()
    return found


def _tensorfloat32(record):
    """Whether its matrix products were, in part at least, less precise."""
    return any(
        process.get("precision") == "tensorfloat32"
        for process in (record["environment"], *record.get("trained_by", ()))
    )


def name(experiment):
    """A cell's name where the setting is not told beside it: "AIR (Multi-MNIST)"."""
    label, setting = grid.label(experiment), experiment.split("-", 1)[1]
    return f"{label} ({grid.scenes(setting)})" if setting in TABLE2_SETTINGS else label


def short(cell):
    """Whether a cell's runs are shorter than the paper's."""
    return cell.state != "missing" and cell.epochs < published.EPOCHS


def few(cell):
    """Whether a cell lacks one of the paper's seeds."""
    ended = {*cell.seeds, *cell.failed_seeds}
    return cell.state != "missing" and not set(published.SEEDS) <= ended


def json_rows(table):
    """The "rows" of results/<table>.json, one a cell: its "dataset", "method" as in the
    paper, "setting", "preset", "digits", "smoke", what `json_row` gives, and
    "published" by metric [mean, std].

    Args:
      table: of `cells`.
    """
    rows = []
    for (preset, name, setting, method), cell in table.iterrows():
        metrics = list(published.METRICS[name])
        if name == "table1":
            metrics.append("nelbo_without_kl_presence")  # for claim 1
        printed = published.published(cell.experiment)
        rows.append(
            {
                "dataset": TABLE2_SETTINGS.get(setting, "multi_mnist"),
                "method": METHODS[method],
                "setting": setting,
                "preset": preset,
                "digits": _none(cell.digits),
                "smoke": cell.smoke,
                **json_row(cell, metrics),
                "published": {metric: list(pair) for metric, pair in printed.items()},
            }
        )
    return rows


def json_row(cell, metrics):
    """A cell for JSON: "epochs", "seeds", "failed_seeds", "stale", and "metrics", null
    without a complete run, or by name {"mean", "std" (null for one run), "runs"}."""
    found = {
        metric: {
            "mean": _none(cell[metric]),
            "std": _none(cell[f"{metric}_std"]),
            "runs": cell[f"{metric}_runs"],
        }
        for metric in metrics
    }
    return {
        "epochs": _none(cell.epochs),
        "seeds": cell.seeds,
        "failed_seeds": cell.failed_seeds,
        "stale": cell.stale,
        "metrics": found if cell.state == COMPLETE else None,
    }


def _none(value):
    """None for a number that is missing."""
    return None if pandas.isna(value) else value
