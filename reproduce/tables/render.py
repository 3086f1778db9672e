"""A table as text: on the terminal, within 100 columns, and as a Markdown page.

Each cell of the paper's table has a line of published numbers and one for each preset;
what falls short of the paper's protocol is marked, and the legend explains the marks
that occur.
"""

import pathlib
import sys
import textwrap

import jinja2

from reproduce.experiments import grid, published
from reproduce.tables import cells

WIDTH = 100  # letters in a line of the terminal
TITLES = {
    "table1": "Table 1: the number of objects, Multi-MNIST",
    "table2": "Table 2: overlap, three objects",
}
MARKS = {
    "†": f"fewer than {published.EPOCHS} epochs",
    "‡": f"fewer than {published.RUNS} seeds",
    "↺": "made by older code, whose numbers would differ today",
    "§": "digits rendered from fonts, not MNIST",
    "¶": "smoke run: toy size, checks that everything works, compares with nothing",
    "✗": "a run failed; it is left out of the means",
    "≈": "matrix products in TensorFloat-32, not in full single precision",
}
# What a terminal without these characters gets.
PLAIN = str.maketrans(
    {"±": "+-", "†": "e", "‡": "s", "↺": "o", "§": "d", "¶": "t", "✗": "x", "≈": "~"}
    | {"λ": "lambda"}
)
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(pathlib.Path(__file__).resolve().parents[1]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def template(name):
    """A template of this project, by its path below reproduce/."""
    return _PAGES.get_template(name)


def say(text):
    """Prints a text; a terminal without its characters gets plain ones."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    print(text, flush=True)


def marks(cell):
    """The characters that mark what a cell falls short of."""
    if cell.state == "missing":
        return ""
    found = {
        "†": cells.short(cell) and not cell.smoke,
        "‡": cells.few(cell) and not cell.smoke,
        "↺": cell.stale,
        "§": cell.digits == "rendered",
        "¶": cell.smoke,
        "✗": bool(cell.failed_seeds),
        "≈": cell.tensorfloat32,
    }
    return "".join(mark for mark, present in found.items() if present)


def value(cell, metric):
    """A cell's mean and deviation, or its state; "-" for another table's metric."""
    places = published.DECIMALS[cell.experiment.split("/")[0]].get(metric)
    if places is None:
        return "-"
    if cell.state != "complete":
        return cell.state
    return _pair(cell[metric], cell[f"{metric}_std"], places)


def protocol(cell):
    """A cell's epochs and seeds, those of failed runs marked; two texts."""
    if cell.state == "missing":
        return ["-", "-"]
    seeds = [*map(str, cell.seeds), *(f"{seed}✗" for seed in cell.failed_seeds)]
    return [str(cell.epochs), ", ".join(seeds)]


def lines(name, table):
    """The lines of a table: published numbers, then a line for each preset.

    Args:
      name: "table1" or "table2".
      table: of `cells.cells`.

    Returns:
      head: titles of the columns: label, source, the metrics, epochs, seeds.
      blocks: by setting a list of lines, which are lists of texts. Only the first line
        of a cell has its label.
    """
    metrics = published.METRICS[name]
    head = ["", "", *(published.TITLES[m] for m in metrics), "epochs", "seeds"]
    blocks = {}
    for experiment, rows in table.groupby("experiment", sort=False):
        block = blocks.setdefault(experiment.split("-", 1)[1], [])
        numbers = published.published(experiment).items()
        printed = [_pair(*pair, published.DECIMALS[name][m]) for m, pair in numbers]
        runs = [str(published.EPOCHS), f"{published.RUNS} runs"]
        block.append([rows.label.iloc[0], "published", *printed, *runs])
        for (preset, *_), cell in rows.iterrows():
            source = f"{preset} {marks(cell)}".strip()
            ours = [value(cell, metric) for metric in metrics]
            block.append(["", source, *ours, *protocol(cell)])
    return head, blocks


def terminal(name, table, judged, command):
    """The table, its legend and its verdicts as text for a terminal.

    Args:
      name, table: as of `lines`.
      judged: a list of `claims.Verdict`.
      command: the one that completes the table, for the legend.
    """
    head, blocks = lines(name, table)
    every = [head, *(line for block in blocks.values() for line in block)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]

    def aligned(line):
        first = [word.ljust(w) for word, w in zip(line[:2], widths, strict=False)]
        rest = [word.rjust(w) for word, w in zip(line[2:], widths[2:], strict=True)]
        return "  ".join(first + rest).rstrip()

    text = [TITLES[name], "", aligned(head)]
    for setting, block in blocks.items():
        rule = f"-- {grid.scenes(setting)} "
        text.append(rule.ljust(sum(widths) + 2 * len(widths) - 2, "-"))
        text += map(aligned, block)
    text += ["", *legend(table, command)]
    if judged:
        text += ["", "The paper's claims (the numbers behind them: in the .md below)"]
    for claim, verdicts in by_claim(judged).items():
        text.append(f"{claim.number}. {claim.short}")
        for verdict in verdicts:
            told = f"{verdict.preset}: {verdict.words}"
            told += f"; {verdict.told}" if verdict.told else ""
            text += textwrap.wrap(
                told, WIDTH, initial_indent="   ", subsequent_indent="     "
            )
    return "\n".join(text) + "\n"


def by_claim(judged):
    """Verdicts by their claim, a dict of lists."""
    found = {}
    for verdict in judged:
        found.setdefault(verdict.claim, []).append(verdict)
    return found


def legend(table, command):
    """The marks that occur, the failures, and the command that completes the table."""
    rows = [cell for _, cell in table.iterrows()]
    present = {mark for cell in rows for mark in marks(cell)}
    found = [f"{mark} {text}" for mark, text in MARKS.items() if mark in present]
    for cell in rows:
        found += [f"{cell.label}, {failure}" for failure in cell.failures]
    missing = any(cell.state == "missing" for cell in rows)
    if missing:
        found.append("missing: no run has a record yet")
    if missing or present & {"†", "‡", "↺", "¶"}:
        both = len(set(table.index.get_level_values("preset"))) > 1
        released = ", and the same with --preset released" if both else ""
        found.append(f"To complete the table: {command}{released}")
    return found


def markdown_table(head, rows, left=1):
    """A Markdown table; the first `left` columns are aligned to the left."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))


def markdown_dicts(lines, without=(), left=1):
    """A Markdown table of dicts of texts with equal titles, without some of them."""
    head = [title for title in lines[0] if title not in without]
    rows = [[line[title] for title in head] for line in lines]
    return markdown_table(head, rows, left)


def markdown(name, table):
    """The lines of a table as a Markdown table."""
    head, blocks = lines(name, table)
    rows = []
    for setting, block in blocks.items():
        rows.append([f"**{grid.scenes(setting)}**", *[""] * (len(head) - 1)])
        rows += block
    return markdown_table(head, rows, left=2)


def _pair(mean, std, places):
    text = f"{mean:.{places}f}"
    return text if std != std else f"{text} ± {std:.{places}f}"
