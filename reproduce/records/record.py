"""Run records: what a run was, and its results.

A run has the folder

    <results>/runs/<table>/<method>-<setting>/<variant>-<epochs>ep-seed<k>/

with `record.json` (`FIELDS` says what it holds), `history.csv` (one row per epoch:
`epoch`, `train_*` and `test_*` columns, `seconds`) and `figure.npz` (the first test
scenes and samples, for the figures). `record.json` is written last, so a folder without
one is a run that has not ended.
"""

import csv
import functools
import io
import json
import pathlib

import numpy as np

from reproduce.records import folders, versions

FORMAT = 1
COMPLETE, FAILED = "complete", "failed"
# The fields of a record; it may have others, such as "numerics" (see `versions`).
FIELDS = (
    *("format", "experiment", "table", "method", "setting", "dataset", "digits"),
    *("preset", "variant", "seed", "epochs", "smoke", "configuration"),
    "changed",  # options changed from the preset's
    *("status", "failure"),  # "complete", or "failed" and why, one line
    *("reported_epoch", "metrics"),  # from 1, and at that epoch; null if the run failed
    *("data_digest", "data_statistics"),  # of the scenes' bytes
    *("parameters", "wall_seconds", "images_per_second", "environment"),
    "git",  # of the code that trained it last
)


def run_folder(results, configuration):
    """The folder of the run of `configuration` under the folder `results`."""
    return pathlib.Path(results) / "runs" / configuration.name


def describe(configuration):
    """The fields of a record that follow from the configuration alone."""
    names = ("experiment", "table", "method", "setting", "dataset", "digits", "preset")
    names += ("variant", "seed", "epochs")
    fields = {name: getattr(configuration, name) for name in names}
    if configuration.scenes is not None:
        fields |= {"dataset": pathlib.Path(configuration.scenes).stem, "digits": None}
    options = configuration.to_json()
    changed = {name: options[name] for name in configuration.changed}
    version = {"format": FORMAT, "numerics": versions.NUMERICS}
    return {**version, **fields, "configuration": options, "changed": changed}


def write(folder, record, history, figure=None):
    """Writes a run's files, the record last, each file whole or not at all.

    Args:
      folder: the run's own folder, see `run_folder`.
      record: dict of `FIELDS` and possibly others.
      history: list of dicts with equal keys, one per epoch.
      figure: dict of arrays, None for none.

    Raises:
      ValueError: if the record holds a number that is not finite.
      OSError: naming the file that could not be written.
    """
    folder = pathlib.Path(folder)
    # Infinities and NaN are refused: JSON cannot represent them.
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    # A run trained again and killed between two files then has no record, rather than
    # one that contradicts its history.
    (folder / "record.json").unlink(missing_ok=True)
    if figure is not None:
        write_arrays = functools.partial(np.savez_compressed, **figure)
        folders.write_atomically(folder / "figure.npz", write_arrays)
    table = io.StringIO()
    columns = list(history[0]) if history else ["epoch"]
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)  # floats that read back as the same
    folders.write_atomically(folder / "history.csv", table.getvalue())
    folders.write_atomically(folder / "record.json", text)


def read(folder):
    """The record of the run in `folder`, a dict; "numerics" is always there.

    Raises:
      FileError: if it is missing, truncated, not a record or another run's.
    """
    folder = pathlib.Path(folder)
    try:
        record = json.loads((folder / "record.json").read_text("utf-8"))
        missing = [field for field in FIELDS if field not in record]
        name = f"{record['variant']}-{record['epochs']}ep-seed{record['seed']}"
        expected = (record["table"], f"{record['method']}-{record['setting']}", name)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = getattr(error, "strerror", None) or "cut short, or no record"
        raise folders.FileError(folder, f"record.json: {reason}") from None
    if missing or record["format"] != FORMAT:
        reason = f"record.json is not of format {FORMAT}, or lacks {missing}"
        raise folders.FileError(folder, reason)
    if folder.resolve().parts[-3:] != expected:
        raise folders.FileError(folder, f"the record belongs to {'/'.join(expected)}")
    return {"numerics": 1, **record}


def read_figure(folder):
    """The arrays of `figure.npz`, a dict.

    Raises:
      FileError: if the file is missing or damaged.
    """
    return folders.read_arrays(pathlib.Path(folder) / "figure.npz")
