"""The trained model of a run, from its checkpoint."""

from reproduce.errors import UsageError
from reproduce.experiments.configuration import from_json
from reproduce.records import folders
from reproduce.run import build, checkpoint


def trained_model(folder):
    """The model as a run left it, with its optimiser and the iteration.

    Its weights are those after the last epoch, even if the record reports an earlier
    one (`reported_epoch="lowest_loss"`, as with `--preset released`).

    Args:
      folder: folder of the run's checkpoint, such as
        "checkpoints/table1/asr-13/paper-10ep-seed0", or a file of `results/weights/`.

    Returns:
      An `air.AIR`, compiled, without any constraint of your own, which only training
      uses. The file of a --model of your own has to be where it was.

    Raises:
      UsageError: if there is no checkpoint, or one that cannot be used here.
    """
    file = folders.given_path(folder)
    file = file if file.suffix == ".npz" else file / checkpoint.NAME
    state, arrays = checkpoint.load(file)
    unused = {"constraint": None, "constraint_digest": None, "epochs": 1}
    configuration = from_json({**checkpoint.options(state), **unused})
    model = build.build_model(configuration, state.get("canvas_side"))
    for variable, array in zip(checkpoint.variables(model), arrays, strict=False):
        # Older checkpoints may have more arrays, shipped weights have fewer.
        if array.shape != variable.shape:
            raise UsageError(f"{file}: it is of another model")
        variable.assign(array)
    return model
