"""Writes results/README.md, the reproduction report, from the committed records.

    .venv/bin/python -m reproduce.report

Every number in it comes from a record. What a person has to say, deviations seen
and failures, stands in results/observations.md and is taken over as it is. Tables
and pictures are those that their own commands have written.
"""

import json
import pathlib
import statistics
import sys

from reproduce import (
    cells,
    claims,
    command_line,
    details,
    files,
    grid,
    headline,
    records,
    render,
)
from reproduce.configuration import experiments
from reproduce.errors import UsageError
from reproduce.words import duration

DESCRIPTION = "Writes results/README.md, the reproduction report, from the records."
FIGURES = {
    "figure3": "Figure 3: one or three digits, inferred boxes and reconstructions",
    "figure3-14": "As Figure 3: one or four digits",
    "figure3-24": "As Figure 3: two or four digits",
    "figure4": "Figure 4: three digits that do not overlap",
    "figure5": "Figure 5: samples from the prior on Multi-dSprites, sizes included (in "
    "the released code all objects of AIR-pPrior and AIR-ASR have one size)",
    "own_constraint": "A constraint that is not in the paper, before and after",
}
CURVES = {
    "table1": "Number of objects, {}, by epoch; published values with their "
    "standard deviations at the right. First epochs may lie outside the axes",
    "table2": "Overlap, three objects, {}, by epoch; published values with their "
    "standard deviations at the right. First epochs may lie outside the axes",
}
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
annealed to a log-odds of -20, every object costs up to 20 nats of KL(z_pres)."""
SENSITIVITY = (
    "The paper's search over the weights lambda has a page of its own: "
    "[sensitivity.md](sensitivity.md)."
)
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
    tables = {
        name: cells.collect(grid.table_experiments(name), protocol)
        for name in grid.TABLES
    }
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
        *(_table_page(folder, f"{name}-released") for name in grid.TABLES),
        _pictures(folder, "Figures", FIGURES),
        _pictures(folder, "Learning curves", _curves()),
        _page(folder, "ablations"),
        SENSITIVITY if (folder / "sensitivity.md").exists() else "",
        _page(folder, "observations"),
        _runs(folder, found),
        _data(found),
    ]
    file = folder / "README.md"
    files.write_atomically(file, "\n\n".join(part for part in parts if part) + "\n")
    print(f"written: {files.shown(file)}")


def _claims(judged):
    """Every claim of the paper: the verdicts in one table, then what is behind them.

    Args:
      judged: pairs of a `judging.Claim` and its table's title.
    """
    lines = [render.CLAIMS_HEADING, "", claims.CHOICES, ""]
    lines += ["| claim | table | verdict | score | runs behind it |"]
    lines += ["|---|---|---|---|---|"]
    for claim, title in judged:
        runs = "; ".join(claim.notes) or "-"
        words = (claim.claim, title, f"**{claim.words}**", claim.score or "-", runs)
        lines.append(render.table_line(words))
    lines += ["", "### The numbers behind the verdicts", ""]
    for claim, title in judged:
        lines.append(f"- {claim.number}. {title}:")
        lines += [f"  - {point}" for point in claim.points]
    return "\n".join(lines)


def _table(folder, name, found):
    """A table's own page without its claims, and what stands behind its numbers."""
    page = _table_page(folder, name)
    table = details.markdown(name, found, folder)
    behind = f"### Behind the numbers of {grid.TITLES[name]}\n\n{table}\n\n{DETAILS}"
    return "\n\n".join(part for part in (page, table and behind) if part)


def _table_page(folder, name):
    """A table's own page without its claims; "" if there is none."""
    return _page(folder, name).partition(f"#{render.CLAIMS_HEADING}")[0].rstrip()


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


def _pictures(folder, title, texts):
    """A section of the pictures that are there, `texts` by name of the file."""
    shown = [
        f"![{text}](figures/{name}.png)\n\n{text}."
        for name, text in texts.items()
        if (folder / "figures" / f"{name}.png").exists()
    ]
    return "\n\n".join([f"## {title}", *shown]) if shown else ""


def _curves():
    """What each picture of learning curves shows, by name of the file."""
    return {
        f"curves-{table}-{setting}": CURVES[table].format(grid.scenes(setting))
        for table, settings in grid.SETTINGS.items()
        for setting in settings
    }


def _runs(folder, found):
    lines = [
        "## Runs",
        "",
        "| run | variant | seed | epochs | state | parameters | time | an epoch | "
        "images/s | threads | memory | device | TensorFlow, or JAX | commit |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for record in found:
        surroundings, commit = record["environment"], record["git"]["commit"] or "-"
        packages = surroundings["packages"]
        speed = record["images_per_second"]
        row = [
            record["experiment"],
            record["variant"],
            record["seed"],
            record["epochs"],
            record["status"],
            f"{record['parameters']:,}",
            duration(record["wall_seconds"]),
            _epoch_seconds(folder, record),
            f"{speed:.0f}" if speed else "-",
            surroundings["threads"],
            f"{surroundings['peak_memory_megabytes']:,} MB",
            surroundings["device"],
            packages.get("tensorflow") or f"JAX {packages['jax']}",
            commit[:7] + ("+" if record["git"]["dirty"] else ""),
        ]
        lines.append(render.table_line(map(str, row)))
    lines += [
        "",
        "An epoch: the median over the run's. Images/s: of the training steps, "
        "compilation included. A `+` behind a commit: the code had "
        "uncommitted changes.",
    ]
    return "\n".join(lines)


def _epoch_seconds(folder, record):
    """The median time of an epoch, evaluation included."""
    seconds = [row["seconds"] for row in records.history_of(folder, record)]
    return f"{statistics.median(seconds):.0f} s" if seconds else "-"


def _data(found):
    lines = [
        "## Data",
        "",
        "| scenes | set | images | counts | object side in pixels | nearest pair in "
        "pixels | mean grey value | digest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    seen = set()
    for record in found:
        if record["data_digest"] in seen:
            continue
        seen.add(record["data_digest"])
        for part, about in record["data_statistics"].items():
            shares = about["count_shares"].items()
            row = [
                f"{record['dataset']}, {json.dumps(record['configuration']['counts'])}",
                part,
                f"{about['images']:,}",
                ", ".join(f"{count}: {share:.2f}" for count, share in shares),
                _spread(about["object_side"]),
                _spread(about["nearest_pair_distance"]),
                f"{about['mean_ink']:.4f}",
                record["data_digest"][:12],
            ]
            lines.append(render.table_line(row))
    lines += [
        "",
        "Nearest pair: the distance between the centres of the two closest boxes. In "
        "the scenes of Table 1 inked pixels never meet but boxes may; in those of "
        "Table 2 boxes are disjoint.",
    ]
    return "\n".join(lines) if seen else ""


def _spread(summary):
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.1f} ({summary['min']:.0f} to {summary['max']:.0f})"


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=DESCRIPTION))
