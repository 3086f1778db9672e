"""The report's last sections: every run, and the scenes that the runs saw."""

import json
import statistics

from reproduce import records, render
from reproduce.words import duration

RUNS = (
    *("run", "variant", "seed", "epochs", "state", "parameters", "time", "an epoch"),
    *("images/s", "threads", "memory", "device", "library", "commit"),
)
DATA = (
    *("scenes", "set", "images", "counts", "object side in pixels"),
    *("nearest pair in pixels", "mean grey value", "digest"),
)
RELEASED = (
    "In the preset released the test scenes are split off the shuffled training scenes."
)


def runs(folder, found):
    """Every run and what it cost.

    Args:
      folder: of the results.
      found: the records.

    Raises:
      RecordError: if a history was damaged after its record was read.
    """
    rows = [_run(folder, record) for record in found]
    head, rows, same = _without_constants(RUNS, rows)
    notes = [
        "An epoch: the median over the run's. Images/s: of the training steps, "
        "compilation included.",
    ]
    if same:
        notes.insert(0, f"The same in all runs: {same}.")
    if any(record["git"]["dirty"] for record in found):
        notes.append("A `+` behind a commit: the code had uncommitted changes.")
    return "\n".join(["## Runs", "", *_table(head, rows), "", " ".join(notes)])


def data(found):
    """The scenes of all runs, each set of them once; "" without runs."""
    rows, seen = [], set()
    for record in found:
        if record["data_digest"] in seen:
            continue
        seen.add(record["data_digest"])
        scenes = f"{record['dataset']}, {json.dumps(record['configuration']['counts'])}"
        if record["preset"] != "paper":
            scenes += f" (preset {record['preset']})"
        for part, about in record["data_statistics"].items():
            shares = about["count_shares"].items()
            row = [
                scenes,
                part,
                f"{about['images']:,}",
                ", ".join(f"{count}: {share:.2f}" for count, share in shares),
                _spread(about["object_side"]),
                _spread(about["nearest_pair_distance"]),
                f"{about['mean_ink']:.4f}",
                record["data_digest"][:12],
            ]
            rows.append(row)
    if not rows:
        return ""
    notes = [
        "Nearest pair: the distance between the centres of the two closest boxes. In "
        "the scenes of Table 1 inked pixels never meet but boxes may; in those of "
        "Table 2 boxes are disjoint."
    ]
    if any(r["configuration"].get("test_split") == "shuffled" for r in found):
        notes.append(RELEASED)
    return "\n".join(["## Data", "", *_table(DATA, rows), "", " ".join(notes)])


def _run(folder, record):
    surroundings, commit = record["environment"], record["git"]["commit"] or "-"
    packages = surroundings["packages"]
    name, library = "TensorFlow", packages.get("tensorflow")
    if library is None:
        name, library = "JAX", packages["jax"]
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
        f"{name} {library}",
        commit[:7] + ("+" if record["git"]["dirty"] else ""),
    ]
    return [str(word) for word in row]


def _without_constants(head, rows):
    """The table without columns that are equal in all its rows, and these in words.

    The first two columns stay, which name the run, and so does a single row.
    """
    columns = list(zip(head, *rows, strict=True))
    constant = [
        column for column in columns[2:] if len(rows) > 1 and len(set(column[1:])) == 1
    ]
    kept = [column for column in columns if column not in constant]
    head, *rows = (list(line) for line in zip(*kept, strict=True))
    return head, rows, ", ".join(f"{title} {value}" for title, value, *_ in constant)


def _table(head, rows):
    rule = "|---" * len(head) + "|"
    return [render.table_line(head), rule, *(render.table_line(row) for row in rows)]


def _epoch_seconds(folder, record):
    """The median time of an epoch, evaluation included."""
    seconds = [row["seconds"] for row in records.history_of(folder, record)]
    return f"{statistics.median(seconds):.0f} s" if seconds else "-"


def _spread(summary):
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.1f} ({summary['min']:.0f} to {summary['max']:.0f})"
