"""Shows one experiment beside its variants, from run records.

    python -m reproduce.comparisons ablations --train

is what `bash reproduce/ablations.sh --train` runs; the other pages of pages.toml have
commands of their own. All rows of a section are of one length. It trains only with
--train, --retrain or --smoke.
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
MARKS = "↺⚠§✗≈"  # of those of a table; rows are short on purpose


def define(page, name, flags):
    """The flags of one page's command."""
    every = tuple(page["sections"])
    flags.group("What to show")
    flags.add("comparisons", comma_list(choice(*every)), every, "which sections")
    usual = {name: page[name] for name in ("epochs", "preset") if name in page}
    launch.define(flags, seeds=tuple(page.get("seeds", [0])), **usual)


def body(page, name, values):
    """Runs one page's command; returns the exit code."""
    call = launch.Call(values, name, PART)
    shown = {key: page["sections"][key] for key in values.comparisons}
    wanted = [
        call.run(
            row.experiment, seed, row.changes | {"epochs": rows.length(section, call)}
        )
        for seed in call.seeds(values.seeds)
        for section in shown.values()
        for row in rows.declared(section, values.preset)
    ]
    wanted = list(dict.fromkeys(wanted))  # sections may share rows
    if call.lists_or_is_one(wanted):
        return 0
    code = call.train(call.to_train(wanted, longer=True))
    frames, file, sections, content = call.frames(), call.file(name), [], {}
    for key, section in shown.items():
        found = rows.collect(section, call, frames)
        table = {"table": markdown(section, found), "found": found, "told": ""}
        if section.get("picture"):
            table["picture"] = f"figures/{file.name}-{key}"
            picture = file.parent / table["picture"]
            table["told"] = draw(found, call.results, picture)
        elif section.get("curve"):
            table["picture"] = f"figures/{file.name}-{key}"
            drawn = curves.compare(found, frames.epochs, *section["curve"])
            panels.save(drawn, file.parent / table["picture"])
        sections.append(section | table)
        content[key] = [_plain(row) for row in found]
    legend = {mark: text for mark, text in cells.MARKS.items() if mark in MARKS}
    text = pages.template("comparisons/page.md.j2").render(
        page=page, name=name, sections=sections, marks=legend, published=published
    )
    call.write(file, text, text, content)
    return code


def markdown(section, found):
    """A section as a Markdown table; the preset's own row in bold."""
    tables = {grid.parts(row["experiment"])[0] for row in found}
    metrics = {m for name in tables for m in published.METRICS[name]}
    metrics = [metric for metric in rows.METRICS if metric in metrics]
    measured, success, lines = section.get("measured", ()), section.get("success"), []
    for row in found:
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
            line.append(f"{sum(acc > success for acc in runs)} of {len(runs)}")
        lines.append([*line, *render.protocol(row)])
    titles = [published.TITLES[metric] for metric in metrics]
    titles += [title for title, _, _ in measured]
    titles += [f"ACC > {success}"] if success is not None else []
    head = [*section["columns"], *titles, "epochs", "seeds"]
    return pages.markdown_table(head, lines, left=len(section["columns"]))


def draw(found, results, file):
    """Draws the first test scenes as each row of one experiment infers them.

    A row taken from a longer run is left out: a run keeps its last epoch's scenes
    alone. Returns a text that names the rows; "" without two of them to compare.
    """
    whole = [row for row in found if not row["cut_from"]]
    drawn = [row for row in whole if row["state"] == record.COMPLETE]
    if len(drawn) < 2:
        return ""
    arrays = [record.read_figure(results / row["folders"][0]) for row in drawn]
    letters = [f"({letter})" for letter in string.ascii_lowercase[: len(drawn)]]
    counted = drawn[0]["experiment"].startswith("table1")
    blocks = panels.compared(list(zip(letters, arrays, strict=True)), counted)
    panels.save(panels.draw(blocks), file)
    labels = [", ".join(row["labels"]) for row in drawn]
    return "; ".join(map(" ".join, zip(letters, labels, strict=True)))


def _plain(row):
    """A row for JSON."""
    keys = ("experiment", "labels", "changes", *cells.AVERAGE)
    found = row["metrics"] and {name: row["metrics"][name] for name in rows.METRICS}
    return {key: row[key] for key in keys} | {"metrics": found}


def main():
    """The command of the page that its first word names; returns the exit code."""
    name, *argv = sys.argv[1:] or [""]
    if (page := rows.PAGES.get(name)) is None:
        known = ", ".join(rows.PAGES)
        print(f"error: unknown page {name!r}; choose from {known}", file=sys.stderr)
        return 2
    commands = (functools.partial(f, page, name) for f in (define, body))
    return command_line.main(*commands, f"{page['title']}\n{page['about']}", argv)


if __name__ == "__main__":
    sys.exit(main())
