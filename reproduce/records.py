"""Run records: what one run was, and what came of it.

A run has the folder

    <results>/runs/<table>/<method>-<setting>/<variant>-<epochs>ep-seed<k>/

with `record.json` (`record_checks.FIELDS` says what it holds) and `history.csv`
(one row an epoch: `epoch`, `train_*` and `test_*` columns, `seconds`). `record.json`
is written last, so a folder without one is a run that has not ended. A record is
believed only if everything in it agrees: see `read_record`.
"""

import hashlib
import json
import pathlib
import re

from reproduce import configuration as configurations
from reproduce import files, history
from reproduce.errors import UsageError
from reproduce.record_checks import (  # noqa: F401 (read as records.COMPLETE)
    ADDED_FIELDS,
    CHECKED_METRICS,
    COMPLETE,
    FAILED,
    FORMAT,
    check_form,
    check_history,
)

_DERIVED = (
    *("experiment", "table", "method", "setting", "dataset", "preset", "variant"),
    *("seed", "epochs", "digits"),
)
FOLDER = re.compile(r"(?P<variant>.+)-(?P<epochs>\d+)ep-seed(?P<seed>\d+)")


class RecordError(UsageError):
    """A record that cannot be believed; one line naming its folder and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{files.shown(folder)}: {reason}; remove this folder or run it again "
            "with --retrain"
        )


def name_of(configuration):
    """A run's place under `runs/` and under the folder of checkpoints, a path."""
    return (
        pathlib.Path(configuration.table)
        / f"{configuration.method}-{configuration.setting}"
        / f"{configuration.variant}-{configuration.epochs}ep-seed{configuration.seed}"
    )


def run_folder(results, configuration):
    """The folder of the run of `configuration` under the folder `results`."""
    return pathlib.Path(results) / "runs" / name_of(configuration)


def describe(configuration):
    """The fields of a record that follow from the configuration alone."""
    fields = {name: getattr(configuration, name) for name in _DERIVED}
    fields["changed"] = json.loads(json.dumps(configuration.changed))
    fields["configuration"] = configuration.to_json()
    return fields


def write_record(folder, record, history_rows):
    """Writes `history.csv`, then `record.json`, each whole or not at all.

    Args:
      folder: the run's own folder, see `run_folder`.
      record: dict with the fields `record_checks.FIELDS` (those of `describe` may
        be taken from there) and possibly `OPTIONAL_FIELDS`; `ADDED_FIELDS` are made
        here.
      history_rows: list of dicts with equal keys, one an epoch; floats are
        written so that they are read back exactly.

    Raises:
      RecordError: if `read_record` would refuse the result; nothing is written.
      OSError: naming the file that could not be written.
    """
    folder = pathlib.Path(folder)
    content = history.format(history_rows)
    record = {
        "format": FORMAT,
        **{name: value for name, value in record.items() if name not in ADDED_FIELDS},
        "configuration_digest": _digest(record.get("configuration")),
        "history_digest": hashlib.sha256(content).hexdigest(),
    }
    record["record_digest"] = _digest(record)
    try:  # infinities and NaN are refused: JSON has no word for them
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    except ValueError:
        reason = "the record holds a value that is not finite"
        raise RecordError(folder, reason) from None
    _check(folder, json.loads(text), content)
    record_file, history_file = folder / "record.json", folder / "history.csv"
    if record_file.exists():
        # A run trained anew: killed between the two files, it has not ended,
        # rather than ended with a record that contradicts its history.
        record_file.unlink()
    files.write_atomically(history_file, content)
    files.write_atomically(record_file, text)


def read_record(folder):
    """The record of the run in `folder`, as a dict.

    Raises:
      RecordError: if a file is missing, truncated, of another format or edited,
        or if the record disagrees with its folder's name, its configuration,
        its digests or its history.
    """
    folder = pathlib.Path(folder)
    try:
        record = json.loads((folder / "record.json").read_text("utf-8"))
        content = (folder / "history.csv").read_bytes()
    except OSError as error:
        name = pathlib.Path(error.filename or "record.json").name
        raise RecordError(folder, f"{name}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RecordError(folder, "record.json is not JSON, or cut short") from None
    _check(folder, record, content)
    return record


def read_history(folder):
    """The rows of `history.csv`: dicts of floats, None where a cell is empty."""
    return history.parse((pathlib.Path(folder) / "history.csv").read_bytes())


def history_of(results, record):
    """The history of a record that was read before, as `read_history` gives it.

    Args:
      results: folder that holds `runs/`.
      record: as `read_record` gives it.

    Raises:
      RecordError: if it was damaged or changed since.
    """
    folder = run_folder(results, configuration_of(record))
    read_record(folder)  # which checks the history
    return read_history(folder)


def configuration_of(record):
    """The `Configuration` of a record; see `configuration_from`."""
    return configuration_from(record["configuration"])


def configuration_from(options):
    """The `Configuration` of options that were written by this or an older version.

    Options that were added to the project since then take their preset's value: a
    new option keeps the old behaviour by default.

    Raises:
      UsageError: on an option that the project does not know.
    """
    base = configurations.preset_configuration(options["experiment"], options["preset"])
    return configurations.from_json({**base.to_json(), **options})


def find(results, experiment, variant=None, epochs=None, seed=None):
    """Records of one experiment: a dict from folder to record, sorted by name.

    Args:
      results: folder that holds `runs/`.
      experiment: such as "table1/asr-13".
      variant, epochs, seed: each None for all, or the one wanted. Records of
        others are not read, so a damaged one among them does no harm.

    Raises:
      RecordError: on the first record that `read_record` refuses.
    """
    cell = pathlib.Path(results) / "runs" / pathlib.PurePosixPath(experiment)
    found = {}
    for folder in sorted(cell.glob("*/")):
        name = FOLDER.fullmatch(folder.name)
        if not (folder / "record.json").exists():
            continue  # a run that has not ended
        if name is None:
            raise RecordError(folder, "not the name of a run's folder")
        if variant is not None and name["variant"] != variant:
            continue
        if epochs is not None and int(name["epochs"]) != epochs:
            continue
        if seed is not None and int(name["seed"]) != seed:
            continue
        found[folder] = read_record(folder)
    return found


def _check(folder, record, content):
    """Raises RecordError unless record, history and folder agree."""
    try:
        check_form(record)
        _check_configuration(folder, record)
        if hashlib.sha256(content).hexdigest() != record["history_digest"]:
            raise ValueError("history.csv is not the one that the record was made from")
        check_history(record, history.parse(content))
        rest = {name: record[name] for name in record if name != "record_digest"}
        if _digest(rest) != record["record_digest"]:
            raise ValueError("record.json was changed after it was written")
    except (ValueError, UsageError) as error:
        raise RecordError(folder, str(error)) from None
    except (AttributeError, KeyError, TypeError):  # a word for a number, say
        raise RecordError(folder, "record.json holds what no run writes") from None


def _check_configuration(folder, record):
    if _digest(record["configuration"]) != record["configuration_digest"]:
        raise ValueError("the configuration does not agree with its digest")
    try:
        configuration = configuration_of(record)
        described = describe(configuration)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the configuration is not one of this project") from None
    for name in (*_DERIVED, "changed"):
        if record[name] != described[name]:
            raise ValueError(
                f"{name} is {record[name]!r}, but the configuration says "
                f"{described[name]!r}"
            )
    expected = name_of(configuration)
    if folder.resolve().parts[-3:] != expected.parts:
        raise ValueError(f"the record belongs to {expected.as_posix()}")


def _digest(value):
    """SHA-256 of the canonical JSON; of a configuration, `Configuration.digest`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
