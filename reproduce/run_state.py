"""What a run has come to so far, besides its weights: the same for every trainer.

A trainer here is an object with `configuration`, `history`, `reported`, `figures`,
`seconds`, `step_seconds` and `trained_by`, as `training.Training` describes them.
Nothing here needs TensorFlow.
"""

import math

from reproduce import checkpoint, records
from reproduce.errors import NonFiniteError, UsageError

_FIGURE = "figure_"  # prefix of the figure's arrays in a checkpoint
# In a checkpoint.
_KEPT = ("history", "reported", "seconds", "step_seconds", "trained_by")
_SUMS = ("loss", "nelbo", "penalty")  # a faulty term makes these faulty too


def note_process(trainer, git, device, precision, exported_from=None):
    """Notes what trains on from here, unless the same has trained up to here.

    Args:
      trainer: the trainer, at the step `taken`.
      git: `environment.git` of the code that trains.
      device: name of the device that computes.
      precision: of its matrix products, such as "float32".
      exported_from: `environment.git` of the code that made exported programs.
    """
    process = {**git, "device": device, "precision": precision}
    if exported_from:
        process["exported_from"] = exported_from
    # One that was interrupted before its first step has trained nothing.
    earlier = [p for p in trainer.trained_by if p["first_step"] < trainer.taken]
    if earlier and earlier[-1] == {**process, "first_step": earlier[-1]["first_step"]}:
        trainer.trained_by = earlier
    else:
        trainer.trained_by = [*earlier, {"first_step": trainer.taken, **process}]


def history_row(trainer, train, figures):
    """The history's row of the epoch after the last one in it.

    Args:
      trainer: the trainer, its `seconds` up to date.
      train: means of what the training steps measured, a dict of floats.
      figures: `summaries.figures` of the test images.

    Returns:
      A dict: "epoch", the means as train_<name>, the figures as test_<name>,
      "seconds": all time that is in no row before, whatever was interrupted.

    Raises:
      NonFiniteError: naming the figure of the test images that is not finite.
    """
    epoch = len(trainer.history) + 1
    if faulty := _faulty(figures):
        raise NonFiniteError(
            f"{faulty} of the test images is not finite after epoch {epoch}, seed "
            f"{trainer.configuration.seed}"
        )
    return {
        "epoch": epoch,
        **{f"train_{name}": value for name, value in train.items()},
        **{f"test_{name}": value for name, value in figures.items()},
        "seconds": trainer.seconds - sum(row["seconds"] for row in trainer.history),
    }


def is_reported(trainer, row):
    """Whether the epoch of a new row is, so far, the one that the record reports."""
    if trainer.configuration.reported_epoch == "last":
        return row["epoch"] == trainer.configuration.epochs
    return all(row["train_loss"] < old["train_loss"] for old in trainer.history)


def non_finite_step(trainer, values, step):
    """The error of a training step that measured a value that is not finite.

    Args:
      trainer: the trainer.
      values: what the step measured, a dict of numbers, one of them not finite.
      step: how many steps the run has taken.

    Returns:
      A `NonFiniteError` that names the term, the step and the seed.
    """
    return NonFiniteError(
        f"{_faulty(values)} is not finite at step {step} (epoch "
        f"{len(trainer.history) + 1}), seed {trainer.configuration.seed}"
    )


def save(trainer, file, data_digest, arrays):
    """Writes a checkpoint.

    Args:
      trainer: the trainer.
      file: path of the archive.
      data_digest: of the scenes it trains on.
      arrays: the variables of the state, in the order of `variables`.

    Raises:
      OSError: naming the file; the checkpoint before is intact.
    """
    named = {f"{index:04d}": array for index, array in enumerate(arrays)}
    for name, array in (trainer.figures or {}).items():
        named[_FIGURE + name] = array
    state = {
        "configuration": _identity(trainer.configuration),
        "data_digest": data_digest,
        **{name: getattr(trainer, name) for name in _KEPT},
    }
    checkpoint.save(file, named, state)


def load(trainer, file, data_digest, shapes):
    """Gives a trainer what a checkpoint holds besides the variables.

    Args:
      trainer: the trainer.
      file: path of the archive.
      data_digest: of the scenes it trains on.
      shapes: of the variables, a list of tuples.

    Returns:
      The variables: a list of arrays.

    Raises:
      CheckpointError: if the checkpoint is damaged, or of other options, scenes or
        another model; the trainer is as before.
    """
    content, state = checkpoint.load(file)
    if _complete(state["configuration"]) != _identity(trainer.configuration):
        raise checkpoint.CheckpointError(file, "it is of another configuration")
    if state["data_digest"] != data_digest:
        raise checkpoint.CheckpointError(file, "it was trained on other scenes")
    arrays = arrays_of(file, content, shapes)
    trainer.figures = {
        name.removeprefix(_FIGURE): array
        for name, array in content.items()
        if name.startswith(_FIGURE)
    } or None
    for name in _KEPT:
        setattr(trainer, name, state[name])
    return arrays


def variables(model):
    """Every variable of a run's state, in the order of its checkpoint.

    Args:
      model: a compiled `air.AIR` whose optimiser is built.
    """
    trackers = model.trackers.values()
    means = [variable for tracker in trackers for variable in tracker.variables]
    own = [*model.trainable_variables, model.iteration]
    return [*own, *model.optimizer.variables, *means]


def arrays_of(file, content, shapes):
    """The variables of a checkpoint, a list of arrays.

    Args:
      file: path of the archive, for the error.
      content: its arrays by name.
      shapes: of the variables, a list of tuples.

    Raises:
      CheckpointError: if it has others.
    """
    expected = {f"{index:04d}": tuple(shape) for index, shape in enumerate(shapes)}
    found = {n: a.shape for n, a in content.items() if not n.startswith(_FIGURE)}
    if expected != found:
        raise checkpoint.CheckpointError(file, "it is of another model")
    return [content[name] for name in expected]


def _faulty(values):
    """The name of a value that is not finite, a sum only if no term is; or None."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    terms = [name for name in bad if name not in _SUMS]
    return next(iter(terms or bad), None)


def _complete(options):
    """A checkpoint's options with those that the project has got since then.

    They are as they stand where they are no options of this version.
    """
    try:
        configuration = records.configuration_from({**options, "epochs": 1})
    except (KeyError, TypeError, UsageError):
        return options
    return _identity(configuration)


def _identity(configuration):
    """The options that a checkpoint must share: all but the number of epochs."""
    options = configuration.to_json()
    del options["epochs"]
    return options
