"""The trained model of a run, from its checkpoint."""

import pathlib

from reproduce import build, checkpoint, records, run_state
from reproduce.errors import UsageError


def trained_model(folder, constraints=()):
    """The model as a run left it, with its optimiser and the iteration.

    These are the weights after the last epoch, also where the record reports an
    earlier one (`reported_epoch="lowest_loss"`, as with `--preset released`).

    Args:
      folder: of the run's checkpoint, such as
        "checkpoints/table1/asr-13/paper-10ep-seed0".
      constraints: the `asr.Constraint`s of one's own that it was trained with.

    Returns:
      An `air.AIR`, compiled.

    Raises:
      UsageError: if there is no checkpoint, or a damaged one, or one with options that
        are unknown here, or with other constraints.
    """
    try:
        return _load(pathlib.Path(folder) / checkpoint.NAME, constraints)
    except checkpoint.CheckpointError as error:  # whose advice is for training
        raise UsageError(error.what) from None


def _load(file, constraints):
    content, state = checkpoint.load(file)
    epochs = max(1, len(state["history"]))  # not among a checkpoint's options
    options = {**state["configuration"], "epochs": epochs}
    configuration = records.configuration_from(options)
    model = build.build_model(configuration, constraints)
    variables = run_state.variables(model)
    arrays = run_state.arrays_of(file, content, [tuple(v.shape) for v in variables])
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return model
