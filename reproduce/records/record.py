"""Run records: what one run was, and what came of it.

A run has the folder

    <results>/runs/<table>/<method>-<setting>/<variant>-<epochs>ep-seed<k>/

with `record.json` (`FIELDS` says what it holds), `history.csv` (one row an epoch:
`epoch`, `train_*` and `test_*` columns, `seconds`) and `figure.npz` (the first test
scenes and samples, for the figures). `record.json` is written last, so a folder without
one is a run that has not ended.
"""

import csv
import io
import json
import math
import pathlib
import re

import numpy as np

from reproduce.errors import UsageError
from reproduce.experiments import configuration as configurations
from reproduce.records import folders

FORMAT = 1
# Raised with each change of the code that touches a run's numbers by more than the
# order of sums. A record that does not name its version is of the first; a run goes on
# only from its own version's.
NUMERICS = 3
# Which runs each version touched, told from their options.
_TOUCHED = {
    2: lambda options: True,
    3: lambda options: options["compiler"] == "none",  # no constant folding any more
}
COMPLETE, FAILED = "complete", "failed"
FIGURE_FILE = "figure.npz"
FOLDER = re.compile(r"(?P<variant>.+)-(?P<epochs>\d+)ep-seed(?P<seed>\d+)")
_TEXT, _MAYBE_TEXT, _NUMBER = (str,), (str, type(None)), (int, float)
# The fields of a record and their types in JSON; it may have others.
FIELDS = {
    "format": (int,),
    "status": _TEXT,  # "complete" or "failed"
    "failure": _MAYBE_TEXT,  # one line, of a failed run
    **dict.fromkeys(("experiment", "table", "method", "setting", "dataset"), _TEXT),
    **dict.fromkeys(("preset", "variant"), _TEXT),
    "changed": (dict,),  # options changed from the preset's
    "seed": (int,),
    "epochs": (int,),
    "reported_epoch": (int, type(None)),  # from 1; null if the run failed
    "digits": _MAYBE_TEXT,
    "smoke": (bool,),
    "configuration": (dict,),
    "data_digest": _TEXT,  # of the scenes' bytes
    "data_statistics": (dict,),
    "metrics": (dict, type(None)),  # at `reported_epoch`; null if the run failed
    "parameters": (int,),
    "wall_seconds": _NUMBER,
    "images_per_second": (int, float, type(None)),
    "environment": (dict,),
    "git": (dict,),  # of the code that trained it last
}
# What the first version did where it had no option yet; F6's bounds depend on the
# dataset.
_FIRST_VERSION = {
    **dict.fromkeys(("hidden_sees_location", "early_end"), False),
    "sampler": "hat",
    "compiler": "xla",
    "bounds": True,
    "encoder_outputs": "joint",
    "nonfinite_gradients": "stop",
    "precision": "float32",
    "presence_slope": "exact",
    "training_floor": 1e-10,
}
# Options that were added without a change of the numerics.
_ADDED = {
    "constraint_weight": 1.0,
    **dict.fromkeys(("scenes", "scenes_digest", "constraint", "constraint_digest")),
}
_FIRST_SIDES = {"multi_mnist": (11.0, 15.0), "multi_dsprites": (12.0, 15.0)}


class RecordError(UsageError):
    """A record that cannot be read; one line naming its folder and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{folders.shown(folder)}: {reason}; remove this folder or run it again "
            "with --retrain"
        )


def run_folder(results, configuration):
    """The folder of the run of `configuration` under the folder `results`."""
    return pathlib.Path(results) / "runs" / configuration.name


def describe(configuration):
    """The fields of a record that follow from the configuration alone."""
    names = ("experiment", "table", "method", "setting", "dataset", "preset", "variant")
    fields = {
        name: getattr(configuration, name)
        for name in (*names, "seed", "epochs", "digits")
    }
    if configuration.scenes is not None:
        fields |= {"dataset": pathlib.Path(configuration.scenes).stem, "digits": None}
    fields["configuration"] = configuration.to_json()
    fields["changed"] = {n: fields["configuration"][n] for n in configuration.changed}
    return {"format": FORMAT, "numerics": NUMERICS, **fields}


def write(folder, record, history, figure=None):
    """Writes what a run leaves, the record last, each file whole or not at all.

    Args:
      folder: the run's own folder, see `run_folder`.
      record: dict of `FIELDS`, "numerics" and what else the run tells.
      history: list of dicts with equal keys, one an epoch.
      figure: dict of arrays, None for none.

    Raises:
      RecordError: if the record holds a number that is not finite.
      OSError: naming the file that could not be written.
    """
    folder = pathlib.Path(folder)
    try:  # infinities and NaN are refused: JSON has no word for them
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    except ValueError:
        reason = "the record holds a value that is not finite"
        raise RecordError(folder, reason) from None
    # Killed between two files, a run trained anew has not ended, rather than ended with
    # a record that contradicts its history.
    (folder / "record.json").unlink(missing_ok=True)
    if figure is not None:
        stream = io.BytesIO()
        np.savez_compressed(stream, **figure)
        folders.write_atomically(folder / FIGURE_FILE, stream.getvalue())
    folders.write_atomically(folder / "history.csv", format_history(history))
    folders.write_atomically(folder / "record.json", text)


def read(folder):
    """The record of the run in `folder`, as a dict; "numerics" is always there.

    Raises:
      RecordError: if it is missing, truncated, not a record or another run's.
    """
    folder = pathlib.Path(folder)
    try:
        record = json.loads((folder / "record.json").read_text("utf-8"))
    except OSError as error:
        raise RecordError(folder, f"record.json: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RecordError(folder, "record.json is not JSON, or cut short") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(folder, f"record.json is not a record of format {FORMAT}")
    for name, kinds in FIELDS.items():
        value = record.get(name)
        wrong = not isinstance(value, kinds)
        if name not in record or wrong or (type(value) is bool and bool not in kinds):
            raise RecordError(folder, f"{name} of record.json cannot be {value!r}")
    if record["status"] not in (COMPLETE, FAILED):
        raise RecordError(folder, f"status of record.json is {record['status']!r}")
    if record["status"] == COMPLETE and not record["metrics"]:
        raise RecordError(folder, "the record of a complete run has no metrics")
    name = f"{record['variant']}-{record['epochs']}ep-seed{record['seed']}"
    expected = (record["table"], f"{record['method']}-{record['setting']}", name)
    if folder.resolve().parts[-3:] != expected:
        raise RecordError(folder, f"the record belongs to {'/'.join(expected)}")
    return {"numerics": 1, **record}


def read_history(folder):
    """The rows of `history.csv`: dicts of floats, None where a cell is empty.

    Raises:
      RecordError: if it is missing, cut short or not a table of numbers.
    """
    try:
        content = (pathlib.Path(folder) / "history.csv").read_bytes()
        rows = list(csv.reader(io.StringIO(content.decode())))
        if not content.endswith(b"\n"):
            raise ValueError
        return [
            {name: float(cell) if cell else None for name, cell in pairs}
            for pairs in [list(zip(rows[0], row, strict=True)) for row in rows[1:]]
        ]
    except OSError as error:
        raise RecordError(folder, f"history.csv: {error.strerror}") from None
    except (ValueError, IndexError, csv.Error):
        reason = "history.csv is empty, cut short or not a table"
        raise RecordError(folder, reason) from None


def format_history(rows):
    """The bytes of a history; `read_history` gives back exactly the same numbers."""
    stream = io.StringIO()
    names = list(rows[0]) if rows else ["epoch"]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return stream.getvalue().encode()


def read_figure(folder):
    """The arrays of `figure.npz`, a dict.

    Raises:
      RecordError: if the file is missing or damaged.
    """
    try:
        with np.load(pathlib.Path(folder) / FIGURE_FILE) as archive:
            return dict(archive)
    except OSError as error:
        reason = f"{FIGURE_FILE}: {error.strerror or 'cannot be read'}"
        raise RecordError(folder, reason) from None
    except Exception:  # damaged bytes make NumPy and zipfile raise anything
        raise RecordError(folder, f"{FIGURE_FILE} is damaged") from None


def configuration_from(options, numerics=NUMERICS):
    """The `Configuration` of options that this or an older version has written.

    Options that came later stand for what the code did then.

    Raises:
      UsageError: on options that the project does not know.
    """
    if numerics == 1:
        sides = _FIRST_SIDES.get(options.get("dataset"), (None, None))
        bounds = dict(zip(("side_minimum", "side_maximum"), sides, strict=True))
        options = {**_FIRST_VERSION, **bounds, **options}
    return configurations.from_json({**_ADDED, **options})


def changed_since(numerics, options):
    """Whether the code of today gives a run other numbers than a version's code did.

    Args:
      numerics: that version.
      options: of the run, as `Configuration.to_json` gives them.
    """
    later = [touched for version, touched in _TOUCHED.items() if version > numerics]
    return any(touched(options) for touched in later)


def stale(record):
    """Whether a record is of older code, whose numbers differ from today's."""
    return changed_since(record["numerics"], record["configuration"])


def _cell(value):
    if value is None:
        return ""
    value = float(value)
    whole = math.isfinite(value) and value.is_integer() and abs(value) < 1e15
    return repr(int(value) if whole else value)
