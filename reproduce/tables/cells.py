"""The cells of a table: which runs each averages, and what comes of them.

A cell takes the longest protocol that has records and averages only runs of that
number of epochs; it never mixes presets, digits or data.
"""

import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.presets import METHODS, TABLE2_SETTINGS
from reproduce.records.record import COMPLETE, FAILED, RecordError

CELL = ["preset", "table", "setting", "method"]  # what makes a run part of a cell
PRESETS = ("released", "paper")  # the order of a cell's lines
# Options that differ from the preset's in a smoke run, and in one of rendered digits.
TOY = {"digits", "train_images", "test_images"}
RENDERED = {"digits"}
METRICS = (*published.TITLES, "nelbo_without_kl_presence")
MARKS = {
    "†": f"fewer than {published.EPOCHS} epochs",
    "‡": f"fewer than {published.RUNS} seeds",
    "↺": "made by older code, whose numbers would differ today",
    "§": "digits rendered from fonts, not MNIST",
    "¶": "smoke run: toy size, checks that everything works, compares with nothing",
    "✗": "a run failed; it is left out of the means",
    "≈": "matrix products in TensorFloat-32, not in full single precision",
}


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
    wanted = kept.groupby(CELL).epochs.transform("max") if epochs is None else epochs
    kept = kept[kept.epochs == wanted]
    kept = kept.assign(
        data_digest=[record["data_digest"] for record in kept.record],
        nelbo_without_kl_presence=kept.nelbo - kept.kl_presence,
    )
    for _, cell in kept.groupby(CELL):
        if cell.data_digest.nunique() > 1:
            first, other = cell.drop_duplicates("data_digest").folder[:2]
            fault = f"its data are not those of {first}: they cannot be averaged"
            raise RecordError(other, fault)
    return kept.sort_values("seed")


def cells(selected, experiments, presets=PRESETS):
    """A frame with one row a cell, indexed by `CELL`, cells without a run included.

    Args:
      selected: of `select`.
      experiments: such as "table1/asr-13", in the order of the rows.
      presets: in the order of a cell's lines.

    Returns:
      Columns: "experiment", "label" (as in the paper) and those of `average`.
    """
    groups, rows = dict(iter(selected.groupby(CELL))), []
    for experiment in experiments:
        table, name = experiment.split("/")
        method, setting = name.split("-", 1)
        named = {"experiment": experiment, "label": grid.label(experiment)}
        for preset in presets:
            key = (preset, table, setting, method)
            runs = groups.get(key, selected[:0])
            rows.append({**dict(zip(CELL, key, strict=True)), **named, **average(runs)})
    return pandas.DataFrame(rows).set_index(CELL).astype({"epochs": "Int64"})


def average(runs, metrics=METRICS):
    """What comes of runs of one variant and length, a dict.

    Args:
      runs: rows of `records.frame`.
      metrics: columns to average.

    Returns:
      "state", "complete", "failed" or "missing"; "epochs", None if missing; "seeds" and
      "failed_seeds", lists; "failures", a list of texts; "digits"; "smoke" and "stale",
      whether one of the runs is; "marks"; "metrics", of each the "mean", the deviation
      "std" (ddof 1), both None where there is none, and by seed the "runs"; and of each
      its mean under its own name, NaN where there is none.
    """
    complete, failed = (runs[runs.status == status] for status in (COMPLETE, FAILED))
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
        "marks": marks(runs),
        "metrics": {},
    }
    for metric in metrics:
        values = complete.get(metric, complete.seed[:0]).dropna().astype(float)
        found[metric], each = values.mean(), values.tolist()
        pair = {"mean": _none(values.mean()), "std": _none(values.std())}
        found["metrics"][metric] = {**pair, "runs": each}
    return found


def _tensorfloat32(record):
    """Whether its matrix products were, in part at least, less precise."""
    processes = (record["environment"], *record.get("trained_by", ()))
    return any(process.get("precision") == "tensorfloat32" for process in processes)


def marks(runs):
    """The characters that mark what a cell's runs fall short of."""
    toy = runs.smoke.any()
    found = {
        "†": (runs.epochs < published.EPOCHS).any() and not toy,
        "‡": len(runs) and not set(published.SEEDS) <= set(runs.seed) and not toy,
        "↺": runs.stale.any(),
        "§": (runs.digits == "rendered").any(),
        "¶": toy,
        "✗": (runs.status == FAILED).any(),
        "≈": any(map(_tensorfloat32, runs.record)),
    }
    return "".join(mark for mark, present in found.items() if present)


def name(experiment):
    """A cell's name where the setting is not told beside it: "AIR (Multi-MNIST)"."""
    label, setting = grid.label(experiment), experiment.split("-", 1)[1]
    return f"{label} ({grid.scenes(setting)})" if setting in TABLE2_SETTINGS else label


def json_rows(table):
    """The "rows" of results/<table>.json, one for each cell of `cells`."""
    rows = []
    for (preset, name, setting, method), cell in table.iterrows():
        metrics = published.METRICS[name]
        if name == "table1":
            metrics += ("nelbo_without_kl_presence",)  # for claim 1b
        rows.append(
            {
                "dataset": TABLE2_SETTINGS.get(setting, "multi_mnist"),
                "method": METHODS[method],
                "setting": setting,
                "preset": preset,
                "digits": _none(cell.digits),
                "smoke": cell.smoke,
                **json_row(cell, metrics),
                "published": published.published(cell.experiment),
            }
        )
    return rows


def json_row(cell, metrics):
    """A cell for JSON: "epochs", "seeds", "failed_seeds", "stale", and some metrics,
    null without a complete run."""
    found = {metric: cell.metrics[metric] for metric in metrics}
    return {
        "epochs": _none(cell.epochs),
        **{field: cell[field] for field in ("seeds", "failed_seeds", "stale")},
        "metrics": found if cell.state == COMPLETE else None,
    }


def _none(value):
    """None for a number that is missing."""
    return None if pandas.isna(value) else value
