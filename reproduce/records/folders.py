"""The project's folders, and helpers for the files in them."""

import os
import pathlib

import numpy as np

from data.files import write_atomically as write_atomically  # for all of reproduce/
from reproduce import REPOSITORY
from reproduce.errors import UsageError

RESULTS = REPOSITORY / "results"  # committed: run records, tables, figures
OUTPUTS = REPOSITORY / "outputs"  # ignored by git: smoke runs, parts of a table
CHECKPOINTS = REPOSITORY / "checkpoints"  # ignored by git: of the runs of RESULTS
# Help texts of the flags that name such folders.
RESULTS_HELP = "folder of results (default results; for smoke runs outputs/smoke)"
CHECKPOINTS_HELP = (
    "folder of checkpoints (default checkpoints; with --results DIR or for smoke runs "
    "that folder's own, DIR/checkpoints)"
)


class FileError(UsageError):
    """A record or a checkpoint that cannot be used; one line naming it and why."""

    def __init__(self, path, reason):
        super().__init__(
            f"{shown(path)}: {reason}; delete it, or replace it with --retrain"
        )


def given_path(given):
    """The absolute path of a file or folder named by the user; ~ is the home folder.

    Raises:
      UsageError: if there is no such home folder.
    """
    try:
        return pathlib.Path(given).expanduser().absolute()
    except RuntimeError:
        message = f"{given}: no such home folder; give the full path"
        raise UsageError(message) from None


def results_folder(given, smoke):
    """The folder of results: the value of --results, or else the project's own.

    Runs of toy size are kept out of the committed results.
    """
    if given is not None:
        return given_path(given)
    return OUTPUTS / "smoke" if smoke else RESULTS


def checkpoints_folder(given, results):
    """The folder of the checkpoints of the runs in a folder of results.

    Unless --checkpoints names one, each folder of results has its own, so that training
    for one neither uses the checkpoints of another nor, with --retrain, deletes them.
    """
    if given is not None:
        return given_path(given)
    return CHECKPOINTS if is_committed(results) else results / "checkpoints"


def logs_folder(results):
    """The folder of the logs of the runs in a folder of results; each has its own."""
    return (OUTPUTS if is_committed(results) else results) / "logs"


def is_committed(results):
    """Whether a folder of results is the project's own."""
    return results.resolve() == RESULTS.resolve()


def require_writable(folder, flag):
    """Checks, before hours of work, that files can be written below a folder.

    Creates nothing: the nearest folder that exists has to be writable.

    Raises:
      UsageError: naming `flag`, which has its dashes.
    """
    nearest = pathlib.Path(folder).absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise UsageError(f"{flag}: {nearest} is not a writable folder")


def read_arrays(file, error=None):
    """The arrays of a .npz file, a dict; or raises `error(reason)`, or FileError."""
    try:
        with np.load(file) as archive:
            return dict(archive)
    except Exception as cause:  # damaged bytes make NumPy and zipfile raise anything
        reason = getattr(cause, "strerror", None) or "damaged"
        raise (error(reason) if error else FileError(file, reason)) from None


def shown(path):
    """`path` as text, relative to the repository's root when it is inside."""
    path = pathlib.Path(path).resolve()
    inside = path.is_relative_to(REPOSITORY)
    return str(path.relative_to(REPOSITORY) if inside else path)
