"""A run's state on disk: how it is read, updated and finished.

Shared by the commands that train, with TensorFlow and without.
"""

import contextlib
import sys
import time

import filelock

from reproduce.errors import UsageError
from reproduce.experiments import published
from reproduce.flags import switch, text
from reproduce.records import folders, record, versions
from reproduce.run import checkpoint, summaries
from reproduce.run import scenes as run_scenes

NON_FINITE = 3  # exit code


def define(flags):
    """Adds the flags that say where a run's files are, and whether they are used."""
    flags.add("mnist", text(), None, "MNIST in Keras's format, mnist.npz")
    flags.add("results", text(), None, folders.RESULTS_HELP)
    flags.add("checkpoints", text(), None, folders.CHECKPOINTS_HELP)
    flags.add("retrain", switch(), False, "ignore records and checkpoints")


class Run:
    """One run's files and progress, identified by its configuration.

    Attributes:
      folder: folder of its record.
      file: path of its checkpoint.
      progress: its `checkpoint.Progress`.
      scenes: the `data.Scenes` it trains on.
    """

    def __init__(self, configuration, folder, file, smoke=False):
        self.configuration, self.smoke = configuration, smoke
        self.folder, self.file = folder, file
        self.progress, self.scenes = checkpoint.Progress(), None

    @classmethod
    def from_flags(cls, configuration, values, smoke):
        """The run whose folders follow from the flags --results and --checkpoints."""
        results = folders.results_folder(values.results, smoke)
        checkpoints = folders.checkpoints_folder(values.checkpoints, results)
        checkpoints /= configuration.name
        folder = record.run_folder(results, configuration)
        folders.require_writable(folder, "--results")
        folders.require_writable(checkpoints, "--checkpoints")
        return cls(configuration, folder, checkpoints / checkpoint.NAME, smoke)

    def say(self, message, stream=None):
        """Prints a line that begins with the run's name."""
        print(f"{self.configuration.title}: {message}", file=stream, flush=True)

    @contextlib.contextmanager
    def lock(self):
        """Holds the run's lock, which the system frees if this process dies."""
        folder = self.file.parent
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock")
        try:
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                self.say("another process is training this run; waiting")
                lock.acquire()
        except (OSError, NotImplementedError) as error:
            message = f"--checkpoints: {folder} cannot be locked ({error})"
            allowed = "allowed: a folder of a file system with file locks"
            raise UsageError(f"{message}; {allowed}") from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # all is saved; the lock ends with us
                lock.release()

    def ended_before(self, retrain):
        """The exit code if the run has a record, None if it is to be trained.

        A record made by older code is ignored: the run is trained again. Prints which
        is the case.
        """
        if (self.folder / "record.json").exists() and not retrain:
            recorded = record.read(self.folder)
            if versions.stale(recorded):
                self.say("its record was made by older code; training it again")
            elif recorded["status"] == record.FAILED:
                message = f"failed before: {recorded['failure']}; --retrain tries again"
                self.say(message, sys.stderr)
                return NON_FINITE
            else:
                self.say("already has a record; --retrain trains it again")
                return 0
        self.say(f"preparing {self.configuration.variant}")
        return None

    def resume(self, retrain, scenes, shapes):
        """The variables that the run continues with, a list; None if it starts.

        Prints which is the case. With `retrain` the old state is deleted, so this is
        called only once the input is validated.
        """
        self.scenes = scenes
        if retrain:
            self.file.unlink(missing_ok=True)
            (self.folder / "record.json").unlink(missing_ok=True)
            self.say("starting")
            return None
        file, arrays, self.progress = checkpoint.resume(
            self.file, self.configuration, scenes.digest, shapes
        )
        older = self.file.with_name(checkpoint.OLDER)
        if file is not None:
            origin = "" if file == self.file else f", from {folders.shown(file.parent)}"
            epochs = len(self.progress.history)
            self.say(f"continuing after epoch {epochs}{origin}")
        else:
            kept = f"; older code's state is kept as {folders.shown(older)}"
            self.say(f"starting{kept if older.exists() else ''}")
        return arrays

    def note_process(self, process):
        """Records the process, a dict, that trains the remaining epochs, if any."""
        if len(self.progress.history) < self.configuration.epochs:
            self.progress.note_process(process)

    def end_epoch(self, train, inferred, sample, begun, read):
        """Records a finished epoch and saves the state.

        Args:
          train: means of what the training steps measured, a dict of floats.
          inferred: arrays over all test images, as `AIR.call` gives them.
          sample: `AIR.sample` as a function of a number and of whether to draw images.
          begun: when the epoch began, by `time.perf_counter`.
          read: function that returns the variables as a list of arrays.

        Returns:
          `summaries.figures` of the test images.
        """
        progress, truth = self.progress, self.scenes.test
        figures = summaries.figures(inferred, truth)
        progress.add_epoch(train, figures, time.perf_counter() - begun)
        if progress.reports(self.configuration):
            boxes = sample(summaries.PRIOR_SAMPLES, False)
            shown = sample(summaries.SHOWN_SCENES, True)
            metrics = figures | summaries.summary(inferred, truth, boxes)
            progress.reported = {"epoch": len(progress.history), "metrics": metrics}
            progress.figures = summaries.figure_arrays(inferred, truth, shown)
        checkpoint.save(self.file, self.configuration, self.scenes, read(), progress)
        return figures

    def line(self):
        """The last epoch as a line of text."""
        row, epochs = self.progress.history[-1], self.configuration.epochs
        line = f"epoch {row['epoch']}/{epochs}  loss {row['train_loss']:.1f}"
        for metric, decimals in (("nelbo", 1), ("acc", 3), ("se", 2), ("miou", 3)):
            if row[f"test_{metric}"] is not None:
                value = f"{row[f'test_{metric}']:.{decimals}f}"
                line += f"  {published.TITLES[metric]} {value}"
        return f"{self.configuration.title}  {line}  {row['seconds']:.0f} s"

    def end(self, failure, parameters, environment, bound=None):
        """Writes the run's files, the record last; returns the exit code.

        `bound` is `Evaluation.bound` of the test images after the last epoch, or None.
        """
        progress, scenes = self.progress, self.scenes
        failure = failure and f"{failure}, seed {self.configuration.seed}"
        batch, epochs = self.configuration.batch_size, len(progress.history)
        images = len(scenes.train.images) // batch * batch * epochs
        reported = {"epoch": None, "metrics": None} if failure else progress.reported
        last = progress.trained_by[-1]
        fields = {
            **record.describe(self.configuration),
            "status": record.FAILED if failure else record.COMPLETE,
            "failure": failure,
            "reported_epoch": reported["epoch"],
            "smoke": self.smoke,
            "data_digest": scenes.digest,
            "data_statistics": {
                "train": run_scenes.statistics(scenes.train),
                "test": run_scenes.statistics(scenes.test),
            },
            "metrics": reported["metrics"],
            "parameters": parameters,
            "wall_seconds": sum(row["seconds"] for row in progress.history),
            "images_per_second": images / progress.step_seconds if images else None,
            "environment": environment,
            "git": {name: last.get(name) for name in ("commit", "dirty")},
            "trained_by": progress.trained_by,
        }
        if bound is not None:
            fields["importance_weighted_nelbo"] = bound
        figures = None if failure else progress.figures
        record.write(self.folder, fields, progress.history, figures)
        if failure:
            self.say(f"failed: {failure}", sys.stderr)
            return NON_FINITE
        self.say(f"done: {folders.shown(self.folder)}")
        return 0
