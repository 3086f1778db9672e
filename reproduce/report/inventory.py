"""The report's lists: every run and what it cost, and the scenes that the runs saw."""

import json

import pandas

from reproduce.experiments import published
from reproduce.words import duration


def runs(frame, epochs):
    """Every run: a list of dicts from column title to text."""
    medians = epochs.groupby("folder").seconds.median()
    lines = []
    for run in frame.itertuples():
        environment, git, speed = run.environment, run.git, run.images_per_second
        packages, seconds = environment["packages"], medians.get(run.folder)
        library = "tensorflow" if packages.get("tensorflow") else "jax"
        name = {"tensorflow": "TensorFlow", "jax": "JAX"}[library]
        line = {
            "run": run.experiment,
            "variant": run.variant,
            "seed": run.seed,
            "epochs": run.epochs,
            "state": run.status,
            "parameters": f"{run.parameters:,}",
            "time": duration(run.wall_seconds),
            "an epoch": f"{seconds:.0f} s" if seconds else "-",
            "images/s": "-" if pandas.isna(speed) else f"{speed:.0f}",
            "threads": environment["threads"],
            "memory": f"{environment['peak_memory_megabytes']:,} MB",
            "device": environment["device"],
            "library": f"{name} {packages[library]}",
            "numerics": run.numerics,
            "commit": (git["commit"] or "-")[:7] + ("+" if git["dirty"] else ""),
        }
        lines.append({title: str(value) for title, value in line.items()})
    return lines


def under_way(folder):
    """The last epoch of each history in unfinished/, as `runs`."""
    lines = []
    for file in sorted(folder.glob("unfinished/*.csv")):
        last = pandas.read_csv(file).iloc[-1]
        line = {"run": file.stem, "epoch": f"{last.epoch:.0f}"}
        for metric, title in published.TITLES.items():
            line[title] = f"{last[f'test_{metric}']:.2f}"
        lines.append(line)
    return lines


def compared(folder, page):
    """How many rows of a comparisons page have runs, in words; "" if all have."""
    file = folder / f"{page}.json"
    sections = json.loads(file.read_text("utf-8")) if file.exists() else {}
    rows = [row for section in sections.values() for row in section]
    done = sum(row["metrics"] is not None for row in rows)
    return "" if done == len(rows) else f" ({done} of {len(rows)} rows have runs)"


def constants(lines):
    """The titles whose value is the same in all lines, and it; {} for a single line."""
    same = {t: v for t, v in lines[0].items() if all(line[t] == v for line in lines)}
    names = ("run", "variant")  # always shown
    return {t: v for t, v in same.items() if len(lines) > 1 and t not in names}


def scenes(frame):
    """The scenes of all runs, each set of them once, as `runs`."""
    lines = []
    for run in frame.drop_duplicates("data_digest").itertuples():
        options = run.configuration
        name = f"{run.dataset}, {json.dumps(options['counts'])}"
        name += ", columns" if options["separation"] == "columns" else ""
        name += f" (preset {run.preset})" if run.preset != "paper" else ""
        for part, statistics in run.data_statistics.items():
            shares = statistics.get("count_shares", {}).items()
            line = {
                "scenes": name,
                "set": part,
                "images": f"{statistics['images']:,}",
                "counts": ", ".join(f"{n}: {share:.2f}" for n, share in shares) or "-",
            }
            for title in ("object side", "nearest pair distance"):
                spread, text = statistics.get(title.replace(" ", "_"), {}), "-"
                if spread.get("mean") is not None:
                    limits = f"({spread['min']:.0f} to {spread['max']:.0f})"
                    text = f"{spread['mean']:.1f} {limits}"
                line[f"{title.removesuffix(' distance')} in pixels"] = text
            line["mean grey value"] = f"{statistics['mean_ink']:.4f}"
            lines.append(line | {"digest": run.data_digest[:12]})
    return lines
