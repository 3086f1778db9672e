"""The report's lists: every run and what it cost, and the scenes that the runs saw."""

import json

from reproduce.words import duration


def runs(frame, epochs):
    """Every run: a list of dicts of texts by title.

    Args:
      frame: of runs.
      epochs: of histories.
    """
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
    records = {found["data_digest"]: found for found in reversed(list(frame.record))}
    for digest in dict.fromkeys(found["data_digest"] for found in frame.record):
        found = records[digest]
        name = f"{found['dataset']}, {json.dumps(found['configuration']['counts'])}"
        name += f" (preset {found['preset']})" if found["preset"] != "paper" else ""
        for part, about in found["data_statistics"].items():
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
                    "digest": digest[:12],
                }
            )
    return lines


def _run(run, epoch_seconds):
    around, git = run.record["environment"], run.record["git"]
    library = "tensorflow" if around["packages"].get("tensorflow") else "jax"
    name = {"tensorflow": "TensorFlow", "jax": "JAX"}[library]
    speed = run.record["images_per_second"]
    line = {
        "run": run.experiment,
        "variant": run.variant,
        "seed": run.seed,
        "epochs": run.epochs,
        "state": run.status,
        "parameters": f"{run.parameters:,}",
        "time": duration(run.seconds),
        "an epoch": "-" if epoch_seconds is None else f"{epoch_seconds:.0f} s",
        "images/s": f"{speed:.0f}" if speed else "-",
        "threads": around["threads"],
        "memory": f"{around['peak_memory_megabytes']:,} MB",
        "device": around["device"],
        "library": f"{name} {around['packages'][library]}",
        "numerics": run.numerics,
        "commit": (git["commit"] or "-")[:7] + ("+" if git["dirty"] else ""),
    }
    return {title: str(word) for title, word in line.items()}


def _spread(summary):
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.1f} ({summary['min']:.0f} to {summary['max']:.0f})"
