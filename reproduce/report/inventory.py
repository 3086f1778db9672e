"""The report's lists: every run and what it cost, and the scenes that the runs saw."""

import json

from reproduce.words import duration


def runs(frame, epochs):
    """Every run: a list of dicts of texts by title."""
    medians = epochs.groupby("folder").seconds.median()
    return [_run(run, medians.get(run.folder)) for run in frame.itertuples()]


def constants(lines):
    """Titles whose value is equal in all of several lines, with that value."""
    same = {t: v for t, v in lines[0].items() if all(line[t] == v for line in lines)}
    named = ("run", "variant")  # which name the run
    return {t: v for t, v in same.items() if len(lines) > 1 and t not in named}


def scenes(frame):
    """The scenes of all runs, each set of them once: a list of dicts of texts."""
    lines = []
    for run in frame.drop_duplicates("data_digest").itertuples():
        name = f"{run.dataset}, {json.dumps(run.configuration['counts'])}"
        name += f" (preset {run.preset})" if run.preset != "paper" else ""
        for part, about in run.data_statistics.items():
            shares = about["count_shares"].items()
            lines.append(
                {
                    "scenes": name,
                    "set": part,
                    "images": f"{about['images']:,}",
                    "counts": ", ".join(f"{n}: {share:.2f}" for n, share in shares),
                    "object side in pixels": _spread(about["object_side"]),
                    "nearest pair in pixels": _spread(about["nearest_pair_distance"]),
                    "mean grey value": f"{about['mean_ink']:.4f}",
                    "digest": run.data_digest[:12],
                }
            )
    return lines


def _run(run, epoch_seconds):
    around, git = run.environment, run.git
    packages, speed = around["packages"], run.images_per_second
    name, library = ("TensorFlow", "tensorflow")
    if not packages.get(library):
        name, library = ("JAX", "jax")
    line = {
        "run": run.experiment,
        "variant": run.variant,
        "seed": run.seed,
        "epochs": run.epochs,
        "state": run.status,
        "parameters": f"{run.parameters:,}",
        "time": duration(run.wall_seconds),
        "an epoch": f"{epoch_seconds:.0f} s" if epoch_seconds else "-",
        "images/s": f"{speed:.0f}" if speed else "-",
        "threads": around["threads"],
        "memory": f"{around['peak_memory_megabytes']:,} MB",
        "device": around["device"],
        "library": f"{name} {packages[library]}",
        "numerics": run.numerics,
        "commit": (git["commit"] or "-")[:7] + ("+" if git["dirty"] else ""),
    }
    return {title: str(word) for title, word in line.items()}


def _spread(summary):
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.1f} ({summary['min']:.0f} to {summary['max']:.0f})"
