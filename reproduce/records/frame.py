"""All records as two data frames, from which every table, figure and claim is made."""

import io
import pathlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from reproduce.errors import UsageError
from reproduce.experiments.configuration import from_json
from reproduce.records import folders, versions
from reproduce.records import record as records

# Metrics that every row has; some have more.
METRICS = (
    *("nelbo", "reconstruction", "kl_location", "kl_scale", "kl_appearance"),
    *("kl_presence", "se", "acc", "miou", "miou_integer_convention", "mean_count"),
    *("one_step_share", "count_histogram", "too_few_by_count"),
    *("overlapping_pairs_in_samples", "overlapping_pairs_in_samples_error"),
)
COLUMNS = (
    *("folder", *records.FIELDS, *METRICS),
    *("numerics", "stale", "options", "device", "record"),
)


class Frames(NamedTuple):
    """The records of a folder of results.

    Attributes:
      runs: a row per run, sorted by folder. Columns: "folder" (text, relative to the
        results) and the record's fields; its metrics at the reported epoch by their
        names, NaN or None where a run has none; "device"; "stale" (whether the code has
        changed its numbers since); "options" (the set of words of the variant that it
        would be today); "record", the whole record.
      epochs: a row per epoch: "folder" and the columns of history.csv.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame


def load(results):
    """The `Frames` of a folder of results; both are empty where it holds no records.

    Raises:
      FileError: naming the folder of the first record that cannot be read.
    """
    root = pathlib.Path(results)
    rows, histories = [], [pd.DataFrame(columns=["folder", "epoch"])]
    for file in sorted(root.glob("runs/*/*/*/record.json")):
        record, folder = records.read(file.parent), str(file.parent.relative_to(root))
        derived = {
            "folder": folder,
            "stale": versions.stale(record),
            "options": _variant(file.parent, record),
            "device": record["environment"].get("device"),
            "record": record,
        }
        rows.append(record | (record["metrics"] or {}) | derived)
        history = read_history(file.parent)
        if record["status"] == records.COMPLETE and len(history) != record["epochs"]:
            reason = f"history.csv has {len(history)} of {record['epochs']} epochs"
            raise folders.FileError(file.parent, reason)
        histories.append(history.assign(folder=folder))
    runs = pd.DataFrame(rows)
    runs = runs.reindex(columns=list(dict.fromkeys([*COLUMNS, *runs.columns])))
    # The first, empty history, which has the columns, only where there are no others.
    return Frames(runs, pd.concat(histories[bool(rows) :], ignore_index=True))


def read_history(folder):
    """The rows of a run's `history.csv`, a frame of floats; NaN in empty cells.

    Raises:
      FileError: if it is missing, empty, cut short or not a table of numbers.
    """
    try:
        text = (pathlib.Path(folder) / "history.csv").read_text("utf-8")
        if not text.endswith("\n"):  # its last number may be cut short
            raise ValueError
        table = io.StringIO(text)
        return pd.read_csv(table, dtype=float, float_precision="round_trip")
    except (OSError, ValueError) as error:
        reason = (
            getattr(error, "strerror", None)
            or "empty, cut short or no table of numbers"
        )
        raise folders.FileError(folder, f"history.csv: {reason}") from None


def _variant(folder, record):
    """The set of words of the variant that a record's run would be today.

    Options that have no effect on it are left out: older code had none of them.
    """
    completed = versions.completed(record["configuration"], record["numerics"])
    try:
        configuration = from_json(completed)
    except UsageError as error:
        raise folders.FileError(folder, error) from None
    read = filter(configuration.reads, configuration.changed)
    return frozenset(configuration.words(read))


def runs_of(runs, configuration, seed=False):
    """The rows of a configuration's runs; with `seed`, only those of its own seed."""
    words = frozenset(configuration.words(configuration.changed))
    runs = runs[(runs.options == words) & (runs.experiment == configuration.experiment)]
    return runs[runs.seed == configuration.seed] if seed else runs


def at_epoch(runs, epochs, length, metrics=()):
    """Runs as they were after `length` epochs: those of just that length, then the
    others from the longest on.

    A longer run can replace a shorter one: order and noise follow from seed, epoch and
    iteration, so after N epochs it is the run of N epochs, bit for bit, and its history
    has the same metrics. A run that reports its best epoch, or was made by older code,
    counts at its own length only.

    Args:
      runs: rows of `Frames.runs`.
      epochs: the frame of histories.
      length: a number of epochs.
      metrics: columns to fill with what was measured after `length` epochs.

    Returns:
      The rows, with "epochs" and "status" as they were then, and "cut_from", the length
      of a longer run, else NaN.
    """
    history = epochs[epochs.epoch == length].set_index("folder")
    last = np.array([c["reported_epoch"] == "last" for c in runs.configuration], bool)
    last &= ~runs.stale.astype(bool)
    longer = (runs.epochs > length) & runs.folder.isin(history.index) & last
    runs = runs[(runs.epochs == length) | longer]
    order = runs.epochs.where(runs.epochs > length, np.inf)
    runs = runs.loc[order.sort_values(ascending=False, kind="stable").index]
    cut = runs.epochs > length
    columns = {"cut_from": runs.epochs.where(cut), "epochs": length}
    columns["status"] = runs.status.where(~cut, records.COMPLETE)
    for name in metrics:
        values = runs.folder.map(history.get(f"test_{name}", history.get(name, {})))
        columns[name] = np.where(cut, values, runs[name]) if name in runs else values
    return runs.assign(**columns)
