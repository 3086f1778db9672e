"""A run's whole state at the end of an epoch, in one NumPy archive.

Noise follows from (seed, iteration) and data order from (seed, epoch), so a run that
goes on from here equals one that was never interrupted. The archive is replaced
atomically: there is always one whole state, and zip's CRC-32 betrays damage. It needs
no TensorFlow.
"""

import contextlib
import dataclasses
import io
import json
import math
import pathlib

import filelock
import numpy as np

from reproduce.errors import NonFiniteError, UsageError
from reproduce.records import folders, record

FORMAT = 1
NAME = "state.npz"
_FIGURE = "figure_"  # prefix of the figure's arrays
_SUMS = ("loss", "nelbo", "penalty")  # a faulty term makes these faulty too


class CheckpointError(UsageError):
    """A checkpoint that cannot be used; one line naming the file and why."""

    def __init__(self, file, reason):
        self.what = f"{folders.shown(file)}: {reason}"
        super().__init__(f"{self.what}; remove the file or use --retrain")


@dataclasses.dataclass
class Progress:
    """What a run has come to so far, besides its variables.

    Attributes:
      history: one dict an epoch, as history.csv has them.
      reported: {"epoch", "metrics"} of the epoch that the record reports, or None.
      figures: `summaries.figure_arrays` of that epoch, or None.
      step_seconds: wall time of the training steps.
      trained_by: what trained it, a list of dicts: "first_epoch", "commit", "dirty",
        "device" and more, one for each that differs from the one before.
    """

    history: list = dataclasses.field(default_factory=list)
    reported: dict | None = None
    figures: dict | None = None
    step_seconds: float = 0.0
    trained_by: list = dataclasses.field(default_factory=list)

    def note_process(self, process):
        """Notes what trains on from here, unless the same has trained up to here."""
        epoch = len(self.history) + 1
        earlier = [p for p in self.trained_by if p.get("first_epoch", 0) < epoch]
        first = earlier[-1].get("first_epoch") if earlier else None
        if not earlier or earlier[-1] != {"first_epoch": first, **process}:
            earlier.append({"first_epoch": epoch, **process})
        self.trained_by = earlier

    def add_epoch(self, train, figures, seconds):
        """Adds an epoch to the history.

        Args:
          train: means of what the training steps measured, a dict of floats.
          figures: `summaries.figures` of the test images.
          seconds: wall time of the epoch.

        Returns:
          The row: "epoch", the means as train_<name>, the figures as test_<name>,
          "seconds".

        Raises:
          NonFiniteError: naming the figure of the test images that is not finite.
        """
        epoch = len(self.history) + 1
        if name := faulty(figures):
            raise NonFiniteError(
                f"{name} of the test images is not finite after epoch {epoch}"
            )
        row = {
            "epoch": epoch,
            **{f"train_{name}": float(value) for name, value in train.items()},
            **{f"test_{name}": value for name, value in figures.items()},
            "seconds": seconds,
        }
        self.history.append(row)
        return row

    def reports(self, configuration):
        """Whether the last epoch is, so far, the one that the record reports."""
        *earlier, row = self.history
        if configuration.reported_epoch == "last":
            return row["epoch"] == configuration.epochs
        return all(row["train_loss"] < old["train_loss"] for old in earlier)


def faulty(values):
    """The name of a value that is not finite, a sum only if no term is; or None."""
    known = {name: value for name, value in values.items() if value is not None}
    bad = [name for name, value in known.items() if not math.isfinite(value)]
    return next(iter([name for name in bad if name not in _SUMS] or bad), None)


def epoch_line(name, row, epochs):
    """A row of the history as a line of text that begins with the run's name."""
    text = f"{name}  epoch {row['epoch']}/{epochs}  loss {row['train_loss']:.1f}"
    named = (("nELBO", "nelbo", 1), ("ACC", "acc", 3), ("SE", "se", 2))
    for title, metric, digits in (*named, ("mIoU", "miou", 3)):
        if row[f"test_{metric}"] is not None:
            text += f"  {title} {row[f'test_{metric}']:.{digits}f}"
    return f"{text}  {row['seconds']:.0f} s"


def save(file, configuration, scenes, arrays, progress):
    """Replaces a run's checkpoint; `arrays` are those of `variables`, in their order.

    Raises:
      OSError: naming the file; the old checkpoint is intact.
    """
    state = {
        "format": FORMAT,
        "numerics": record.NUMERICS,
        "configuration": configuration.to_json(),
        "data_digest": scenes.digest,
        "canvas_side": scenes.train.images.shape[1],
        **dataclasses.asdict(dataclasses.replace(progress, figures=None)),
    }
    named = {f"{index:04d}": array for index, array in enumerate(arrays)}
    for name, array in (progress.figures or {}).items():
        named[_FIGURE + name] = array
    stream = io.BytesIO()
    text = json.dumps(state).encode()
    np.savez(stream, state=np.frombuffer(text, np.uint8), **named)
    folders.write_atomically(file, stream.getvalue())


def load(file):
    """A checkpoint of this or an older version.

    Returns:
      state: a dict: "numerics", "configuration" (of the options), "data_digest" and
        the fields of `Progress`.
      arrays: the variables, a list.

    Raises:
      CheckpointError: if the file is missing, damaged or not a checkpoint.
    """
    try:
        with np.load(file) as archive:
            content = dict(archive)
        state = {"numerics": 1, **json.loads(content.pop("state").tobytes())}
        known = state["format"] == FORMAT
        state["figures"] = {
            name.removeprefix(_FIGURE): content.pop(name)
            for name in list(content)
            if name.startswith(_FIGURE)
        } or None
        state["history"], state["configuration"]["experiment"]  # must be there
        arrays = [content[f"{index:04d}"] for index in range(len(content))]
    except OSError as error:
        raise CheckpointError(file, error.strerror or "cannot be read") from None
    except Exception:  # damaged bytes make NumPy and zipfile raise anything
        raise CheckpointError(file, "damaged, or not a checkpoint") from None
    if not known:
        reason = f"format {state['format']} is unknown; known: {FORMAT}"
        raise CheckpointError(file, reason)
    return state, arrays


def resume(folder, configuration, data_digest, shapes):
    """Where a run goes on: from its own checkpoint, or a shorter run's.

    Training does not depend on how many epochs are asked for, so without a checkpoint
    of its own a run goes on from the most advanced of those that ask for fewer.

    Args:
      folder: the run's own folder of checkpoints.
      configuration: its `Configuration`.
      data_digest: of the scenes it trains on.
      shapes: of the variables, a list of tuples.

    Returns:
      The file, the variables and the `Progress`; (None, None, an empty one) where
      there is nothing to go on from.

    Raises:
      CheckpointError: if its own checkpoint is damaged, or of another version of the
        numerics, other options, scenes or another model.
    """
    file, own = folder / NAME, True
    if not file.exists():
        file, own = _of_a_shorter_run(folder, configuration.epochs), False
    if file is None:
        return None, None, Progress()
    state, arrays = load(file)
    if record.changed_since(state["numerics"], state["configuration"]):
        if not own:
            return None, None, Progress()
        raise CheckpointError(file, "of another version of the code's numerics")
    if _identity(state["configuration"]) != _identity(configuration.to_json()):
        raise CheckpointError(file, "it is of another configuration")
    if state["data_digest"] != data_digest:
        raise CheckpointError(file, "it was trained on other scenes")
    if [array.shape for array in arrays] != [tuple(shape) for shape in shapes]:
        raise CheckpointError(file, "it is of another model")
    fields = [field.name for field in dataclasses.fields(Progress)]
    return file, arrays, Progress(**{name: state[name] for name in fields})


def variables(model):
    """Every variable of a compiled model's state, in the order of its checkpoint."""
    return [*model.trainable_variables, model.iteration, *model.optimizer.variables]


@contextlib.contextmanager
def lock(folder, name):
    """Keeps other processes off a run; the system frees it if this process dies.

    Makes the folder; the line that says that it waits begins with `name`.

    Raises:
      UsageError: where the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(folder / "lock")
    try:
        try:
            held.acquire(timeout=0)
        except filelock.Timeout:
            print(f"{name}: another process trains it; waiting for it", flush=True)
            held.acquire()
    except (OSError, NotImplementedError) as error:
        raise UsageError(
            f"--checkpoints: {folder} cannot be locked ({error}); allowed: a folder of "
            "a file system with file locks"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # all is saved; the lock ends with us
            held.release()


def _of_a_shorter_run(folder, epochs):
    wanted = record.FOLDER.fullmatch(folder.name)
    shorter = {}
    for file in folder.parent.glob(f"*/{NAME}"):
        found = record.FOLDER.fullmatch(file.parent.name)
        if found is None or any(found[k] != wanted[k] for k in ("variant", "seed")):
            continue  # of another run, or a folder that no command here made
        if int(found["epochs"]) < epochs:
            shorter[int(found["epochs"])] = pathlib.Path(file)
    return shorter[max(shorter)] if shorter else None


def _identity(options):
    """The options that a checkpoint must share: not the length, nor where files are."""
    moved = ("epochs", "scenes", "constraint")
    return {name: value for name, value in options.items() if name not in moved}
