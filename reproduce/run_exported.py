"""Trains the runs of an export, without TensorFlow.

    python -m reproduce.run_exported DIR --epochs 300

Needs JAX, NumPy and SciPy (requirements-accelerator.txt). The runs have the seeds,
scenes and records of `python -m reproduce.run`, and share its checkpoints: either
command goes on where the other was interrupted.
"""

import contextlib
import dataclasses
import sys
import time

import numpy as np

import data
from reproduce import command_line
from reproduce.errors import NonFiniteError, UsageError
from reproduce.export.folder import Exported
from reproduce.records import environment, folders, record
from reproduce.run import checkpoint, outcome, summaries
from reproduce.run import scenes as run_scenes

USAGE = "python -m reproduce.run_exported DIR"
DESCRIPTION = (
    f"{USAGE} --epochs N trains the runs of the export in DIR, without TensorFlow. The "
    "same command resumes interrupted runs, and leaves out those that have their "
    "record."
)


def define(flags):
    """The command's flags."""
    flags.group("What to run")
    text = "passes over the training images, the export's if not given"
    flags.add("epochs", flags.integer(1), None, text)
    flags.add("mnist", flags.text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("How to run it")
    text = "ignore the records and the checkpoints"
    flags.add("retrain", flags.switch(), False, text)
    flags.add("results", flags.text(), None, folders.RESULTS_HELP)
    flags.add("checkpoints", flags.text(), None, folders.CHECKPOINTS_HELP)


def body(values, words):
    """Runs the export in a folder; returns the exit code."""
    if len(words) != 1:
        raise UsageError(f"one folder of an export is needed: {USAGE}, see --help")
    try:
        from reproduce.export import runtime
    except ImportError as error:
        raise UsageError(
            f"JAX, which runs the programs, cannot be imported ({error}); pip install "
            "-r requirements-accelerator.txt"
        ) from None
    exported = Exported(words[0])
    smoke = exported.manifest["smoke"]
    results = folders.results_folder(values.results, smoke)
    checkpoints = folders.checkpoints_folder(values.checkpoints, results)
    changes = {} if values.epochs is None else {"epochs": values.epochs}
    runs = [
        _Run(
            number, dataclasses.replace(configuration, **changes), results, checkpoints
        )
        for number, configuration in enumerate(exported.configurations)
    ]
    for run in runs:
        folders.require_writable(run.folder, "--results")
        folders.require_writable(run.kept, "--checkpoints")
    with contextlib.ExitStack() as locks:
        for run in runs:
            locks.enter_context(checkpoint.lock(run.kept, run.name))
            if not values.retrain:
                run.code = outcome.ended_before(run.name, run.folder)
        if any(run.code is None for run in runs):
            code = environment.git()
            scenes = run_scenes.load(runs[0].configuration, values.mnist)
            for run in runs:
                run.prepare(exported, scenes, values.retrain)
            _Training(exported, runs, scenes, runtime, code).run_all()
        return max(run.code for run in runs)


class _Run:
    """What is a run's own.

    Attributes:
      code: its exit code, None while it trains.
      state: its variables to begin from, a list of arrays.
      progress: its `checkpoint.Progress`.
    """

    def __init__(self, number, configuration, results, checkpoints):
        self.number, self.configuration, self.code = number, configuration, None
        self.name = f"{configuration.experiment} seed {configuration.seed}"
        self.folder = record.run_folder(results, configuration)
        self.kept = checkpoints / configuration.name

    def prepare(self, exported, scenes, fresh):
        """Takes the run's state from its checkpoint, or from the export."""
        self.state = [array[self.number] for array in exported.initial]
        self.progress = checkpoint.Progress()
        if self.code is not None:
            return
        found = None
        if fresh:
            (self.kept / checkpoint.NAME).unlink(missing_ok=True)
            (self.folder / "record.json").unlink(missing_ok=True)
        else:
            shapes = [array.shape for array in self.state]
            found, arrays, self.progress = checkpoint.resume(
                self.kept, self.configuration, scenes.digest, shapes
            )
            self.state = arrays or self.state
        message = "resumed" if found else "begins"
        print(f"{self.name}: {message}: {self.configuration.variant}", flush=True)


class _Training:
    """The runs of an export on a device, an epoch at a time."""

    def __init__(self, exported, runs, scenes, runtime, git):
        self.manifest, self.runs, self.scenes = exported.manifest, runs, scenes
        self.device, self.packages = runtime.Device(), runtime.PACKAGES
        name = self.device.name or environment.processor()
        print(f"compiling for {name}", flush=True)
        self.programs = {
            name: runtime.Program(exported, name, self.device)
            for name in exported.programs
        }
        put, batch = self.device.put, runs[0].configuration.batch_size
        test = scenes.test.images
        padding = -len(test) % batch
        padded = np.pad(test, [(0, padding), (0, 0), (0, 0)])
        self.batch, self.images = batch, put(scenes.train.images)
        self.test = put(padded.reshape(-1, batch, *test.shape[1:]))
        self.seeds = put(np.int32([[run.configuration.seed, 0] for run in runs]))
        states = zip(*(run.state for run in runs), strict=True)
        self.state = [put(np.stack(arrays)) for arrays in states]
        for run in runs:
            process = {"device": name, "precision": self.manifest["precision"]}
            process["exported_from"] = self.manifest["git"]
            run.progress.note_process(git | process)

    def run_all(self):
        """Trains and evaluates the epochs that are left, and writes the records."""
        for run in self.runs:
            self._end_if_done(run)
        while alive := [run for run in self.runs if run.code is None]:
            begun = time.perf_counter()
            means = self._train(alive)
            seconds = time.perf_counter() - begun
            scenes = self._infer()
            for run in alive:
                try:
                    self._end_epoch(run, means, scenes, seconds, begun)
                except NonFiniteError as error:
                    self._end(run, f"{error}, seed {run.configuration.seed}")

    def _train(self, alive):
        """An epoch; of each run that is alive its means, or the error that ended it."""
        orders, found = [], {}
        for run in self.runs:
            epoch = min(len(run.progress.history), run.configuration.epochs - 1)
            seed, images = run.configuration.seed, len(self.scenes.train.images)
            orders.append(data.epoch_order(images, self.batch, seed, epoch))
        order = np.stack(orders, axis=1)
        fault, measured, sums, *self.state = self.programs["train"](
            self.images, self.device.put(order), self.seeds, *self.state
        )
        means, measured = (
            np.asarray(sums) / np.float32(len(order)),
            np.asarray(measured),
        )
        for run in alive:
            n, names = run.number, self.manifest["parts"]
            found[run] = dict(zip(names, map(float, means[n]), strict=True))
            if step := int(np.asarray(fault)[n]):
                name = checkpoint.faulty(dict(zip(names, measured[n], strict=True)))
                step += len(run.progress.history) * len(order)
                found[run] = NonFiniteError(f"{name} is not finite at step {step}")
        return found

    def _end_epoch(self, run, means, scenes, step_seconds, begun):
        """Evaluates a run, saves it and prints its line."""
        if isinstance(means[run], NonFiniteError):
            raise means[run]
        progress, own = run.progress, {n: a[run.number] for n, a in scenes.items()}
        figures = summaries.figures(own, self.scenes.test)
        row = progress.add_epoch(means[run], figures, time.perf_counter() - begun)
        progress.step_seconds += step_seconds
        if progress.reports(run.configuration):
            steps, side = self.manifest["steps"], run.configuration.sampled_side
            samples = self._sample("samples", run, "boxes", "counts")
            shown = self._sample("figure", run, "images", "boxes", "counts")
            truth = self.scenes.test
            more = summaries.summary(own, truth, samples, steps, side)
            progress.reported = {"epoch": row["epoch"], "metrics": {**figures, **more}}
            progress.figures = summaries.figure_arrays(own, truth, shown)
        arrays = [np.asarray(array)[run.number] for array in self.state]
        checkpoint.save(
            run.kept / checkpoint.NAME,
            run.configuration,
            self.scenes,
            arrays,
            progress,
        )
        print(
            checkpoint.epoch_line(run.name, row, run.configuration.epochs), flush=True
        )
        self._end_if_done(run)

    def _infer(self):
        """Arrays over the test images by name, the runs being their first axis."""
        *arrays, reconstructions = self.programs["evaluate"](
            self.test, *self.state[: self.manifest["read"]]
        )
        found, images = {}, len(self.scenes.test.images)
        for name, array in zip(self.manifest["shown"], arrays, strict=True):
            array = np.swapaxes(np.asarray(array), 0, 1)
            flat = array.reshape(len(self.runs), -1, *array.shape[3:])
            found[name] = flat[:, :images]
        return found | {"reconstructions": np.asarray(reconstructions)}

    def _sample(self, program, run, *names):
        """Samples from a run's prior, as `AIR.generate` gives them."""
        arrays = self.programs[program](*self.state[: self.manifest["read"]])
        return {
            name: np.asarray(array)[run.number]
            for name, array in zip(names, arrays, strict=True)
        }

    def _end_if_done(self, run):
        if run.code is None and len(run.progress.history) >= run.configuration.epochs:
            self._end(run)

    def _end(self, run, failure=None):
        """Writes a run's record."""
        manifest, device = self.manifest, self.device
        surroundings = environment.describe(
            device.name or environment.processor(),
            environment.usable_cores(),
            self.packages,
        )
        surroundings |= {
            "runtime": "exported programs on JAX's PJRT client",
            "exported_with": manifest["versions"],
            "exported_from": manifest["git"],
            "precision": manifest["precision"],
            "runs_at_once": len(self.runs),
            "peak_device_memory_megabytes": device.peak_megabytes,
        }
        outcome.write(
            run.folder,
            run.configuration,
            run.progress,
            self.scenes,
            failure,
            parameters=manifest["parameters"],
            smoke=manifest["smoke"],
            environment=surroundings,
        )
        run.code = outcome.say_ended(run.name, run.folder, failure)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION, positional="DIR"))
