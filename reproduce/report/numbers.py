"""The details behind a table's numbers: terms of nELBO, counts, boxes, samples."""

import numpy as np

from reproduce.experiments import grid
from reproduce.records.record import COMPLETE, read_figure
from reproduce.run.metrics import overlapping_pairs

TERMS = {
    "nelbo": "nELBO",
    "reconstruction": "reconstruction",
    "kl_location": "KL(z_loc)",
    "kl_scale": "KL(z_scale)",
    "kl_appearance": "KL(z_app)",
    "kl_presence": "KL(z_pres)",
}
BOUND = "importance_weighted_nelbo"  # a field of full runs' records
LAST_EPOCHS = 5
LEAST_SHARE = 0.005  # of a count that is listed


def terms(selected, epochs, table, preset):
    """One line per cell that has runs: a list of dicts from column title to text.

    Args:
      selected: of `cells.select`.
      epochs: the frame of histories.
      table, preset: such as "table1" and "paper".
    """
    return [
        {"": label, **_line(runs, epochs[epochs.folder.isin(runs.folder)])}
        for label, runs in _by_cell(selected, table, preset)
    ]


def boxes(selected, results, preset="paper"):
    """Table 2's boxes in the scenes and samples that each run keeps, as `terms`."""
    lines = []
    for label, runs in _by_cell(selected, "table2", preset):
        arrays = [read_figure(results / folder) for folder in runs.folder]
        pooled = {name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]}
        overlapping, pairs = overlapping_pairs(pooled["boxes"], pooled["counts"])
        inferred = _median_side(pooled["boxes"], pooled["counts"])
        sampled = _median_side(pooled["sample_boxes"], pooled["sample_counts"])
        lines.append(
            {
                "": label,
                "overlapping pairs, inferred": f"{overlapping.sum()} of {pairs.sum()}",
                "median side, inferred, in pixels": f"{inferred:.1f}",
                "median side, sampled, in pixels": f"{sampled:.1f}",
            }
        )
    return lines


def _by_cell(selected, table, preset):
    """Yields label and complete runs of each cell that has some, in table order."""
    runs = selected[(selected.status == COMPLETE) & (selected.preset == preset)]
    for experiment in grid.experiments(table):
        if len(cell := runs[runs.experiment == experiment]):
            yield grid.full_label(experiment), cell


def _line(runs, epochs):
    length, reported = runs.epochs.iloc[0], runs.reported_epoch.astype(int)
    remark = f" (reported: {', '.join(map(str, reported))})"
    last = epochs[epochs.epoch > length - LAST_EPOCHS].test_nelbo
    span = f"{last.min():.0f} to {last.max():.0f}"
    lowest = epochs.loc[epochs.groupby("folder").test_nelbo.idxmin()]
    when = ", ".join(map(str, lowest.epoch.astype(int)))
    line = {
        "epochs": str(length) + (remark if set(reported) != {length} else ""),
        **{title: f"{runs[term].mean():.1f}" for term, title in TERMS.items()},
        "50 samples": _mean(runs.get(BOUND)),
        "training nELBO": f"{epochs[epochs.epoch == length].train_nelbo.mean():.1f}",
        f"last {LAST_EPOCHS} epochs": f"{last.mean():.1f} ({span})",
        "lowest": f"{lowest.test_nelbo.mean():.1f} (epoch {when})",
        "IoU + 1": f"{runs.miou_integer_convention.mean():.2f}",
    }
    if runs.table.iloc[0] == "table2":
        share = runs.overlapping_pairs_in_samples.mean()
        return line | {"overlapping pairs in samples": f"{share:.1%}"}
    totals = np.sum(list(runs.count_histogram), axis=0)
    shares = enumerate(totals / totals.sum())
    listed = [f"{n}: {share:.0%}" for n, share in shares if share >= LEAST_SHARE]
    return line | {"inferred counts (share of the scenes)": ", ".join(listed)}


def _mean(column):
    """The mean as text; "-" if no run has the number."""
    values = [] if column is None else column.dropna()
    return f"{values.mean():.1f}" if len(values) else "-"


def _median_side(boxes, counts):
    """The median side of the boxes that exist, the first `counts` of each scene."""
    exist = np.arange(boxes.shape[1]) < counts[:, None]
    return float(np.median(boxes[exist][:, 2]))
