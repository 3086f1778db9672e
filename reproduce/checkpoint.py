"""A run's state on disk: every variable and the history, in one NumPy archive.

An archive needs no TensorFlow to read or write. It is replaced atomically, so
there is always one whole state, and its checksums (zip's CRC-32) betray damage.
"""

import io
import json
import pathlib

import numpy as np

from reproduce import files, records
from reproduce.errors import UsageError

FORMAT = 1
NAME = "state.npz"
# What a state holds, see `run_state.save`.
STATE = (
    *("configuration", "data_digest", "history", "reported", "seconds"),
    "step_seconds",
)
# What states of older versions lack, and what stands for it.
ADDED_STATE = {"trained_by": [{"first_step": 0}]}  # by nobody knows whom


class CheckpointError(UsageError):
    """A checkpoint that cannot be used; one line naming the file and why."""

    def __init__(self, file, reason):
        self.what = f"{files.shown(file)}: {reason}"
        super().__init__(f"{self.what}; remove the file or use --retrain")


def save(file, arrays, state):
    """Replaces the checkpoint.

    Args:
      file: path of the archive.
      arrays: a dict of arrays.
      state: what else belongs to the run's state, ready for JSON: a dict with
        the keys `STATE` and `ADDED_STATE`.

    Raises:
      OSError: naming the file; the old checkpoint is intact.
    """
    stream = io.BytesIO()
    text = json.dumps({"format": FORMAT, **state})
    np.savez(stream, state=np.frombuffer(text.encode(), np.uint8), **arrays)
    files.write_atomically(file, stream.getvalue())


def load(file):
    """The arrays and the state of a checkpoint.

    Args:
      file: path of the archive.

    Returns:
      The pair (arrays, state) that was saved.

    Raises:
      CheckpointError: if the file is truncated, damaged, of another format or not
        a checkpoint.
    """
    try:
        with np.load(file) as archive:
            content = {name: archive[name] for name in archive.files}
        state = json.loads(content.pop("state").tobytes())
        found = state["format"]
    except OSError as error:
        raise CheckpointError(file, error.strerror or "cannot be read") from None
    except Exception:  # damaged bytes make NumPy and zipfile raise anything
        raise CheckpointError(file, "damaged, or not a checkpoint") from None
    if found != FORMAT:
        raise CheckpointError(file, f"format {found} is unknown; known: {FORMAT}")
    if missing := sorted(set(STATE) - set(state)):
        raise CheckpointError(file, f"it lacks {', '.join(missing)}")
    return content, {**ADDED_STATE, **state}


def folder_of(root, configuration):
    """The folder of a run's checkpoint and lock under the folder `root`."""
    return pathlib.Path(root) / records.name_of(configuration)


def starting_point(folder, epochs):
    """The checkpoint that a run continues from.

    Its own if there is one. Otherwise the most advanced of a run that differs only
    in asking for fewer epochs: training does not depend on how many are asked for.

    Args:
      folder: the run's own folder, see `folder_of`.
      epochs: number of epochs that the run asks for.

    Returns:
      The path of an archive, or None.
    """
    own = folder / NAME
    if own.exists():
        return own
    wanted = records.FOLDER.fullmatch(folder.name)
    shorter = {}
    for file in folder.parent.glob(f"*/{NAME}"):
        found = records.FOLDER.fullmatch(file.parent.name)
        if found is None or any(found[k] != wanted[k] for k in ("variant", "seed")):
            continue  # of another run, or a folder that no command here made
        if int(found["epochs"]) < epochs:
            shorter[int(found["epochs"])] = file
    return shorter[max(shorter)] if shorter else None
