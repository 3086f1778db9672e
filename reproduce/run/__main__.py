"""One run: trains one model with one seed and writes its record.

python -m reproduce.run --experiment table1/asr-13 --seed 0 --epochs 300
"""

import pathlib
import sys

from reproduce import command_line
from reproduce.errors import NonFiniteError, UsageError
from reproduce.experiments.configuration import LARGEST_SEED
from reproduce.records import environment, folders, record
from reproduce.run import checkpoint, options, outcome, start
from reproduce.run import scenes as run_scenes

DESCRIPTION = (
    "Trains one model with one seed and writes its record. The same command resumes "
    "an interrupted run from its last epoch, and ends at once if the record is there."
)


def define(flags):
    """The command's flags; every option of `Configuration` is one."""
    flags.group("What to run")
    options.define_names(flags)
    text = "of initialisation, data order and noise"
    flags.add("seed", flags.integer(0, LARGEST_SEED), 0, text)
    text = "passes over the training images (default 300, of smoke runs 2)"
    flags.add("epochs", flags.integer(1), None, text)
    flags.add("mnist", flags.text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("How to run it")
    flags.add("threads", flags.integer(1), None, "processor threads, all if not given")
    text = "ignore the record and the checkpoint"
    flags.add("retrain", flags.switch(), False, text)
    flags.add("results", flags.text(), None, folders.RESULTS_HELP)
    flags.add("checkpoints", flags.text(), None, folders.CHECKPOINTS_HELP)
    flags.add("tensorboard", flags.text(), None, "folder of logs for TensorBoard")
    options.define_changes(flags)


def body(values):
    """Runs it; returns the exit code."""
    if values.experiment is None:
        raise UsageError("--experiment: a value is missing; see --help")
    epochs = {} if values.epochs is None else {"epochs": values.epochs}
    configuration = options.configuration_from(
        values, values.experiment, seed=values.seed, **epochs
    )
    results = folders.results_folder(values.results, values.smoke)
    folder = record.run_folder(results, configuration)
    kept = folders.checkpoints_folder(values.checkpoints, results) / configuration.name
    folders.require_writable(folder, "--results")
    folders.require_writable(kept, "--checkpoints")
    name = f"{configuration.experiment} seed {configuration.seed}"
    with checkpoint.lock(kept, name):
        code = None if values.retrain else outcome.ended_before(name, folder)
        if code is None:
            code = _train(values, configuration, name, folder, kept)
        return code


def _train(values, configuration, name, folder, kept):
    file = kept / checkpoint.NAME
    resumes = file.exists() and not values.retrain
    message = "resumed" if resumes else "begins"
    print(f"{name}: {message}: {configuration.variant}", flush=True)
    code = environment.git()  # now: another commit may follow while it trains
    start.tensorflow(values.threads, configuration.compiler)
    from reproduce.run import build, evaluation, training

    scenes = run_scenes.load(configuration, values.mnist)
    model = build.build_model(configuration, scenes.train.images.shape[1])
    if values.retrain:  # not before all input has proved good
        file.unlink(missing_ok=True)
        (folder / "record.json").unlink(missing_ok=True)
    progress = checkpoint.Progress()
    if not values.retrain:
        variables = checkpoint.variables(model)
        found, arrays, progress = checkpoint.resume(
            kept, configuration, scenes.digest, [v.shape for v in variables]
        )
        for variable, array in zip(variables, arrays or (), strict=found is not None):
            variable.assign(array)
        if found not in (None, file):
            print(f"{name}: goes on from {folders.shown(found.parent)}", flush=True)
    device, precision = _device(), configuration.precision
    progress.note_process(code | {"device": device, "precision": precision})
    test = evaluation.Evaluation(model, scenes.test, configuration.batch_size)
    callbacks = [
        training.History(configuration, progress, test),
        training.Checkpoint(file, configuration, scenes, progress),
        training.Lines(name, progress, configuration.epochs),
    ]
    if values.tensorboard is not None:
        place = pathlib.Path(values.tensorboard).expanduser() / configuration.name
        callbacks.append(training.tensorboard(place))
    failure = None
    try:
        training.fit(model, scenes.train.images, configuration, progress, callbacks)
    except NonFiniteError as error:
        failure = f"{error}, seed {configuration.seed}"
    outcome.write(
        folder,
        configuration,
        progress,
        scenes,
        failure,
        parameters=model.count_params(),
        smoke=values.smoke,
        environment=environment.describe(
            device, values.threads or environment.usable_cores()
        ),
    )
    return outcome.say_ended(name, folder, failure)


def _device():
    """The name of the device that TensorFlow computes on."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return details.get("device_name") or environment.processor()


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION))
