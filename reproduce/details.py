"""What stands behind a table's numbers: the terms of the nELBO, counts, samples.

One row a cell, means over its complete runs; what was trained on stands beside
what was tested on. The report shows it below the table.
"""

import statistics

from reproduce import records

TERMS = {
    "reconstruction": "reconstruction",
    "kl_location": "KL(z_loc)",
    "kl_scale": "KL(z_scale)",
    "kl_appearance": "KL(z_app)",
    "kl_presence": "KL(z_pres)",
}
HEAD = {
    "table1": ("inferred counts (share of the scenes)", "IoU + 1"),
    "table2": ("overlapping pairs in samples", "IoU + 1"),
}
LAST_EPOCHS = 5
LEAST_SHARE = 0.005  # of a count that is named


def markdown(table, cells, results):
    """The page of a table's cells that have runs; "" if none has.

    Args:
      table: "table1" or "table2".
      cells: list of `cells.Cell`.
      results: the folder that holds the runs.

    Raises:
      RecordError: if a history was damaged after its record was read.
    """
    shown = [cell for cell in cells if cell.complete]
    if not shown:
        return ""
    head = [
        "",
        "epochs",
        "nELBO",
        *TERMS.values(),
        "training nELBO",
        "last 5 epochs",
        "lowest",
    ]
    lines = [[*head, *HEAD[table]], ["---"] + ["---:"] * (len(head) + 1)]
    lines += [_row(cell, results) for cell in shown]
    page = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(page)


def _row(cell, results):
    metrics = {name: cell.mean(name) for name in ("nelbo", *TERMS)}
    row = [cell.label, str(cell.epochs), *(f"{v:.1f}" for v in metrics.values())]
    row += [_training(cell, results), _lasts(cell, results), _lowest(cell, results)]
    row.append(_counts(cell) if cell.table == "table1" else _overlaps(cell))
    return [*row, f"{cell.mean('miou_integer_convention'):.2f}"]


def _training(cell, results):
    """The training images' nELBO in the last epoch, while it was trained."""
    lasts = [history[-1]["train_nelbo"] for history in _histories(cell, results)]
    return f"{statistics.fmean(lasts):.1f}"


def _lasts(cell, results):
    """The test images' nELBO over the last epochs: mean and range, of all runs."""
    values = [
        row["test_nelbo"]
        for history in _histories(cell, results)
        for row in history[-LAST_EPOCHS:]
    ]
    span = f"{min(values):.0f} to {max(values):.0f}"
    return f"{statistics.fmean(values):.1f} ({span})"


def _lowest(cell, results):
    """The lowest nELBO of the test images over the epochs, and of which epoch."""
    found = [
        min((row["test_nelbo"], int(row["epoch"])) for row in history)
        for history in _histories(cell, results)
    ]
    epochs = ", ".join(str(epoch) for _, epoch in found)
    return f"{statistics.fmean(value for value, _ in found):.1f} (epoch {epochs})"


def _counts(cell):
    """The inferred counts, for example "1: 50%, 3: 50%"."""
    histograms = [record["metrics"]["count_histogram"] for record in cell.complete]
    totals = [sum(column) for column in zip(*histograms, strict=True)]
    shares = {count: total / sum(totals) for count, total in enumerate(totals)}
    named = {c: share for c, share in shares.items() if share >= LEAST_SHARE}
    return ", ".join(f"{count}: {share:.0%}" for count, share in named.items())


def _overlaps(cell):
    share = cell.mean("overlapping_pairs_in_samples")
    return "-" if share is None else f"{share:.1%}"


def _histories(cell, results):
    for record in cell.complete:
        folder = records.run_folder(results, records.configuration_of(record))
        records.read_record(folder)  # a changed history is told, not shown
        yield records.read_history(folder)
