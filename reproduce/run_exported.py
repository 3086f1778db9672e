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
from reproduce.flags import integer, switch, text
from reproduce.records import environment, folders
from reproduce.run import checkpoint, memory
from reproduce.run import scenes as run_scenes
from reproduce.run.one import Run

USAGE = "python -m reproduce.run_exported DIR"
DESCRIPTION = (
    f"{USAGE} --epochs N trains the runs of the export in DIR, without TensorFlow. The "
    "same command resumes interrupted runs, and leaves out those that have their "
    "record."
)


def define(flags):
    """The command's flags."""
    flags.group("What to run")
    about = "passes over the training images, the export's if not given"
    flags.add("epochs", integer(1), None, about)
    flags.add("mnist", text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("How to run it")
    flags.add("retrain", switch(), False, "ignore the records and the checkpoints")
    flags.add("results", text(), None, folders.RESULTS_HELP)
    flags.add("checkpoints", text(), None, folders.CHECKPOINTS_HELP)


def body(values, words):
    """Runs the export in a folder; returns the exit code."""
    if len(words) != 1:
        raise UsageError(f"one folder of an export is needed: {USAGE}, see --help")
    memory.keep_buffers()
    try:
        from reproduce.export import runtime
    except ImportError as error:
        raise UsageError(
            f"JAX, which runs the programs, cannot be imported ({error}); pip install "
            "-r requirements-accelerator.txt"
        ) from None
    exported = Exported(words[0])
    smoke = exported.manifest["smoke"]
    changes = {} if values.epochs is None else {"epochs": values.epochs}
    runs = [
        Run.from_flags(dataclasses.replace(configuration, **changes), values, smoke)
        for configuration in exported.configurations
    ]
    with contextlib.ExitStack() as locks:
        for run in runs:
            locks.enter_context(run.lock())
        codes = [run.ended_before(values.retrain) for run in runs]
        if None in codes:
            git = environment.git()
            scenes = run_scenes.load(runs[0].configuration, values.mnist)
            training = _Training(exported, runs, codes, scenes, runtime)
            training.resume(values.retrain, git)
            training.run_all()
        return max(codes)


class _Training:
    """The runs of an export on a device, an epoch at a time.

    `codes` has the runs' exit codes, None while they train; it is filled in.
    """

    def __init__(self, exported, runs, codes, scenes, runtime):
        self.manifest, self.initial = exported.manifest, exported.initial
        self.runs, self.codes, self.scenes = runs, codes, scenes
        self.device, self.packages = runtime.Device(), runtime.PACKAGES
        self.device_name = self.device.name or environment.processor()
        print(f"compiling for {self.device_name}", flush=True)
        self.programs = {
            name: runtime.Program(exported, name, self.device)
            for name in exported.programs
        }
        put, batch = self.device.put, runs[0].configuration.batch_size
        test = scenes.test.images
        padded = np.pad(test, [(0, -len(test) % batch), (0, 0), (0, 0)])
        self.batch, self.images = batch, put(scenes.train.images)
        self.test = put(padded.reshape(-1, batch, *test.shape[1:]))
        self.seeds = put(np.int32([[run.configuration.seed, 0] for run in runs]))

    def resume(self, retrain, git):
        """Puts the runs' states on the device, from checkpoints or the export."""
        states, precision = [], self.manifest["precision"]
        process = git | {"device": self.device_name, "precision": precision}
        process["exported_from"] = self.manifest["git"]
        for number, run in enumerate(self.runs):
            state = [array[number] for array in self.initial]
            if self.codes[number] is None:
                shapes = [array.shape for array in state]
                state = run.resume(retrain, self.scenes, shapes) or state
            run.progress.note_process(process)
            states.append(state)
        stacked = map(np.stack, zip(*states, strict=True))
        self.state = list(map(self.device.put, stacked))

    def run_all(self):
        """Trains and evaluates the epochs that are left, and writes the records."""
        self._end_those_done()
        while alive := [n for n, code in enumerate(self.codes) if code is None]:
            begun = time.perf_counter()
            means, faults = self._train()
            seconds = time.perf_counter() - begun
            scenes = self._infer()
            for number in alive:
                run = self.runs[number]
                own = {name: array[number] for name, array in scenes.items()}
                run.progress.step_seconds += seconds
                try:
                    if faults[number]:
                        raise NonFiniteError(faults[number])
                    sample, read = self._sampler(number), self._reader(number)
                    run.end_epoch(means[number], own, sample, begun, read)
                    print(run.line(), flush=True)
                except NonFiniteError as error:
                    self._end(number, error)
            self._end_those_done()

    def _train(self):
        """An epoch: of each run its means, and what was not finite, if anything."""
        orders, images = [], len(self.scenes.train.images)
        for run in self.runs:
            epoch = min(len(run.progress.history), run.configuration.epochs - 1)
            seed = run.configuration.seed
            orders.append(data.epoch_order(images, self.batch, seed, epoch))
        order, names = np.stack(orders, axis=1), self.manifest["parts"]
        steps, measured, sums, *self.state = self.programs["train"](
            self.images, self.device.put(order), self.seeds, *self.state
        )
        means = np.asarray(sums) / np.float32(len(order))
        means, measured = (
            [dict(zip(names, map(float, row), strict=True)) for row in np.asarray(rows)]
            for rows in (means, measured)
        )
        steps, faults = np.asarray(steps), [None] * len(self.runs)
        for number in np.flatnonzero(steps):
            step = len(self.runs[number].progress.history) * len(order) + steps[number]
            name = checkpoint.faulty(measured[number])
            faults[number] = f"{name} is not finite at step {step}"
        return means, faults

    def _infer(self):
        """Arrays over the test images by name, the runs being their first axis."""
        *arrays, reconstructions = self._read("evaluate", self.test)
        found, images = {}, len(self.scenes.test.images)
        for name, array in zip(self.manifest["shown"], arrays, strict=True):
            array = np.swapaxes(np.asarray(array), 0, 1)
            flat = array.reshape(len(self.runs), -1, *array.shape[3:])
            found[name] = flat[:, :images]
        return found | {"reconstructions": np.asarray(reconstructions)}

    def _sampler(self, number):
        """Samples from a run's prior, as `Run.end_epoch` asks for them."""

        def sample(_, draw):  # how many, the programs know
            names = ["images"] * draw + ["boxes", "counts"]
            arrays = self._read("figure" if draw else "samples")
            own = [np.asarray(array)[number] for array in arrays]
            return dict(zip(names, own, strict=True))

        return sample

    def _reader(self, number):
        """A function that gives a run's variables as a list of arrays."""
        return lambda: [np.asarray(array)[number] for array in self.state]

    def _read(self, program, *arrays):
        """What a program gives that reads the weights and the iteration."""
        return self.programs[program](*arrays, *self.state[: self.manifest["read"]])

    def _end_those_done(self):
        for number, run in enumerate(self.runs):
            done = len(run.progress.history) >= run.configuration.epochs
            if self.codes[number] is None and done:
                self._end(number)

    def _end(self, number, failure=None):
        """Writes a run's record."""
        manifest, threads = self.manifest, environment.usable_cores()
        surroundings = environment.describe(self.device_name, threads, self.packages)
        surroundings |= {
            "runtime": "exported programs on JAX's PJRT client",
            "exported_with": manifest["versions"],
            "exported_from": manifest["git"],
            "precision": manifest["precision"],
            "runs_at_once": len(self.runs),
            "peak_device_memory_megabytes": self.device.peak_megabytes,
        }
        parameters = manifest["parameters"]
        self.codes[number] = self.runs[number].end(failure, parameters, surroundings)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION, positional=True))
