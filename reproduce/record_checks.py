"""What a record holds, and whether it agrees with itself and with its history."""

import math

FORMAT = 1
COMPLETE, FAILED = "complete", "failed"

_TEXT, _OBJECT = (str,), (dict,)
_MAYBE_TEXT = (str, type(None))
# The fields that the writer of a record gives, and their types in JSON.
FIELDS = {
    "status": _TEXT,  # "complete" or "failed"
    "failure": _MAYBE_TEXT,  # one line, of a failed run
    "experiment": _TEXT,
    "table": _TEXT,
    "method": _TEXT,
    "setting": _TEXT,
    "dataset": _TEXT,
    "preset": _TEXT,
    "variant": _TEXT,
    "changed": _OBJECT,  # options changed from the preset's
    "seed": (int,),
    "epochs": (int,),
    "reported_epoch": (int, type(None)),  # from 1; null if the run failed
    "digits": _MAYBE_TEXT,
    "smoke": (bool,),
    "configuration": _OBJECT,
    "data_digest": _TEXT,  # of the scenes' bytes
    "data_statistics": _OBJECT,
    "metrics": (dict, type(None)),  # at `reported_epoch`; null if the run failed
    "parameters": (int,),
    "wall_seconds": (int, float),
    "images_per_second": (int, float, type(None)),
    "environment": _OBJECT,
    "git": _OBJECT,  # of the code that trained it last
}
# Only in the record of a run that other code or another device went on with: all of
# them, a list of what `run_state.note_process` notes; of the first, "first_step" alone
# where its checkpoint is older than this list.
OPTIONAL_FIELDS = {"trained_by": (list,), "numerics": (int,)}
# `write_record` adds these: the format and SHA-256 digests of the options, of
# the bytes of history.csv, and of all the other fields of the record.
ADDED_FIELDS = ("format", "configuration_digest", "history_digest", "record_digest")
# Metrics that must equal the history's column `test_<name>` at `reported_epoch`.
CHECKED_METRICS = ("nelbo", "se", "acc", "miou")


def check_form(record):
    """Raises ValueError unless a record has the fields and types of `FIELDS`."""
    if not isinstance(record, dict) or "format" not in record:
        raise ValueError("record.json is not a run record")
    if record["format"] != FORMAT:
        raise ValueError(
            f"format {record['format']!r} of record.json is unknown; allowed: {FORMAT}"
        )
    found = set(record) - set(OPTIONAL_FIELDS)
    if wrong := sorted(found ^ (set(FIELDS) | set(ADDED_FIELDS))):
        raise ValueError(f"fields missing or unknown in record.json: {wrong}")
    for name, kinds in (FIELDS | OPTIONAL_FIELDS).items():
        if name not in record:
            continue
        value = record[name]
        if not isinstance(value, kinds) or (
            isinstance(value, bool) and bool not in kinds
        ):
            raise ValueError(f"{name} of record.json cannot be {value!r}")
    if record["status"] not in (COMPLETE, FAILED):
        raise ValueError(f"status of record.json cannot be {record['status']!r}")


def check_history(record, rows):
    """Raises ValueError unless a record agrees with the rows of its history."""
    epochs = [row.get("epoch") for row in rows]
    if epochs != list(range(1, len(rows) + 1)):
        raise ValueError("history.csv does not count the epochs from 1")
    if record["status"] == FAILED:
        if not record["failure"]:
            raise ValueError("a failed run must say why")
        return
    if len(rows) != record["epochs"]:
        raise ValueError(
            f"history.csv has {len(rows)} of {record['epochs']} epochs of a complete "
            "run"
        )
    metrics, reported = record["metrics"], record["reported_epoch"]
    values = [value for row in rows for value in row.values() if value is not None]
    if not all(math.isfinite(value) for value in values):
        raise ValueError("history.csv of a complete run has a value that is not finite")
    if metrics is None or reported is None or not 1 <= reported <= len(rows):
        raise ValueError("a complete run must have metrics of one of its epochs")
    for name in CHECKED_METRICS:
        value, logged = metrics.get(name), rows[reported - 1].get(f"test_{name}")
        both = value is not None and logged is not None
        if both and math.isclose(value, logged, rel_tol=1e-6, abs_tol=1e-9):
            continue
        if value is None and logged is None and name == "acc":
            continue  # nothing to count when the number of objects is fixed
        raise ValueError(
            f"{name} is {value} in record.json, but {logged} in epoch {reported} of "
            "history.csv"
        )
