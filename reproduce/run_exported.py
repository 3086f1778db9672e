"""Trains the runs of an export, without TensorFlow.

    python -m reproduce.run_exported DIR --epochs 300

Needs JAX, NumPy and SciPy (requirements-accelerator.txt). The runs have the seeds,
scenes and records of `python -m reproduce.run`, and share its checkpoints: either
command goes on where the other was interrupted.
"""

import contextlib
import dataclasses
import functools
import os
import sys

import data
from reproduce import checkpoint, command_line, environment, files, records, run_state
from reproduce import run as single
from reproduce.errors import UsageError
from reproduce.exported.manifest import Exported
from reproduce.exported.runs import Run
from reproduce.scene_data import scene_specification

USAGE = "python -m reproduce.run_exported DIR"
DESCRIPTION = (
    f"{USAGE} --epochs N trains the runs of the export in DIR, without TensorFlow. The "
    "same command resumes interrupted runs, and leaves out those that have their "
    "record."
)


def define(options):
    """The command's flags."""
    options.group("What to run")
    options.integer("epochs", None, "none: the export's", 1, optional=True)
    options.text("mnist", None, "MNIST in Keras's format (mnist.npz)", "FILE")
    options.group("How to run it")
    options.switch("retrain", False, "ignore the records and the checkpoints")
    options.text("results", None, files.RESULTS_HELP, "DIR")
    options.text("checkpoints", None, files.CHECKPOINTS_HELP, "DIR")


def body(programs, values):
    """Runs the export in the folder `programs`, None if missing; the exit code."""
    if programs is None:
        raise UsageError(
            f"the export's folder is missing; it comes first: {USAGE}, see --help"
        )
    require_runtime()
    exported = Exported(programs)
    configurations = exported.configurations
    if values.epochs is not None:
        configurations = [
            dataclasses.replace(c, epochs=values.epochs) for c in configurations
        ]
    results = files.results_folder(values.results, exported.manifest["smoke"])
    checkpoints = files.checkpoints_folder(values.checkpoints, results)
    places = [
        (
            records.run_folder(results, configuration),
            checkpoint.folder_of(checkpoints, configuration),
        )
        for configuration in configurations
    ]
    for folder, kept in places:
        files.require_writable(folder, "--results")
        files.require_writable(kept, "--checkpoints")
    with contextlib.ExitStack() as locks:
        for configuration, (_, kept) in zip(configurations, places, strict=True):
            locks.enter_context(single.lock(kept, _name(configuration)))
        codes = [
            single.already_ended(_name(configuration), records.read_record(folder))
            for configuration, (folder, _) in zip(configurations, places, strict=True)
            if (folder / "record.json").exists() and not values.retrain
        ]
        if len(codes) < len(places):
            codes.append(_train(values, exported, configurations, places))
        return max(codes)


def require_runtime():
    """Tells at once if JAX is missing, before anything is locked or measured.

    Raises:
      UsageError: if it cannot be imported.
    """
    try:
        from reproduce.exported import runtime  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"JAX, which runs the programs, cannot be imported ({error}); pip install "
            "-r requirements-accelerator.txt"
        ) from None


def _name(configuration):
    return f"{configuration.experiment} seed {configuration.seed}"


def _train(values, exported, configurations, places):
    code = environment.git()  # now: another commit may follow while it trains
    from reproduce.exported.runtime import Device
    from reproduce.exported.training import Training

    specifications = [scene_specification(c) for c in configurations]
    scenes = {
        specification: data.load(specification, mnist_path=values.mnist)
        for specification in dict.fromkeys(specifications)
    }
    if values.retrain:  # not before all input has proved good
        for folder, kept in places:
            single.discard(folder, kept)
    runs = [
        Run(
            exported,
            number,
            configuration,
            scenes[specification],
            kept,
            values.retrain,
        )
        for number, (configuration, specification, (_, kept)) in enumerate(
            zip(configurations, specifications, places, strict=True)
        )
    ]
    waiting = []
    for run, (folder, _) in zip(runs, places, strict=True):
        run.left_out = (folder / "record.json").exists()
        if not run.left_out:
            waiting.append((run, folder))
    for run, _ in waiting:
        message = "resumed" if run.resumed else "begins"
        print(f"{_name(run.configuration)}: {message}: {run.configuration.variant}")
    device, manifest = Device(), exported.manifest
    name = device.name or environment.processor()
    for run, _ in waiting:
        if not run.finished:
            run_state.note_process(
                run, code, name, manifest["precision"], manifest["git"]
            )
    print(f"compiling for {name}", flush=True)
    training = Training(exported, runs, device)
    try:
        training.train_all()
    except KeyboardInterrupt as error:
        unsaved = "in the middle of an epoch's end"
        error.note = single.save_interrupted(training, training.step, unsaved, values)
        raise
    return max(_write(exported, training, *pair) for pair in waiting)


def _write(exported, training, run, folder):
    """Writes a run's record; returns the run's exit code."""
    from reproduce import outcome
    from reproduce.exported import runtime

    manifest, device = exported.manifest, training.device
    surroundings = environment.describe(
        device.name or environment.processor(), os.cpu_count(), runtime.PACKAGES
    )
    surroundings |= {
        "runtime": "exported programs on JAX's PJRT client",
        "exported_with": manifest["versions"],
        "exported_from": manifest["git"],
        "precision": manifest["precision"],
        "runs_at_once": len(training.runs),
        "peak_device_memory_megabytes": device.peak_megabytes,
    }
    outcome.write(
        folder,
        run.configuration,
        run,
        run.scenes,
        steps=training.steps,
        parameters=manifest["parameters"],
        surroundings=surroundings,
        smoke=manifest["smoke"],
        failure=run.failure,
    )
    return single.say_ended(_name(run.configuration), folder, run.failure)


def main(words):
    """Runs the command; its first word is the folder. Returns the exit code."""
    given = bool(words) and not words[0].startswith("-")
    return command_line.main(
        define,
        functools.partial(body, words[0] if given else None),
        words[given:],
        description=DESCRIPTION,
        errors=(data.DataError,),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
