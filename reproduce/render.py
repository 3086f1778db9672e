"""A table as text: for the terminal, and as Markdown.

What falls short of the paper's protocol is marked in the row's name, and the
legend explains the marks that occur and gives the command that completes them.
"""

from reproduce import claims, judging, published
from reproduce.words import duration

TITLES = {
    "table1": "Table 1: the number of objects, Multi-MNIST",
    "table2": "Table 2: overlap, three objects",
}
BETTER = {
    "table1": "nELBO and SE: lower is better; ACC and mIoU: higher is better.",
    "table2": "nELBO and SE: lower is better; mIoU: higher is better.",
}
ROWS = {"table1": " AIR-13 is AIR on scenes of 1 or 3 digits; 14 and 24 likewise."}
CLAIMS_HEADING = "## The paper's claims"
MARKS = {
    "†": f"fewer than {published.EPOCHS} epochs",
    "‡": f"fewer than {published.RUNS} seeds",
    "§": "digits rendered from fonts, not MNIST",
    "¶": "smoke run: toy size, checks that everything works, compares with nothing",
    "✗": "a run failed; it is left out of the means",
    "≈": "matrix products in TensorFloat-32, not in full single precision",
}


def marks(cell):
    """The characters that mark what a cell falls short of."""
    if not (cell.complete or cell.failed):
        return ""
    found = {
        "†": cell.short and not cell.smoke,
        "‡": not cell.smoke
        and len(set(published.SEEDS) - set(cell.seeds) - set(cell.failed_seeds)) > 0,
        "§": cell.digits == "rendered",
        "¶": cell.smoke,
        "✗": bool(cell.failed),
        "≈": cell.tensorfloat32,
    }
    return "".join(mark for mark, present in found.items() if present)


def value(cell, metric):
    """Our mean and deviation, "failed" or "missing"."""
    if cell.complete:
        places = published.DECIMALS[cell.table][metric]
        return _pair(cell.mean(metric), cell.std(metric), places)
    return "failed" if cell.failed else "missing"


def published_value(cell, metric):
    """The paper's mean and deviation."""
    mean, std = published.published(cell.experiment)[metric]
    return _pair(mean, std, published.DECIMALS[cell.table][metric])


def protocol(cell):
    """The cell's epochs, and its number of runs with their seeds; two texts."""
    if cell.epochs is None:
        return ["-", "-"]
    seeds = [str(seed) for seed in cell.seeds]
    seeds += [f"{seed} failed" for seed in cell.failed_seeds]
    return [str(cell.epochs), f"{len(cell.complete)} ({', '.join(seeds)})"]


def table_line(words):
    """A line of a Markdown table."""
    return "| " + " | ".join(words) + " |"


def terminal(table, cells, judged, command):
    """The table, its legend and its claims in short, as text for a terminal."""
    metrics = published.METRICS[table]
    head = ["", *(published.TITLES[m] for m in metrics), "epochs", "runs (seeds)"]
    lines = [head]
    for cell in cells:
        name = f"{cell.label} {marks(cell)}".strip()
        lines.append([name, *(value(cell, m) for m in metrics), *protocol(cell)])
        lines.append(["  paper", *(published_value(cell, m) for m in metrics), "", ""])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        ).rstrip()
        for line in lines
    ]
    text = [f"{TITLES[table]} (preset {cells[0].preset})", "", rows[0]]
    before = None
    for index, cell in enumerate(cells):
        if cell.setting != before:  # a rule above each setting
            text.append("-" * (sum(widths) + 2 * len(widths) - 2))
            before = cell.setting
        text += rows[2 * index + 1 : 2 * index + 3]
    text += ["", *_legend(cells, command)]
    if judged:
        text += ["", "The paper's claims so far (the numbers behind: in the .md below)"]
    for verdict in judging.VERDICTS:
        found = [claim for claim in judged if claim.verdict == verdict]
        text += [f"{verdict}:"] if found else []
        text += [f"  {claims.in_short(claim, claim.score)}" for claim in found]
    return "\n".join(text) + "\n"


def markdown(table, cells, judged, command):
    """The table as a Markdown page, the paper's column beside each of ours.

    Its claims have all the numbers behind them.
    """
    metrics = published.METRICS[table]
    head = [""]
    for metric in metrics:
        head += [published.TITLES[metric], "paper"]
    head += ["epochs", "runs (seeds)", "parameters", "time a run"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    shown = _shown(cells)
    for cell in shown:
        line = [f"{cell.label} {marks(cell)}".strip()]
        for metric in metrics:
            line += [value(cell, metric), published_value(cell, metric)]
        lines.append(line + protocol(cell) + _cost(cell))
    page = [f"# {TITLES[table]} (preset {cells[0].preset})", ""]
    page += [
        "Mean ± standard deviation over seeds (ddof 1), beside the paper's. "
        f"{BETTER[table]} Written by `bash reproduce/{table}.sh{_preset(cells)}`."
        + ROWS.get(table, "")
        + _digits(cells),
        "",
    ]
    page += [table_line(line) for line in lines]
    hidden = len(cells) - len(shown)
    page += ["", *(f"{line}  " for line in _legend(cells, f"`{command}`", hidden))]
    page += ["", CLAIMS_HEADING, ""] if judged else []
    for claim in judged:
        page += [f"- {claim.claim}: **{claim.words}**{_score(claim)}{_notes(claim)}"]
        page += [f"  - {point}" for point in claim.points]
    return "\n".join(page) + "\n"


def _preset(cells):
    preset = cells[0].preset
    return "" if preset == "paper" else f" --preset {preset}"


def _score(claim):
    """How much of a claim holds, after its verdict."""
    return f": {claim.score}" if claim.score else ""


def _notes(claim):
    """How the runs behind a verdict fall short, in brackets."""
    return f" ({'; '.join(claim.notes)})" if claim.notes else ""


def _legend(cells, command, hidden=0):
    """The marks that occur, the failures, and how to complete the table.

    `hidden` is the number of cells without a run that have no row.
    """
    present = {mark for cell in cells for mark in marks(cell)}
    lines = [f"{mark} {text}" for mark, text in MARKS.items() if mark in present]
    for cell in cells:
        for record in cell.failed:
            lines.append(
                f"{cell.label}, seed {record['seed']}, {record['epochs']} epochs "
                f"failed: {record['failure']}"
            )
    missing = any(not (cell.complete or cell.failed) for cell in cells)
    if hidden:
        lines.append(f"{hidden} of {len(cells)} rows are left out: no run yet")
    elif missing:
        lines.append("missing: no run has a record yet")
    if missing or present & {"†", "‡", "¶"}:
        lines.append(f"To complete the table: {command}")
    return lines


def _shown(cells):
    """The cells that get a row: beside the preset `paper`, those with a run."""
    ran = [cell for cell in cells if cell.complete or cell.failed]
    return ran if ran and cells[0].preset != "paper" else cells


def _digits(cells):
    """Where all digits come from; "" if there are none or a mark tells them apart."""
    words = {"mnist": " Digits are MNIST's.", "rendered": " Digits are rendered."}
    found = {cell.digits for cell in cells if cell.complete or cell.failed} - {None}
    return words[found.pop()] if len(found) == 1 else ""


def _cost(cell):
    if not cell.complete:
        return ["-", "-"]
    parameters = {record["parameters"] for record in cell.complete}
    seconds = [record["wall_seconds"] for record in cell.complete]
    return [
        "/".join(f"{count:,}" for count in sorted(parameters)),
        duration(sum(seconds) / len(seconds)),
    ]


def _pair(mean, std, places):
    if std is None:
        return f"{mean:.{places}f}"
    return f"{mean:.{places}f} ± {std:.{places}f}"
