"""A table as text: for the terminal, within 100 columns, and as a Markdown page.

Each cell of the paper's table has a line of published numbers and one for each preset;
what falls short of the paper's protocol is marked, and the legend explains the marks
that occur.
"""

import itertools
import operator
import textwrap

from reproduce.experiments import grid, published
from reproduce.pages import markdown_table
from reproduce.tables import cells

WIDTH = 100  # characters in a line of the terminal
TITLES = {
    "table1": "Table 1: the number of objects, Multi-MNIST",
    "table2": "Table 2: overlap, three objects",
}


def value(cell, metric):
    """A cell's mean and deviation, or its state; "-" for another table's metric."""
    decimals = published.DECIMALS[grid.parts(cell["experiment"])[0]].get(metric)
    if decimals is None:
        return "-"
    if not cell["metrics"]:
        return cell["state"]
    numbers = cell["metrics"][metric]
    return _pair(numbers["mean"], numbers["std"], decimals)


def protocol(cell):
    """A cell's epochs and its seeds, those of failed runs marked, as two texts."""
    seeds = [*map(str, cell["seeds"]), *(f"{seed}✗" for seed in cell["failed_seeds"])]
    return [str(cell["epochs"] or "-"), ", ".join(seeds) or "-"]


def lines(name, table):
    """The lines of a table: published numbers, then a line for each preset.

    Returns:
      head: titles of the columns: label, source, the metrics, epochs, seeds.
      blocks: for each setting's scenes a list of lines, which are lists of texts. Only
        the first line of a cell has its label.
    """
    metrics = published.METRICS[name]
    head = ["", "", *(published.TITLES[m] for m in metrics), "epochs", "seeds"]
    blocks = {}
    for experiment, group in itertools.groupby(table, lambda cell: cell["experiment"]):
        block = blocks.setdefault(grid.scenes(grid.parts(experiment)[2]), [])
        numbers = published.published(experiment).items()
        printed = [_pair(*pair, published.DECIMALS[name][m]) for m, pair in numbers]
        runs = [str(published.EPOCHS), f"{published.RUNS} runs"]
        block.append([grid.label(experiment), "published", *printed, *runs])
        for cell in group:
            source = f"{cell['preset']} {cell['marks']}".strip()
            ours = [value(cell, metric) for metric in metrics]
            block.append(["", source, *ours, *protocol(cell)])
    return head, blocks


def terminal(name, table, judged, command):
    """The table, its legend and its verdicts as text for a terminal; `command` is the
    one that completes the table."""
    head, blocks = lines(name, table)
    all_lines = [head, *itertools.chain(*blocks.values())]
    widths = [max(map(len, column)) for column in zip(*all_lines, strict=True)]
    sides = "<<" + ">" * len(head)
    form = "  ".join(f"{{:{side}{w}}}" for side, w in zip(sides, widths, strict=False))
    text = [TITLES[name], "", form.format(*head).rstrip()]
    for scenes, block in blocks.items():
        text.append(f"-- {scenes} ".ljust(len(form.format(*head)), "-"))
        text += [form.format(*line).rstrip() for line in block]
    text += ["", *legend(table, command)]
    if judged:
        text += ["", "The paper's claims (the numbers behind them: in the .md below)"]
    number = operator.attrgetter("number")
    for claim, verdicts in itertools.groupby(sorted(judged, key=number), number):
        verdicts = list(verdicts)
        text.append(f"{claim}. {verdicts[0].claim['short']}")
        for verdict in verdicts:
            line = f"{verdict.preset}: {verdict.words}"
            line += f"; {verdict.told}" if verdict.told else ""
            indents = {"initial_indent": "   ", "subsequent_indent": "     "}
            text += textwrap.wrap(line, WIDTH, **indents)
    return "\n".join(text) + "\n"


def legend(table, command):
    """The marks that occur, the failures, and the command that completes the table."""
    present = set("".join(cell["marks"] for cell in table))
    texts = [f"{mark} {text}" for mark, text in cells.MARKS.items() if mark in present]
    for cell in table:
        label = grid.label(cell["experiment"])
        texts += [f"{label}, {failure}" for failure in cell["failures"]]
    missing = any(cell["state"] == "missing" for cell in table)
    if missing:
        texts.append("missing: no run has a record yet")
    if missing or present & {"†", "‡", "↺", "¶"}:
        several_presets = len({cell["preset"] for cell in table}) > 1
        released = ", and the same with --preset released" if several_presets else ""
        texts.append(f"To complete the table: {command}{released}")
    return texts


def markdown(name, table):
    """The lines of a table as a Markdown table."""
    head, blocks = lines(name, table)
    rows = []
    for scenes, block in blocks.items():
        rows += [[f"**{scenes}**", *[""] * (len(head) - 1)], *block]
    return markdown_table(head, rows, left=2)


def _pair(mean, std, decimals):
    text = f"{mean:.{decimals}f}"
    return text if std is None else f"{text} ± {std:.{decimals}f}"
