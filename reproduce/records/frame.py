"""All records as two data frames, from which every table, figure and claim is made."""

import pathlib
from typing import NamedTuple

import pandas as pd

from reproduce.records import record as records

# Columns of `Frames.runs` that are a record's own fields.
_FIELDS = (
    *("table", "method", "setting", "dataset", "preset", "variant", "changed"),
    *("seed", "epochs", "digits", "smoke", "status", "failure", "reported_epoch"),
    *("images_per_second", "parameters", "numerics", "configuration"),
)
# Those of its metrics that every row has, in this order; others follow.
METRICS = (
    *("nelbo", "reconstruction", "kl_location", "kl_scale", "kl_appearance"),
    *("kl_presence", "se", "acc", "miou", "miou_integer_convention", "mean_count"),
    *("one_step_share", "count_histogram", "too_few_by_distance", "too_few_by_count"),
    *("overlapping_pairs_in_samples", "overlapping_pairs_in_samples_error"),
)


class Frames(NamedTuple):
    """The records of a folder of results.

    Attributes:
      runs: a row a run, sorted by folder. Columns: "folder" (text, relative to the
        results), "experiment" and the record's fields; its metrics at the reported
        epoch by their names, NaN or None where a run has none; "seconds", "device",
        "commit" and "stale" (whether the code has changed its numbers since); "record",
        the whole of it.
      epochs: a row an epoch: "folder" and the columns of history.csv.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame


def load(results):
    """The `Frames` of a folder of results; both are empty where it holds no records.

    Raises:
      RecordError: naming the folder of the first record that cannot be read.
    """
    root = pathlib.Path(results)
    rows, histories = [], []
    for file in sorted(root.glob("runs/*/*/*/record.json")):
        found, folder = records.read(file.parent), str(file.parent.relative_to(root))
        rows.append(_row(folder, found))
        history = pd.DataFrame(records.read_history(file.parent))
        if found["status"] == records.COMPLETE and len(history) != found["epochs"]:
            reason = f"history.csv has {len(history)} of {found['epochs']} epochs"
            raise records.RecordError(file.parent, reason)
        history.insert(0, "folder", folder)
        histories.append(history)
    columns = ["folder", "experiment", *_FIELDS, *METRICS]
    columns += ["seconds", "device", "commit", "stale", "record"]
    runs = pd.DataFrame(rows)
    runs = runs.reindex(columns=list(dict.fromkeys([*columns, *runs.columns])))
    if not histories:
        return Frames(runs, pd.DataFrame({"folder": [], "epoch": []}))
    return Frames(runs, pd.concat(histories, ignore_index=True))


def _row(folder, record):
    return {
        "folder": folder,
        "experiment": record["experiment"],
        **{name: record[name] for name in _FIELDS},
        **(record["metrics"] or {}),
        "seconds": record["wall_seconds"],
        "device": record["environment"].get("device"),
        "commit": record["git"].get("commit"),
        "stale": records.stale(record),
        "record": record,
    }
