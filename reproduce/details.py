"""What stands behind a table's numbers: the terms of the nELBO, counts, samples.

One row a cell, means over its complete runs; what was trained on stands beside
what was tested on. The report shows it below the table.
"""

import statistics

from reproduce import records, render

TERMS = {
    "reconstruction": "reconstruction",
    "kl_location": "KL(z_loc)",
    "kl_scale": "KL(z_scale)",
    "kl_appearance": "KL(z_app)",
    "kl_presence": "KL(z_pres)",
}
LAST_COLUMN = {
    "table1": "inferred counts (share of the scenes)",
    "table2": "overlapping pairs in samples",
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
    head = ["", "epochs", "nELBO", *TERMS.values(), "training nELBO"]
    head += [f"last {LAST_EPOCHS} epochs", "lowest", "IoU + 1", LAST_COLUMN[table]]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    lines += [_row(cell, results) for cell in shown]
    return "\n".join(render.table_line(line) for line in lines)


def _row(cell, results):
    histories = [records.history_of(results, record) for record in cell.complete]
    means = [cell.mean(name) for name in ("nelbo", *TERMS)]
    return [
        cell.label,
        _epochs(cell),
        *(f"{mean:.1f}" for mean in means),
        _training(histories),
        _last(histories),
        _lowest(histories),
        f"{cell.mean('miou_integer_convention'):.2f}",
        _counts(cell) if cell.table == "table1" else _overlaps(cell),
    ]


def _epochs(cell):
    """How long the runs are, and which epoch is reported if not the last."""
    reported = [record["reported_epoch"] for record in cell.complete]
    if set(reported) == {cell.epochs}:
        return str(cell.epochs)
    return f"{cell.epochs} (reported: {', '.join(map(str, reported))})"


def _training(histories):
    """The training images' nELBO in the last epoch, while it was trained."""
    return f"{statistics.fmean(rows[-1]['train_nelbo'] for rows in histories):.1f}"


def _last(histories):
    """The test images' nELBO over the last epochs: mean and range, of all runs."""
    values = [row["test_nelbo"] for rows in histories for row in rows[-LAST_EPOCHS:]]
    span = f"{min(values):.0f} to {max(values):.0f}"
    return f"{statistics.fmean(values):.1f} ({span})"


def _lowest(histories):
    """The lowest nELBO of the test images over the epochs, and of which epoch."""
    found = [
        min((row["test_nelbo"], int(row["epoch"])) for row in rows)
        for rows in histories
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
    """The share of overlapping box pairs in samples, "-" where there are no pairs."""
    share = cell.mean("overlapping_pairs_in_samples")
    return "-" if share is None else f"{share:.1%}"
