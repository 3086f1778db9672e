"""Shows an experiment beside its variants, from run records.

    python -m reproduce.comparisons ablations --train

is what `bash reproduce/ablations.sh --train` runs; every page of pages.toml has such a
command. All rows of a section are shown after the same number of epochs. Nothing is
trained without --train, --retrain or --smoke.
"""

import functools
import string
import sys

from reproduce import command_line, launch, pages
from reproduce.comparisons import rows
from reproduce.experiments import grid, published
from reproduce.figures import curves, panels
from reproduce.flags import choice, comma_list
from reproduce.records import record
from reproduce.tables import cells, render

PART = ("comparisons", "seeds", "epochs", "preset")
MARKS = "↺§✗"  # of those of a table; short runs are intended here


def define(page, name, flags):
    """The flags of one page's command."""
    keys = tuple(page["sections"])
    flags.group("What to show")
    flags.add("comparisons", comma_list(choice(*keys)), keys, "sections to show")
    defaults = {flag: page[flag] for flag in ("epochs", "preset") if flag in page}
    launch.define(flags, seeds=tuple(page.get("seeds", [0])), **defaults)


def body(page, name, values):
    """Runs one page's command; returns the exit code."""
    call = launch.Call(values, name, PART)
    chosen = {key: page["sections"][key] for key in values.comparisons}
    runs = [
        call.run(
            row.experiment, seed, row.changes | {"epochs": rows.length(section, call)}
        )
        for seed in call.seeds(values.seeds)
        for section in chosen.values()
        for row in rows.declared(section, values.preset)
    ]
    runs = list(dict.fromkeys(runs))  # sections may share rows
    if call.lists_or_is_one(runs):
        return 0
    code = call.train(call.to_train(runs, longer=True))
    frames, file, sections, content = call.frames(), call.file(name), [], {}
    for key, section in chosen.items():
        table_rows = rows.collect(section, call, frames)
        entry = section | {"found": table_rows, "told": ""}
        entry["table"] = markdown(section, table_rows)
        if section.get("picture"):
            entry["picture"] = f"figures/{file.name}-{key}"
            picture = file.parent / entry["picture"]
            entry["told"] = draw(table_rows, call.results, picture)
        elif section.get("curves"):
            entry["picture"] = f"figures/{file.name}-{key}"
            figure = curves.compare(table_rows, frames.epochs, section["curves"])
            panels.save(figure, file.parent / entry["picture"])
        sections.append(entry)
        content[key] = [_plain(row) for row in table_rows]
    legend = {mark: text for mark, text in cells.MARKS.items() if mark in MARKS}
    text = pages.template("comparisons/page.md.j2").render(
        page=page, name=name, sections=sections, marks=legend, published=published
    )
    call.write(file, text, text, content)
    return code


def markdown(section, table_rows):
    """A section as a Markdown table; the preset's own row in bold."""
    tables = {grid.parts(row["experiment"])[0] for row in table_rows}
    metrics = {m for name in tables for m in published.METRICS[name]}
    metrics = [metric for metric in rows.METRICS if metric in metrics]
    measured, success, lines = section.get("measured", ()), section.get("success"), []
    for row in table_rows:
        bold = "" if row["changes"] else "**"
        marks = "".join(mark for mark in row["marks"] if mark in MARKS)
        line = [f"{bold}{label}{bold}" if label else "" for label in row["labels"]]
        line[-1] += f" {marks}" if marks else ""
        line += [render.value(row, metric) for metric in metrics]
        for _, column, form in measured:
            mean = row["metrics"] and row["metrics"][column]["mean"]
            line.append("-" if mean is None else format(mean, form))
        if success is not None:
            runs = row["metrics"]["acc"]["runs"] if row["metrics"] else ()
            succeeded = sum(acc > success for acc in runs)
            line.append(f"{succeeded} of {len(runs)}" if runs else row["state"])
        lines.append([*line, *render.protocol(row)])
    titles = [published.TITLES[metric] for metric in metrics]
    titles += [title for title, _, _ in measured]
    titles += [f"ACC > {success}"] if success is not None else []
    head = [*section["columns"], *titles, "epochs", "seeds"]
    return pages.markdown_table(head, lines, left=len(section["columns"]))


def draw(table_rows, results, file):
    """Draws the first test scenes as each row of one experiment infers them.

    A row taken from a longer run is drawn as that run ended, since a run keeps only the
    scenes of its last epoch. Returns a legend of the rows, "" if there are not two to
    compare.
    """
    complete = [row for row in table_rows if row["state"] == record.COMPLETE]
    if len(complete) < 2:
        return ""
    arrays = [record.read_figure(results / row["folders"][0]) for row in complete]
    letters = [f"({letter})" for letter in string.ascii_lowercase[: len(complete)]]
    counted = complete[0]["experiment"].startswith("table1")
    blocks = panels.compared(list(zip(letters, arrays, strict=True)), counted)
    panels.save(panels.draw(blocks), file)
    labels = [", ".join(row["labels"]) for row in complete]
    for place, row in enumerate(complete):
        length = record.read(results / row["folders"][0])["epochs"]
        if length > row["epochs"]:
            labels[place] += f" (after {length} epochs)"
    return "; ".join(map(" ".join, zip(letters, labels, strict=True)))


def _plain(row):
    """A row for JSON."""
    keys = ("experiment", "labels", "changes", *cells.AVERAGE)
    return {key: row[key] for key in keys}


def main():
    """The command of the page named by its first argument; returns the exit code."""
    name, *argv = sys.argv[1:] or [""]
    if (page := rows.PAGES.get(name)) is None:
        known = ", ".join(rows.PAGES)
        print(f"error: unknown page {name!r}; choose from {known}", file=sys.stderr)
        return 2
    commands = (functools.partial(f, page, name) for f in (define, body))
    return command_line.main(*commands, f"{page['title']}\n{page['about']}", argv)


if __name__ == "__main__":
    sys.exit(main())
