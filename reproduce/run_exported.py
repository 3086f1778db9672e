"""Trains the runs of an export, without TensorFlow.

    python -m reproduce.run_exported DIR --epochs 300

Needs JAX, NumPy and SciPy (requirements-accelerator.txt). The runs have the seeds,
scenes and records of `python -m reproduce.run`, and share its checkpoints: each command
continues where the other was interrupted.
"""

import dataclasses
import sys
import time

import numpy as np

import data
from reproduce import command_line
from reproduce.errors import NonFiniteError, UsageError
from reproduce.export.folder import Exported
from reproduce.flags import integer
from reproduce.records import environment, folders
from reproduce.run import checkpoint, memory, one
from reproduce.run import scenes as run_scenes


def define(flags):
    """The command's flags."""
    flags.group("What to run")
    help_text = "passes over the training images (default: the export's)"
    flags.add("epochs", integer(1), None, help_text)
    flags.group("How to run it")
    one.define(flags)


def body(values, words):
    """Trains the runs of an export's folder; returns the exit code."""
    if len(words) != 1:
        raise UsageError("one folder of an export is needed; see --help")
    memory.keep_buffers()
    try:
        from reproduce.export import runtime
    except ImportError as error:
        raise UsageError(
            f"JAX, which runs the programs, cannot be imported ({error}); pip install "
            "-r requirements-accelerator.txt"
        ) from None
    exported = Exported(folders.given_path(words[0]))
    smoke = exported.manifest["smoke"]
    changes = {} if values.epochs is None else {"epochs": values.epochs}
    runs = [
        one.Run.from_flags(dataclasses.replace(configuration, **changes), values, smoke)
        for configuration in exported.configurations
    ]
    trainer, codes = None, []
    for run, initial in zip(runs, exported.initial, strict=True):
        with run.lock():
            code = run.ended_before(values.retrain)
            if code is None:
                if trainer is None:
                    scenes = run_scenes.load(run.configuration, values.mnist)
                    trainer = _Trainer(exported, scenes, runtime)
                code = trainer.train(run, initial, values.retrain)
            codes.append(code)
    return max(codes)


class _Trainer:
    """What the runs share: the compiled programs, and the images on the device."""

    def __init__(self, exported, scenes, runtime):
        self.manifest, self.scenes = exported.manifest, scenes
        self.device, self.packages = runtime.Device(), runtime.PACKAGES
        self.device_name = self.device.name or environment.processor()
        self.git = environment.git()
        print(f"compiling for {self.device_name}", flush=True)
        self.programs = {
            name: runtime.Program(exported, name, self.device)
            for name in exported.programs
        }
        batch, test = exported.configurations[0].batch_size, scenes.test.images
        padded = np.pad(test, [(0, -len(test) % batch), (0, 0), (0, 0)])
        batches = padded.reshape(-1, batch, *test.shape[1:])
        self.images = self.device.put(scenes.train.images)
        self.test = [self.device.put(images) for images in batches]

    def train(self, run, initial, retrain):
        """Trains a run's remaining epochs; returns its exit code."""
        shapes = [array.shape for array in initial]
        arrays = run.resume(retrain, self.scenes, shapes) or initial
        state, failure = [self.device.put(array) for array in arrays], None
        run.note_process(
            {
                **self.git,
                "device": self.device_name,
                "precision": self.manifest["precision"],
                "exported_from": self.manifest["git"],
            }
        )
        try:
            while len(run.progress.history) < run.configuration.epochs:
                state = self._epoch(run, state)
        except NonFiniteError as error:
            failure = error
        return run.end(failure, self.manifest["parameters"], self._surroundings())

    def _epoch(self, run, state):
        """Trains a run for one epoch and evaluates it; returns its new state."""
        begun = time.perf_counter()
        means, state = self._steps(run, state)
        run.progress.step_seconds += time.perf_counter() - begun

        def sample(_, draw):  # the number of samples is fixed in the programs
            return self._arrays("figure" if draw else "samples", state)

        def read():
            return list(map(np.asarray, state))

        run.end_epoch(means, self._infer(state), sample, begun, read)
        print(run.line(), flush=True)
        return state

    def _steps(self, run, state):
        """Trains a run for one epoch.

        Returns:
          means: of what the steps measured, a dict of floats.
          state: the run's new state.

        Raises:
          NonFiniteError: naming what is not finite, and the step.
        """
        configuration, epoch = run.configuration, len(run.progress.history)
        seed, batch = configuration.seed, configuration.batch_size
        order = data.epoch_order(len(self.scenes.train.images), batch, seed, epoch)
        arrays = map(self.device.put, (order, np.int32([seed, 0])))
        results = self.programs["train"](state, self.images, *arrays)
        measured, names = np.asarray(results.pop("measured")), self.manifest["parts"]
        for step, row in enumerate(measured.tolist(), epoch * len(order) + 1):
            if name := checkpoint.faulty(dict(zip(names, row, strict=True))):
                raise NonFiniteError(f"{name} is not finite at step {step}")
        means = measured.mean(axis=0, dtype=np.float64).tolist()
        return dict(zip(names, means, strict=True)), list(results.values())

    def _infer(self, state):
        """`AIR.call` over all test images, a dict of arrays."""
        batches = [self._arrays("infer", state, images) for images in self.test]
        number = len(self.scenes.test.images)  # without the padding
        return {
            name: np.concatenate([batch[name] for batch in batches])[:number]
            for name in batches[0]
        }

    def _arrays(self, program, state, *arrays):
        """A program's results as NumPy arrays, a dict."""
        results = self.programs[program](state, *arrays)
        return {name: np.asarray(array) for name, array in results.items()}

    def _surroundings(self):
        """Where and with what a run was trained, for its record."""
        threads = environment.usable_cores()
        return {
            **environment.describe(self.device_name, threads, self.packages),
            "runtime": "exported programs on JAX's PJRT client",
            "exported_with": self.manifest["versions"],
            "peak_device_memory_megabytes": self.device.peak_megabytes,
        }


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__, positional=True))
