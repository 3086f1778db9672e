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
    protocol = launch.protocol_from(values)
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
    code = 0
    if values.train or protocol.retrain:
        missing = wanted if protocol.retrain else rows.missing(wanted, protocol)
        code = launch.train(values, missing, protocol)
    frames = calls.frames_of(protocol)
    epochs = protocol.epochs if values["epochs"].present else None
    asked = (protocol.preset, protocol.smoke, values.seeds, epochs)
    tables = {key: rows.collect(c, frames, *asked) for key, c in shown.items()}
    file = calls.file_of(values, protocol, name, PART)
    figures = file.parent / "figures"
    pictures = {
        key: picture(tables[key], protocol.results, figures / f"{file.name}-{key}")
        for key, comparison in shown.items()
        if comparison.picture
    }
    text = render.template("comparisons/page.md.j2").render(
        page=page,
        shown=shown,
        tables={key: markdown(shown[key], tables[key]) for key in shown},
        notes={key: notes(tables[key]) for key in shown},
        pictures={key: told for key, told in pictures.items() if told},
        file=file.name,
        command=f"bash reproduce/{name}.sh",
    )
    content = {
        key: [
            {name: row[name] for name in ("experiment", "labels", "changes")}
            | cells.json_row(row, rows.METRICS)
            for _, row in table.iterrows()
        ]
        for key, table in tables.items()
    }
    render.say(text)
    calls.write(file, text, content)
    return code


def markdown(comparison, table):
    """A comparison as a Markdown table; the preset's own row in bold.

    Args:
      comparison: a `declared.Comparison`.
      table: of `rows.collect`.
    """
    names = {row.experiment.split("/")[0] for _, row in table.iterrows()}
    metrics = [m for m in rows.METRICS if any(m in published.METRICS[n] for n in names)]
    titles = [published.TITLES[metric] for metric in metrics]
    titles += [title for title, _, _ in comparison.measured]
    lines = []
    for _, row in table.iterrows():
        bold = "" if row.changes else "**"
        marks = "".join(mark for mark in render.marks(row) if mark in MARKS)
        line = [f"{bold}{label}{bold}" if label else "" for label in row.labels]
        line[-1] += f" {marks}" if marks else ""
        line += [render.value(row, metric) for metric in metrics]
        for _, column, form in comparison.measured:
            line.append("-" if pandas.isna(row[column]) else format(row[column], form))
        lines.append([*line, *render.protocol(row)])
    head = [*comparison.columns, *titles, "epochs", "seeds"]
    return render.markdown_table(head, lines, left=len(comparison.columns))


def notes(table):
    """What falls short in a comparison, a list of sentences."""
    complete = table[table.state == record.COMPLETE]
    lengths = sorted({n for n in complete.epochs if n < published.EPOCHS})
    missing = int((table.state == "missing").sum())
    cut = sorted({n for lengths in table.cut_from for n in lengths})
    told, longer = (", ".join(map(str, numbers)) for numbers in (lengths, cut))
    sentences = {
        f"Short runs: {told} of the paper's {published.EPOCHS} epochs.": lengths,
        f"{missing} of {len(table)} rows missing: no run yet.": missing,
        f"Runs of {longer} epochs are shown as they were after fewer.": cut,
        f"↺ {render.MARKS['↺']}.": complete.stale.any(),
    }
    return [sentence for sentence, holds in sentences.items() if holds]


def picture(table, results, file):
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
    counted = drawn.experiment.iloc[0].startswith("table1")
    blocks, told = [], []
    for letter, (_, row) in zip(string.ascii_lowercase, drawn.iterrows(), strict=False):
        arrays = record.read_figure(results / row.folder)
        if not blocks:
            blocks.append(("input", panels.inputs(arrays, counted, COLUMNS)))
        scenes = panels.reconstructions(arrays, counted, COLUMNS)
        blocks.append((f"({letter})", scenes))
        told.append(f"({letter}) {', '.join(row.labels)}")
    panels.save(panels.draw(blocks), file)
    return "; ".join(told)


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
