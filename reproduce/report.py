"""Writes results/README.md, the reproduction report, from the committed records.

    .venv/bin/python -m reproduce.report

Every number in it comes from a record. What a person has to say, deviations seen
and failures, stands in results/observations.md and is taken over as it is.
"""

import json
import pathlib
import sys

from reproduce import command_line, files, grid, records
from reproduce.configuration import experiments
from reproduce.progress import duration

DESCRIPTION = "Writes results/README.md, the reproduction report, from the records."
FIGURES = {
    "figure3": "Figure 3: one or three digits, inferred boxes and reconstructions",
    "figure4": "Figure 4: three digits that do not overlap",
    "figure5": "Figure 5: samples from the prior on Multi-dSprites",
    "own_constraint": "A constraint that is not in the paper, before and after",
}
CURVES = {
    "table1": "Number of objects, {} digits, by epoch; dashed: published after 300",
    "table2": "Overlap, three objects, Multi-{}, by epoch; dashed: published after 300",
}
DATASETS = {"mnist": "MNIST", "dsprites": "dSprites"}
# Pages that other commands write, in the report's order.
TABLES = ("table1", "table2", "table1-released", "table2-released")


def define(options):
    """The command's flags."""
    options.group("Where")
    options.text("results", str(files.RESULTS), "folder of results", "DIR")


def body(values):
    """Writes the report; returns the exit code."""
    folder = pathlib.Path(values.results)
    found = [
        record
        for experiment in experiments()
        for record in records.find(folder, experiment).values()
    ]
    parts = [
        "# The reproduction so far\n\nWritten by `python -m reproduce.report` from the "
        'records in `runs/`; the words under "Observations" are a person\'s.',
        _state(found),
        *(_page(folder, name) for name in TABLES),
        _pictures(folder, "Figures", FIGURES),
        _pictures(folder, "Learning curves", _curves()),
        _page(folder, "ablations"),
        _observations(folder),
        _runs(found),
        _data(found),
    ]
    file = folder / "README.md"
    files.write_atomically(file, "\n\n".join(part for part in parts if part) + "\n")
    print(f"written: {files.shown(file)}")


def _state(found):
    full = sum(
        r["epochs"] >= 300 and not r["changed"] and r["status"] == records.COMPLETE
        for r in found
    )
    hours = sum(r["wall_seconds"] for r in found) / 3600
    return (
        f"Of the 45 runs of Tables 1 and 2 at the paper's protocol (300 epochs, seeds "
        f"0 to 2), {full} are done; the others are shorter, or missing, and the tables "
        f"mark them. All {len(found)} runs here took {hours:.1f} hours."
    )


def _page(folder, name):
    """Another command's page, its headings one level down; "" if there is none."""
    try:
        text = (folder / f"{name}.md").read_text("utf-8")
    except FileNotFoundError:
        return ""
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
        f"curves-{table}-{setting}": CURVES[table].format(
            DATASETS.get(setting, " or ".join(setting))
        )
        for table, settings in grid.SETTINGS.items()
        for setting in settings
    }


def _observations(folder):
    try:
        text = (folder / "observations.md").read_text("utf-8")
    except FileNotFoundError:
        return ""
    return text.rstrip()


def _runs(found):
    lines = [
        "## Runs",
        "",
        "| run | variant | seed | epochs | state | parameters | time | images/s | "
        "threads | memory | device | TensorFlow | commit |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for record in found:
        surroundings, commit = record["environment"], record["git"]["commit"] or "-"
        speed = record["images_per_second"]
        cells = [
            record["experiment"],
            record["variant"],
            record["seed"],
            record["epochs"],
            record["status"],
            f"{record['parameters']:,}",
            duration(record["wall_seconds"]),
            f"{speed:.0f}" if speed else "-",
            surroundings["threads"],
            f"{surroundings['peak_memory_megabytes']:,} MB",
            surroundings["device"],
            surroundings["packages"]["tensorflow"],
            commit[:7] + ("+" if record["git"]["dirty"] else ""),
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    lines += ["", "A `+` behind a commit: the code had uncommitted changes."]
    return "\n".join(lines)


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
            cells = [
                f"{record['dataset']}, {json.dumps(record['configuration']['counts'])}",
                part,
                f"{about['images']:,}",
                ", ".join(f"{count}: {share:.2f}" for count, share in shares),
                _spread(about["object_side"]),
                _spread(about["nearest_pair_distance"]),
                f"{about['mean_ink']:.4f}",
                record["data_digest"][:12],
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) if seen else ""


def _spread(summary):
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.1f} ({summary['min']:.0f} to {summary['max']:.0f})"


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=DESCRIPTION))
