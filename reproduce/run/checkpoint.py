"""A run's whole state at the end of an epoch, in one NumPy archive.

Noise follows from (seed, iteration) and data order from (seed, epoch), so a run that
continues from here equals one that was never interrupted. The archive is replaced
atomically: there is always one whole state, and zip's CRC-32 reveals damage. It needs
no TensorFlow.
"""

import dataclasses
import json
import math

import numpy as np

from reproduce.errors import NonFiniteError, UsageError
from reproduce.experiments.configuration import FILES
from reproduce.records import folders, versions

FORMAT = 1
NAME, OLDER = "state.npz", "state-of-older-code.npz"
_FIGURE = "figure_"  # prefix of the figure's arrays
_SUMS = ("loss", "nelbo", "penalty")  # not finite if any term is not


@dataclasses.dataclass
class Progress:
    """A run's progress so far, apart from its variables.

    Attributes:
      history: one dict per epoch, a row of history.csv.
      reported: {"epoch", "metrics"} of the epoch that the record reports, or None.
      figures: `summaries.figure_arrays` of that epoch, or None.
      step_seconds: wall time of the training steps.
      trained_by: what trained it, a list of dicts: "first_epoch", "commit", "dirty",
        "device" and more; a new one wherever one of these changed.
    """

    history: list = dataclasses.field(default_factory=list)
    reported: dict | None = None
    figures: dict | None = None
    step_seconds: float = 0.0
    trained_by: list = dataclasses.field(default_factory=list)

    def note_process(self, process):
        """Records the commit, device and so on if they differ from those so far."""
        epoch = len(self.history) + 1
        earlier = [p for p in self.trained_by if p.get("first_epoch", 0) < epoch]
        first = earlier[-1].get("first_epoch") if earlier else None
        if not earlier or earlier[-1] != {"first_epoch": first, **process}:
            earlier.append({"first_epoch": epoch, **process})
        self.trained_by = earlier

    def add_epoch(self, train, figures, seconds):
        """Adds an epoch to the history: training means, and figures on the test images.

        Raises:
          NonFiniteError: naming a figure of the test images that is not finite.
        """
        epoch = len(self.history) + 1
        if name := faulty(figures):
            message = f"{name} of the test images is not finite after epoch {epoch}"
            raise NonFiniteError(message)
        row = {f"train_{name}": float(value) for name, value in train.items()}
        row |= {f"test_{name}": value for name, value in figures.items()}
        self.history.append({"epoch": epoch, **row, "seconds": seconds})

    def reports(self, configuration):
        """Whether the last epoch is, so far, the one that the record reports."""
        *earlier, row = self.history
        if configuration.reported_epoch == "last":
            return row["epoch"] == configuration.epochs
        return all(row["train_loss"] < other["train_loss"] for other in earlier)


def faulty(values):
    """The name of a value that is not finite, a term's if possible, or None."""
    known = {name: value for name, value in values.items() if value is not None}
    names = [name for name, value in known.items() if not math.isfinite(value)]
    return next(iter([name for name in names if name not in _SUMS] or names), None)


def save(file, configuration, scenes, arrays, progress):
    """Replaces a run's checkpoint; `arrays` are the values of `variables`."""
    state = {
        "format": FORMAT,
        "numerics": versions.NUMERICS,
        "configuration": configuration.to_json(),
        "data_digest": scenes.digest,
        "canvas_side": scenes.train.images.shape[1],
        **dataclasses.asdict(dataclasses.replace(progress, figures=None)),
    }
    content = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    content |= {f"{index:04d}": array for index, array in enumerate(arrays)}
    content |= {_FIGURE + name: a for name, a in (progress.figures or {}).items()}
    folders.write_atomically(file, lambda stream: np.savez(stream, **content))


def load(file):
    """Reads a checkpoint of this or an older version.

    Returns:
      state: a dict: "numerics", "configuration" (of the options), "data_digest" and
        the fields of `Progress`.
      arrays: the variables, a list.

    Raises:
      UsageError: if there is no such file.
      FileError: if it is damaged or not a checkpoint.
    """
    if not file.exists():
        reason = "no such file; a run's checkpoint is below checkpoints/, not runs/"
        raise UsageError(f"{folders.shown(file)}: {reason}")
    content = folders.read_arrays(file)
    state = json.loads(content.pop("state", np.uint8([])).tobytes() or "{}")
    if state.get("format") != FORMAT:
        raise folders.FileError(file, "it is no checkpoint, or of an unknown format")
    names = [name for name in content if name.startswith(_FIGURE)]
    figures = {name.removeprefix(_FIGURE): content.pop(name) for name in names}
    state = {"numerics": 1, **state, "figures": figures or None}
    return state, [content[name] for name in sorted(content)]


def options(state):
    """All of today's options for a loaded checkpoint, a dict."""
    return versions.completed(state["configuration"], state["numerics"])


def resume(file, configuration, data_digest, shapes):
    """Finds where a run continues: at its own checkpoint, or at a shorter run's.

    Training does not depend on the number of epochs asked for, so a run without a
    checkpoint of its own continues from the longest of the shorter runs. It never
    continues from a checkpoint whose numbers today's code would not give; its own is
    then kept under another name.

    Args:
      file: path of the run's own checkpoint, which may not exist.
      configuration: the run's `Configuration`.
      data_digest: digest of the scenes it trains on.
      shapes: the variables' shapes, a list of tuples.

    Returns:
      The file, the variables and the `Progress`; (None, None, an empty one) if there is
      no checkpoint to continue from.

    Raises:
      FileError: if a checkpoint is damaged, or belongs to other options, other scenes
        or another model.
    """
    variant, seed = configuration.variant, configuration.seed
    lengths = range(configuration.epochs, 0, -1)
    names = [f"{variant}-{epochs}ep-seed{seed}" for epochs in lengths]
    candidates = (file.parent.with_name(name) / NAME for name in names)
    for candidate in (path for path in candidates if path.exists()):
        state, arrays = load(candidate)
        if not versions.changed_since(state["numerics"], state["configuration"]):
            break
        if candidate == file:
            file.replace(file.with_name(OLDER))
    else:
        return None, None, Progress()
    saved, expected = map(_identity, (options(state), configuration.to_json()))
    for what, same in (
        ("configuration", saved == expected),
        ("set of scenes", state["data_digest"] == data_digest),
        ("model", [a.shape for a in arrays] == [tuple(shape) for shape in shapes]),
    ):
        if not same:
            raise folders.FileError(candidate, f"it is of another {what}")
    fields = [field.name for field in dataclasses.fields(Progress)]
    return candidate, arrays, Progress(**{name: state[name] for name in fields})


def variables(model):
    """Every variable of a compiled model's state, in the order of its checkpoint."""
    return [*model.trainable_variables, model.iteration, *model.optimizer.variables]


def _identity(options):
    """The options that must agree: all but the length and the paths of files."""
    free = ("epochs", *FILES)
    return {name: value for name, value in options.items() if name not in free}
