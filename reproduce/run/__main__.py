"""Trains one model with one seed and writes its record.

    python -m reproduce.run --experiment table1/asr-13 --seed 0 --epochs 300

The same command resumes an interrupted run after its last epoch, and does nothing if
the record exists.
"""

import sys

from reproduce import command_line
from reproduce.errors import NonFiniteError
from reproduce.experiments import configuration as configurations
from reproduce.experiments import published
from reproduce.flags import integer, text
from reproduce.records import environment, folders
from reproduce.run import checkpoint, one, start
from reproduce.run import scenes as run_scenes


def define(flags):
    """The command's flags; every option of `Configuration` has one."""
    flags.group("What to run")
    configurations.define(flags)
    help_text = "seed of initialisation, data order and noise"
    flags.add("seed", integer(0, configurations.LARGEST_SEED), 0, help_text)
    help_text = "passes over the training images (default 300; in smoke runs 2)"
    flags.add("epochs", integer(1), None, help_text)
    flags.group("How to run it")
    one.define(flags)
    flags.add("threads", integer(1), None, "processor threads (default: all)")
    flags.add("tensorboard", text(), None, "folder for TensorBoard's logs")
    configurations.define_changes(flags)


def body(values):
    """Trains the run if it has no record; returns the exit code."""
    epochs = {} if values.epochs is None else {"epochs": values.epochs}
    configuration = configurations.from_flags(values, seed=values.seed, **epochs)
    run = one.Run.from_flags(configuration, values, values.smoke)
    with run.lock():
        code = run.ended_before(values.retrain)
        return _train(values, run) if code is None else code


def _train(values, run):
    configuration, git = run.configuration, environment.git()
    start.tensorflow(values.threads, configuration.compiler)
    import keras

    from reproduce.run import build, evaluation, training

    scenes = run_scenes.load(configuration, values.mnist)
    model = build.build_model(configuration, scenes.train.images.shape[1])
    variables = checkpoint.variables(model)
    arrays = run.resume(values.retrain, scenes, [v.shape for v in variables])
    for variable, array in zip(variables, arrays or (), strict=arrays is not None):
        variable.assign(array)
    process = {"device": _device(), "precision": configuration.precision}
    run.note_process(git | process)
    evaluator = evaluation.Evaluation(model, configuration.batch_size)
    callbacks = [training.EpochEnd(run, evaluator)]
    if values.tensorboard is not None:
        folder = folders.given_path(values.tensorboard) / configuration.name
        omitted = {"write_graph": False, "profile_batch": 0}
        callbacks.append(keras.callbacks.TensorBoard(folder, **omitted))
    failure = bound = None
    try:
        training.fit(model, run, callbacks)
        if configuration.epochs >= published.EPOCHS:  # it takes a minute and a half
            bound = evaluator.bound(scenes.test.images)
    except NonFiniteError as error:
        failure = error
    threads = values.threads or environment.usable_cores()
    described = environment.describe(process["device"], threads)
    return run.end(failure, model.count_params(), described, bound)


def _device():
    """The name of the device that TensorFlow computes on."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return details.get("device_name") or environment.processor()


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
