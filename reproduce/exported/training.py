"""Trains the runs of an export together: epochs, evaluation, checkpoints."""

import concurrent.futures
import multiprocessing
import os
import signal
import time

import numpy as np

import data
from reproduce import interrupts, run_state, summaries
from reproduce.errors import UsageError
from reproduce.exported.runtime import Program
from reproduce.progress import Progress

CALL_SECONDS = 2.0  # of one call of the training program, about
SAVE_SECONDS = 120.0  # between two checkpoints, at least


class Training:
    """Several runs in progress.

    An interrupt can come at any moment. `whole` is False while the state on the
    device, the sums of the epoch and the histories do not belong together.
    """

    def __init__(self, exported, runs, device, save_seconds=SAVE_SECONDS):
        """Compiles the programs and puts the data on the device.

        Args:
          exported: an `Exported` folder.
          runs: its `Run`s, in its order.
          device: a `runtime.Device`.
          save_seconds: time between two checkpoints, at least.

        Raises:
          UsageError: if the runs stand at different steps of their epochs.
        """
        self.runs, self.device, self.save_seconds = runs, device, save_seconds
        self.manifest = exported.manifest
        self.programs = {
            name: Program(exported, name, device) for name in self.manifest["programs"]
        }
        scenes = list({run.scenes.digest: run.scenes for run in runs}.values())
        digests = [s.digest for s in scenes]
        places = [digests.index(run.scenes.digest) for run in runs]
        self.train = np.concatenate([s.train.images for s in scenes])
        test = np.concatenate([s.test.images for s in scenes])
        self.train_images = len(scenes[0].train.images)
        self.test_images = len(scenes[0].test.images)
        self.train_offsets = np.array(places) * self.train_images
        self.batch = self.manifest["batch"]
        self.steps = self.train_images // self.batch
        firsts = {self._step_within(run) for run in runs if not run.finished}
        if len(firsts) > 1:
            raise UsageError(
                "--checkpoints: the runs' checkpoints stand at different steps of an "
                f"epoch, {sorted(firsts)}; python -m reproduce.run finishes one alone"
            )
        self.step = firsts.pop() if firsts else 0
        self.taken = {id(run): run.taken for run in runs}
        put = device.put
        self.images, self.test = put(self.train), put(test)
        offsets = np.array(places) * self.test_images
        self.rows = put(self._test_rows(offsets))
        self.test_seeds = put(np.int32(self.manifest["evaluation_seeds"]))
        self.seeds = put(np.int32([[run.configuration.seed, 0] for run in runs]))
        self.state = [
            put(np.stack(v)) for v in zip(*(r.initial for r in runs), strict=True)
        ]
        self.active, self.whole = self._alive(), True
        self._call_steps, self._clock = 1, time.perf_counter()
        self._saved = self._clock

    def train_all(self):
        """Trains and evaluates the epochs that are left, of all runs."""
        epochs = max(run.configuration.epochs for run in self.runs)
        name = f"{len(self.active)} runs"
        progress = Progress(name, epochs, self.steps, done=self._least_taken())
        workers = min(len(self.runs), os.cpu_count())
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(
            workers, context, _ignore_the_terminal
        ) as pool:
            while self._alive():
                self._train_epoch(progress)
                self._end_epoch(progress, pool)

    def save(self):
        """Writes the checkpoint of every run that is in progress or has just ended.

        Returns:
          Whether they were written: not in the middle of a change.

        Raises:
          OSError: naming the file; the checkpoint before is intact.
        """
        if not self.whole:
            return False
        self._count_time()
        state = [np.asarray(array) for array in self.state]
        for number, run in enumerate(self.runs):
            if run in self.active and run.failure is None:
                run.save([array[number] for array in state])
        self._saved = time.perf_counter()
        return True

    def _train_epoch(self, progress):
        """Trains what is left of the epoch."""
        self.active = self._alive()
        order = np.stack([self._order(run) for run in self.runs], axis=1)
        order = self.device.put(order.astype(np.int32))
        while self.step < self.steps and self._alive():
            interrupts.raise_if_interrupted()
            begun = time.perf_counter()
            taken = self._advance(order)
            seconds = time.perf_counter() - begun
            for run in self._alive():
                run.step_seconds += seconds
            progress.step(self._least_taken())
            self._call_steps = max(1, round(CALL_SECONDS * taken / seconds))

    def _advance(self, order):
        """Calls the training program once; returns the number of steps taken."""
        alive = np.array([not run.finished for run in self.runs])
        last = min(self.steps, self.step + self._call_steps)
        results = self.programs["train"](
            *(self.images, order, self.seeds, self.device.put(alive)),
            *(self.device.put(np.int32(step)) for step in (self.step, last)),
            *self.state,
        )
        reached, latest, sums = (np.asarray(result) for result in results[:3])
        names, taken = self.manifest["parts"], int(reached) - self.step
        self.whole = False
        self.state, self.step = results[3:], int(reached)
        for number, run in enumerate(self.runs):
            own = [names.index(name) for name in run.parts]
            self.taken[id(run)] += taken
            run.sums, run.steps_summed = (
                run.sums + sums[number, own],
                run.steps_summed + taken,
            )
            bad = not np.isfinite(latest[number, 0] + latest[number, -1])
            if alive[number] and bad:
                run.fail_at(latest[number, own], self.taken[id(run)])
        self.whole = True
        return taken

    def _end_epoch(self, progress, pool):
        """Evaluates the runs, adds to their histories, saves and prints."""
        alive = {n: run for n, run in enumerate(self.runs) if not run.finished}
        scenes = self._infer()
        truth = [run.scenes.test._replace(images=None) for run in self.runs]
        waiting = {
            number: pool.submit(summaries.figures, scenes[number][0], truth[number])
            for number in alive
        }
        found = {number: future.result() for number, future in waiting.items()}
        self._count_time()
        self.whole = False
        rows = {number: run.row(found[number]) for number, run in alive.items()}
        rows = {number: row for number, row in rows.items() if row}
        reporting = [
            number
            for number, row in rows.items()
            if run_state.is_reported(self.runs[number], row)
        ]
        if reporting:
            samples, shown = self._sample("samples"), self._sample("figure")
        for number in reporting:
            arrays, reconstructions = scenes[number]
            self.runs[number].report(
                rows[number],
                found[number],
                {**arrays, "reconstructions": reconstructions},
                samples[number],
                shown[number],
                self.manifest["steps"],
            )
        for number, row in rows.items():
            self.runs[number].end_epoch(row)
        self.step, self.whole = 0, True
        late = time.perf_counter() - self._saved > self.save_seconds
        if late or any(run.finished for run in self.active):
            self.save()
        self._print(progress, rows)

    def _infer(self):
        """Of each run, arrays over the test images, and the first reconstructions."""
        weights = self.state[: self.manifest["trainable"] + 1]
        *arrays, reconstructions = (
            np.asarray(a)
            for a in self.programs["evaluate"](
                self.test, self.rows, self.test_seeds, *weights
            )
        )
        found = []
        for number in range(len(self.runs)):
            scenes = {}
            for name, array in zip(self.manifest["shown"], arrays, strict=True):
                own = array[:, number].reshape(-1, *array.shape[3:])
                scenes[name] = own[: self.test_images]
            found.append((scenes, reconstructions[number]))
        return found

    def _sample(self, program):
        """Of each run, samples from its prior, as `AIR.generate` gives them."""
        weights = self.state[: self.manifest["trainable"] + 1]
        names = self.programs[program].results
        arrays = [np.asarray(array) for array in self.programs[program](*weights)]
        return [
            {name: array[n] for name, array in zip(names, arrays, strict=True)}
            for n in range(len(self.runs))
        ]

    def _print(self, progress, rows):
        """One line an experiment, means over its runs."""
        experiments = {}
        for number, row in rows.items():
            name = self.runs[number].configuration.experiment
            experiments.setdefault(name, []).append(row)
        for name, own in experiments.items():
            name = name if len(own) == 1 else f"{name}, {len(own)} runs"
            mean = {key: float(np.mean([row[key] for row in own])) for key in own[0]}
            row = {**mean, "epoch": own[0]["epoch"]}
            progress.epoch(row, self._least_taken(), name)

    def _order(self, run):
        """Rows of all training images that make up the run's next epoch."""
        number = self.runs.index(run)
        epoch = min(len(run.history), run.configuration.epochs - 1)
        order = data.epoch_order(
            self.train_images, self.batch, run.configuration.seed, epoch
        )
        return order + self.train_offsets[number]

    def _test_rows(self, offsets):
        """Rows of all test images. Shape [batches, runs, batch]."""
        batches = -(-self.test_images // self.batch)
        rows = np.zeros(batches * self.batch, np.int32)
        rows[: self.test_images] = np.arange(self.test_images)
        rows = rows.reshape(batches, 1, self.batch) + offsets[:, None]
        return rows.astype(np.int32)

    def _alive(self):
        return [run for run in self.runs if not run.finished]

    def _least_taken(self):
        """Steps taken by the run with which the training ends."""
        runs = self._alive() or self.active
        return min((self.taken[id(run)] for run in runs), default=0)

    def _step_within(self, run):
        return run.taken - len(run.history) * self.steps

    def _count_time(self):
        now = time.perf_counter()
        for run in self._alive():
            run.seconds += now - self._clock
        self._clock = now


def _ignore_the_terminal():
    """Leaves Ctrl-C and the end of the terminal to the process that trains."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
