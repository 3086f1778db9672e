"""The trained model of a run, from its checkpoint."""

import pathlib

from reproduce import build, checkpoint, records, run_state


def trained_model(folder):
    """The model as a run left it, with its optimiser and the iteration.

    Args:
      folder: of the run's checkpoint, such as
        "checkpoints/table1/asr-13/paper-10ep-seed0".

    Returns:
      An `air.AIR`, compiled.

    Raises:
      CheckpointError: if there is no checkpoint, or a damaged one.
      UsageError: if it has options that are unknown here.
    """
    file = pathlib.Path(folder) / checkpoint.NAME
    content, state = checkpoint.load(file)
    epochs = max(1, len(state["history"]))  # not among a checkpoint's options
    options = {**state["configuration"], "epochs": epochs}
    configuration = records.configuration_from(options)
    model = build.build_model(configuration)
    variables = run_state.variables(model)
    arrays = run_state.arrays_of(file, content, [tuple(v.shape) for v in variables])
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return model
