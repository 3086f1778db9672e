"""One run: trains one model with one seed and writes its record.

    python -m reproduce.run --experiment table1/asr-13 --seed 0 --epochs 300

The same command resumes a run that was interrupted, and ends at once if the run
has its record.
"""

import dataclasses
import os
import sys

import filelock

import data
from reproduce import (
    checkpoint,
    command_line,
    compiled,
    environment,
    files,
    interrupts,
    records,
    start,
)
from reproduce import configuration as configurations
from reproduce.effect import require_effect
from reproduce.errors import NonFiniteError, UsageError
from reproduce.options import allows_none, kind
from reproduce.scene_data import scene_specification

DESCRIPTION = (
    "Trains one model with one seed and writes its record. The same command resumes "
    "an interrupted run, and ends at once if the record is there."
)
NON_FINITE = 3  # exit code
COMMAND_OPTIONS = ("experiment", "preset", "seed", "epochs")


def define(options):
    """The command's flags; every option of `Configuration` is one."""
    options.group("What to run")
    options.choice(
        "experiment", None, "table/method-setting", configurations.experiments()
    )
    options.choice("preset", "paper", "base of all options", configurations.PRESETS)
    fields = {field.name: field for field in _fields()}
    for name in ("seed", "epochs"):
        field = fields[name]
        about = field.metadata
        options.integer(
            name, field.default, about["text"], about["lower"], about["upper"]
        )
    options.text("mnist", None, "MNIST in Keras's format (mnist.npz)", "FILE")
    options.switch("smoke", False, "toy size: rendered digits, few images, two epochs")
    options.group("How to run it")
    options.integer(
        "threads", None, "processor threads, none for all", 1, optional=True
    )
    options.switch("retrain", False, "ignore the record and the checkpoint")
    options.text("results", None, files.RESULTS_HELP, "DIR")
    options.text("checkpoints", None, files.CHECKPOINTS_HELP, "DIR")
    define_changes(options)


def define_changes(options):
    """The flags of all that can be changed from a preset."""
    options.group("Options changed from the preset (each is the preset's if not given)")
    for field in _fields():
        if field.name not in COMMAND_OPTIONS:
            _define_option(options, field)


def body(values):
    """Runs it; returns the exit code."""
    configuration = configuration_from(values)
    scene_specification(configuration)  # bad data options are told first
    results = files.results_folder(values.results, values.smoke)
    checkpoints = files.checkpoints_folder(values.checkpoints, results)
    folder = records.run_folder(results, configuration)
    kept = checkpoint.folder_of(checkpoints, configuration)
    files.require_writable(folder, "--results")
    files.require_writable(kept, "--checkpoints")
    name = f"{configuration.experiment} seed {configuration.seed}"
    with lock(kept, name):
        if values.retrain:
            compiled.remove(kept)
        elif (folder / "record.json").exists():
            return already_ended(name, records.read_record(folder))
        with compiled.kept(kept):
            code = _train(values, configuration, name, folder, kept)
        compiled.remove(kept)  # the run has ended
        return code


def lock(kept, name):
    """Acquires a run's lock for a `with`; the system frees it if this process dies.

    Raises:
      UsageError: where the file system has no locks.
    """
    kept.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(kept / "lock")
    try:
        return lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{name}: another process trains this run; waiting for it", flush=True)
        return lock.acquire()
    except NotImplementedError:
        raise UsageError(
            f"--checkpoints: the file system of {kept} has no file locks; allowed: a "
            "folder of one that has"
        ) from None


def configuration_from(values):
    """The `Configuration` that the flags ask for.

    Raises:
      UsageError: if one is missing, or does not fit the others.
    """
    if values.experiment is None:
        raise UsageError(
            "--experiment: a value is missing; allowed: "
            + ", ".join(configurations.experiments())
        )
    identity = {"seed": values.seed, "epochs": values.epochs}
    configuration = changed(values, values.experiment, **identity)
    if values.smoke and values["epochs"].present:
        return dataclasses.replace(configuration, epochs=values.epochs)
    return configuration


def changed(values, experiment, **identity):
    """The `Configuration` of an experiment with what the flags change in it.

    Args:
      values: the command's flags, `define_changes`, --preset and --smoke among them.
      experiment: such as "table1/asr-13".
      **identity: its seed, and its epochs if they are given.

    Raises:
      UsageError: if an option does not fit the others.
    """
    changes = {
        field.name: values[field.name].value
        for field in _fields()
        if field.name not in COMMAND_OPTIONS and values[field.name].present
    }
    configuration = configurations.preset_configuration(
        experiment, values.preset, **identity, **changes
    )
    require_effect(configuration)
    if not values.smoke:
        return configuration
    sizes = {n: changes[n] for n in ("train_images", "test_images") if n in changes}
    return dataclasses.replace(configurations.smoke(configuration), **sizes)


def _train(values, configuration, name, folder, kept):
    resumes = (kept / checkpoint.NAME).exists() and not values.retrain
    message = "resumed" if resumes else "begins"
    print(f"{name}: {message}: {configuration.variant}", flush=True)
    code = environment.git()  # now: another commit may follow while it trains
    start.tensorflow(values.threads)
    import asr
    from reproduce import build, run_state, training

    specification = scene_specification(configuration)
    scenes = data.load(specification, mnist_path=values.mnist)
    model = build.build_model(configuration)
    if values.retrain:  # not before all input has proved good
        discard(folder, kept)
    run = training.Training(configuration, model, scenes, kept, values.retrain)
    if run.resumed_from not in (None, run.file):
        print(f"{name}: goes on from {files.shown(run.resumed_from.parent)}")
    if not run.finished:
        run_state.note_process(run, code, _device(), start.PRECISION)
    failure = None
    try:
        run.run(name)
    except NonFiniteError as error:
        failure = str(error)
    except asr.ConstraintError as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt as error:
        faulty = f"step {run.taken} is not finite and was not saved"
        error.note = f"{name}: {save_interrupted(run, run.taken, faulty, values)}"
        raise
    _write(values, configuration, run, scenes, folder, failure)
    return say_ended(name, folder, failure)


def discard(folder, kept):
    """Removes a run's record and checkpoint."""
    (folder / "record.json").unlink(missing_ok=True)
    (kept / checkpoint.NAME).unlink(missing_ok=True)


def save_interrupted(training, step, unsaved, values):
    """Saves what an interrupted training has; returns how to go on, for the user.

    Args:
      training: its `save` tells whether there was something good to save.
      step: the step it has reached.
      unsaved: why there was not, in words.
      values: the command's flags.
    """
    interrupts.ignore_signals()
    command = "without --retrain it" if values.retrain else "the same command"
    command += " goes on from"
    try:
        if training.save():
            return f"saved at step {step}; {command} there"
        reason = unsaved
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    return f"{reason}; {command} the last checkpoint"


def say_ended(name, folder, failure):
    """Says what became of a run that has written its record; its exit code."""
    if failure:
        print(f"{name}: failed: {failure}", file=sys.stderr, flush=True)
        return NON_FINITE
    print(f"{name}: done: {files.shown(folder)}", flush=True)
    return 0


def _write(values, configuration, run, scenes, folder, failure):
    import numpy as np

    from reproduce import outcome

    outcome.write(
        folder,
        configuration,
        run,
        scenes,
        steps=run.steps,
        parameters=sum(int(np.prod(v.shape)) for v in run.model.trainable_variables),
        surroundings=environment.describe(_device(), values.threads or os.cpu_count()),
        smoke=values.smoke,
        failure=failure,
    )


def _device():
    """The name of the device that TensorFlow computes on."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return details.get("device_name") or environment.processor()


def already_ended(name, record):
    """Says that a run has its record; returns the exit code."""
    if record["status"] == records.FAILED:
        print(
            f"{name}: failed before: {record['failure']}; --retrain tries again",
            file=sys.stderr,
        )
        return NON_FINITE
    print(f"{name}: its record is there already; --retrain trains it again")
    return 0


def _fields():
    return dataclasses.fields(configurations.Configuration)


def _define_option(options, field):
    """One flag for one field; its default is None, the preset's value."""
    about, expected = field.metadata, kind(field)
    if about["allowed"]:
        options.choice(
            field.name, None, about["text"], about["allowed"], allows_none(field)
        )
    elif expected is bool:
        options.switch(field.name, None, about["text"])
    elif expected is tuple:
        options.integers(field.name, None, about["text"], about["lower"])
    else:
        define_number = options.integer if expected is int else options.number
        define_number(
            field.name,
            None,
            about["text"],
            about["lower"],
            about["upper"],
            allows_none(field),
        )


if __name__ == "__main__":
    sys.exit(
        command_line.main(
            define, body, description=DESCRIPTION, errors=(data.DataError,)
        )
    )
