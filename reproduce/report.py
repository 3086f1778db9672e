"""Writes results/README.md, the reproduction report, from the committed records.

    .venv/bin/python -m reproduce.report

Every number in it comes from a record. What a person has to say, deviations seen
and failures, stands in results/observations.md and is taken over as it is. Tables
and pictures are those that their own commands have written.
"""

import pathlib
import sys

from reproduce import (
    cells,
    claims,
    command_line,
    details,
    files,
    grid,
    headline,
    inferred_boxes,
    pictures,
    records,
    render,
    run_list,
    sensitivity,
    variants,
)
from reproduce.configuration import experiments
from reproduce.errors import UsageError

DESCRIPTION = "Writes results/README.md, the reproduction report, from the records."
METRICS = """## What is measured

On the test images after the last epoch, one sample of z an image:

- nELBO: the negative ELBO in nats, summed over pixels, without the penalty R(q).
- SE: the squared error of the reconstruction, summed over pixels.
- ACC: the share of images whose inferred count is the true one. The inferred count
  is the number of leading steps with p_t > 0.5; p_t is the inferred probability that
  object t exists, given that those before it do.
- mIoU: inferred and true boxes are matched one to one for the largest sum of IoU,
  which is divided by the larger of the two counts.

The published numbers are not quite the same quantities, if they were made by the code
that the authors released. It draws z_pres where these runs sum over the number of
objects (nELBO) or take the steps with p_t > 0.5 (ACC, SE, mIoU), has boxes with sides
longer by 1 in its IoU (mIoU; compare "IoU + 1" below the tables), reports the epoch of
the lowest training loss and tests on scenes split off from the training set, with
objects in disjoint columns in Table 2 (all metrics). In AIR, whose prior of z_pres is
annealed to a log-odds of -20, every object costs up to 20 nats of KL(z_pres).

The preset `released` measures by these other rules too, but for the IoU: drawn z_pres,
the epoch of the lowest training loss, test scenes split off the shuffled training
scenes. Its ACC, the share of scenes whose drawn count is the true one, is not the same
measure as that of the preset `paper`."""
DETAILS = (
    "nELBO and its terms in nats. Training nELBO: mean over the last epoch's steps, "
    "while the weights change. Last 5 epochs: nELBO of the test images, mean and "
    "range; lowest: the lowest over all epochs. "
    "IoU + 1: mIoU with all sides longer by 1 pixel, as the released code has it."
)


def define(options):
    """The command's flags."""
    options.group("Where")
    options.text("results", str(files.RESULTS), "folder of results", "DIR")


def body(values):
    """Writes the report; returns the exit code."""
    folder = pathlib.Path(values.results)
    files.require_folder(folder, "--results")
    found = [
        record
        for experiment in experiments()
        for record in records.find(folder, experiment).values()
        if not record["smoke"]
    ]
    protocol = grid.Protocol(results=folder)
    tables = _cells(protocol)
    released = _cells(grid.Protocol(results=folder, preset="released"))
    judged = [
        (claim, grid.TITLES[name])
        for name, row in tables.items()
        for claim in claims.judge(name, row)
    ]
    judged.sort(key=lambda pair: pair[0].number)
    parts = [
        "# The reproduction so far\n\nWritten by `.venv/bin/python -m "
        "reproduce.report` from the records in `runs/`; only the [observations]"
        "(#observations) are written by hand.",
        headline.markdown(found, tables, judged),
        METRICS,
        *(_table(folder, name, tables[name]) for name in grid.TABLES),
        _claims(judged),
        *(_table(folder, name, released[name], "released") for name in grid.TABLES),
        pictures.markdown(folder, tables),
        _page(folder, "ablations"),
        _sensitivity(folder, protocol),
        _page(folder, "observations"),
        run_list.runs(folder, found) if found else "",
        run_list.data(found),
    ]
    file = folder / "README.md"
    files.write_atomically(file, "\n\n".join(part for part in parts if part) + "\n")
    print(f"written: {files.shown(file)}")


def _cells(protocol):
    """Both tables' cells by name."""
    return {
        name: cells.collect(grid.table_experiments(name), protocol)
        for name in grid.TABLES
    }


def _claims(judged):
    """Every claim of the paper: the verdicts in one table, then what is behind them.

    A claim that two tables judge alike has one row.

    Args:
      judged: pairs of a `judging.Claim` and its table's title.
    """
    lines = [render.CLAIMS_HEADING, "", claims.CHOICES, ""]
    lines += ["| claim | table | verdict | score | runs behind it |"]
    lines += ["|---|---|---|---|---|"]
    rows = {}
    for claim, title in judged:
        runs = "; ".join(claim.notes) or "-"
        words = (claim.claim, f"**{claim.words}**", claim.score or "-", runs)
        rows.setdefault(words, []).append(title)
    for (claim, *words), titles in rows.items():
        lines.append(render.table_line([claim, " and ".join(titles), *words]))
    lines += ["", "### The numbers behind the verdicts", ""]
    for claim, title in judged:
        lines.append(f"- {claim.number}. {title}:")
        lines += [f"  - {point}" for point in claim.points]
    return "\n".join(lines)


def _table(folder, name, found, preset="paper"):
    """A table's own page without its claims, and what stands behind its numbers.

    What the columns are is told once, below the preset `paper`.
    """
    whose = "" if preset == "paper" else f" (preset {preset})"
    file = name if preset == "paper" else f"{name}-{preset}"
    page = _page(folder, file).partition(f"#{render.CLAIMS_HEADING}")[0].rstrip()
    parts = [page]
    if table := details.markdown(name, found, folder):
        heading = f"### Behind the numbers of {grid.TITLES[name]}{whose}"
        parts += [heading, table]
        parts += [DETAILS] if preset == "paper" else []
        if name == "table2":
            parts.append(inferred_boxes.markdown(found, folder))
    return "\n\n".join(part for part in parts if part)


def _sensitivity(folder, protocol):
    """The link to the page of the search over the weights; "" if there is none."""
    if not (folder / "sensitivity.md").exists():
        return ""
    rows = [
        cell
        for search in sensitivity.SEARCHES
        for cell in variants.collect(
            sensitivity.comparison(search), sensitivity.SEEDS, protocol
        )
    ]
    missing = sum(not (cell.complete or cell.failed) for cell in rows)
    so_far = f" ({missing} of its {len(rows)} rows have no run yet)" if missing else ""
    return (
        "The paper's search over the weights lambda has a page of its own: "
        f"[sensitivity.md](sensitivity.md){so_far}."
    )


def _page(folder, name):
    """Another command's page, its headings one level down; "" if there is none."""
    file = folder / f"{name}.md"
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise UsageError(f"{files.shown(file)}: not text in UTF-8") from None
    return text.replace("\n#", "\n##").replace("# ", "## ", 1).rstrip()


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=DESCRIPTION))
