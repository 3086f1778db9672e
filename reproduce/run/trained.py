"""The trained model of a run, from its checkpoint."""

import pathlib

from reproduce.errors import UsageError
from reproduce.records import record
from reproduce.run import build, checkpoint


def trained_model(folder):
    """The model as a run left it, with its optimiser and the iteration.

    These are the weights after the last epoch, also where the record reports an
    earlier one (`reported_epoch="lowest_loss"`, as with `--preset released`).

    Args:
      folder: of the run's checkpoint, such as
        "checkpoints/table1/asr-13/paper-10ep-seed0".

    Returns:
      An `air.AIR`, compiled; without a constraint of one's own, which only training
      reads.

    Raises:
      UsageError: if there is no checkpoint, or a damaged one, or one with options that
        are unknown here.
    """
    file = pathlib.Path(folder).expanduser() / checkpoint.NAME
    try:
        state, arrays = checkpoint.load(file)
    except checkpoint.CheckpointError as error:  # whose advice is for training
        raise UsageError(error.what) from None
    unread = {"constraint": None, "constraint_digest": None, "epochs": 1}
    configuration = record.configuration_from(
        {**state["configuration"], **unread}, state["numerics"]
    )
    model = build.build_model(configuration, state.get("canvas_side"))
    variables = checkpoint.variables(model)
    shapes = [tuple(variable.shape) for variable in variables]
    if [array.shape for array in arrays[: len(shapes)]] != shapes:
        raise UsageError(f"{file}: it is of another model")
    for variable, array in zip(variables, arrays, strict=False):  # older ones have more
        variable.assign(array)
    return model
