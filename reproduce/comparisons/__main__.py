"""Shows one experiment beside its variants, from run records.

    python -m reproduce.comparisons ablations --train

is what `bash reproduce/ablations.sh --train` runs; `sensitivity` and `own_constraint`
are the other pages. All rows of an experiment are of one length. It trains only with
--train, --retrain or --smoke.
"""

import functools
import os
import string
import sys

import pandas

from reproduce import command_line, launch
from reproduce.comparisons import declared, rows
from reproduce.experiments import published
from reproduce.figures import panels
from reproduce.records import folders, record
from reproduce.tables import calls, cells, render

PART = ("comparisons", "seeds", "epochs", "preset")
COLUMNS = 8  # scenes in a row of a picture
MARKS = "↺§✗≈"  # of those of a table; rows are short on purpose


def define(page, name, flags):
    """The flags of one page's command."""
    every = tuple(page.comparisons)
    flags.group("What to show")
    text = "which sections"
    flags.add("comparisons", flags.several(flags.word(every)), every, text)
    launch.define(flags, seeds=(0,))
    flags.values.set_default("epochs", page.epochs)


def body(page, name, values):
    """Runs one page's command; returns the exit code."""
    shown = {key: page.comparisons[key] for key in values.comparisons}
    protocol, code = launch.protocol_from(values), 0
    os.chdir(folders.REPOSITORY)  # rows name files of the checkout
    wanted = [
        launch.Run(row.experiment, seed, changes)
        for seed in values.seeds
        for comparison in shown.values()
        for row, changes in comparison.of(protocol.preset)
    ]
    wanted = list(dict.fromkeys(wanted))  # sections may share rows
    if launch.listed_or_run(values, wanted, protocol):
        return 0
    if values.train or protocol.retrain:
        missing = wanted if protocol.retrain else rows.missing(wanted, protocol)
        code = launch.train(values, missing, protocol)
    frames, epochs = calls.frames_of(protocol), calls.given(values, "epochs")
    asked = (protocol.preset, protocol.smoke, values.seeds, epochs)
    file = calls.file_of(values, protocol, name, PART)
    sections, content = [], {}
    for key, comparison in shown.items():
        table = rows.collect(comparison, frames, *asked)
        section = {"title": comparison.title, "about": comparison.about, "told": ""}
        section |= {"table": markdown(comparison, table), "rows": table}
        if comparison.picture:
            picture = f"figures/{file.name}-{key}"
            told = draw(table, protocol.results, file.parent / picture)
            section |= {"picture": picture, "told": told}
        sections.append(section)
        content[key] = [
            {field: row[field] for field in ("experiment", "labels", "changes")}
            | cells.json_row(row, rows.METRICS)
            for _, row in table.iterrows()
        ]
    template = render.template("comparisons/page.md.j2")
    told = {"page": page, "name": name, "sections": sections}
    text = template.render(**told, cells=cells, published=published)
    calls.write(file, text, text, content)
    return code


def markdown(comparison, table):
    """A comparison as a Markdown table; the preset's own row in bold.

    Args:
      comparison: a `declared.Comparison`.
      table: of `rows.collect`.
    """
    names = {experiment.split("/")[0] for experiment in table.experiment}
    metrics = [m for m in rows.METRICS if any(m in published.METRICS[n] for n in names)]
    lines = []
    for _, row in table.iterrows():
        bold = "" if row.changes else "**"
        marks = "".join(mark for mark in row.marks if mark in MARKS)
        line = [f"{bold}{label}{bold}" if label else "" for label in row.labels]
        line[-1] += f" {marks}" if marks else ""
        line += [render.value(row, metric) for metric in metrics]
        for _, column, form in comparison.measured:
            line.append("-" if pandas.isna(row[column]) else format(row[column], form))
        lines.append([*line, *render.protocol(row)])
    titles = [published.TITLES[metric] for metric in metrics]
    titles += [title for title, _, _ in comparison.measured]
    head = [*comparison.columns, *titles, "epochs", "seeds"]
    return render.markdown_table(head, lines, left=len(comparison.columns))


def draw(table, results, file):
    """Draws the first test scenes as each row infers them, and tells what is what.

    A row taken from a longer run is left out: a run keeps its last epoch's scenes
    alone.

    Args:
      table: of `rows.collect`, of one experiment.
      results: folder of results.
      file: path without suffix.

    Returns:
      A text that names the picture's rows; "" without two rows to compare.
    """
    drawn = table[(table.state == record.COMPLETE) & ~table.cut_from.map(bool)]
    if len(drawn) < 2:
        return ""
    how = (drawn.experiment.iloc[0].startswith("table1"), COLUMNS)
    arrays = [record.read_figure(results / folder) for folder in drawn.folder]
    letters = [f"({letter})" for letter in string.ascii_lowercase[: len(drawn)]]
    blocks = [("input", panels.inputs(arrays[0], *how))]
    for letter, kept in zip(letters, arrays, strict=True):
        blocks.append((letter, panels.reconstructions(kept, *how)))
    panels.save(panels.draw(blocks), file)
    labels = zip(letters, map(", ".join, drawn.labels), strict=True)
    return "; ".join(map(" ".join, labels))


def main():
    """The command of the page that its first word names; returns the exit code."""
    pages = declared.pages()
    name, *argv = sys.argv[1:] or [""]
    if name not in pages:
        print(f"error: {name!r} is no page: {', '.join(pages)}", file=sys.stderr)
        return 2
    commands = (functools.partial(f, pages[name], name) for f in (define, body))
    about = " ".join(f"{pages[name].title}: {pages[name].about}".split())
    return command_line.main(*commands, about, argv)


if __name__ == "__main__":
    sys.exit(main())
