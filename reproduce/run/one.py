"""Reads, updates and ends a run on disk.

Shared by the commands that train, with TensorFlow and without.
"""

import contextlib
import sys
import time

import filelock

from reproduce.errors import UsageError
from reproduce.flags import switch, text
from reproduce.records import folders, record, versions
from reproduce.run import checkpoint, summaries
from reproduce.run import scenes as run_scenes

NON_FINITE = 3  # exit code


def define(flags):
    """Adds the flags that say where a run's files are, and whether they count."""
    flags.add("mnist", text(), None, "MNIST in Keras's format, mnist.npz")
    flags.add("results", text(), None, folders.RESULTS_HELP)
    flags.add("checkpoints", text(), None, folders.CHECKPOINTS_HELP)
    flags.add("retrain", switch(), False, "ignore records and checkpoints")


class Run:
    """One run's files and progress, identified by its configuration.

    Attributes:
      folder: of its record.
      file: of its checkpoint.
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
        kept = folders.checkpoints_folder(values.checkpoints, results)
        folder, own = record.run_folder(results, configuration), configuration.name
        folders.require_writable(folder, "--results")
        folders.require_writable(kept / own, "--checkpoints")
        return cls(configuration, folder, kept / own / checkpoint.NAME, smoke)

    def say(self, text, stream=None):
        """Prints a line that begins with the run's name."""
        print(f"{self.configuration.title}: {text}", file=stream, flush=True)

    @contextlib.contextmanager
    def lock(self):
        """Holds the run's lock, which the system frees if this process dies."""
        kept = self.file.parent
        kept.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(kept / "lock")
        try:
            try:
                held.acquire(timeout=0)
            except filelock.Timeout:
                self.say("another process is training this run; waiting")
                held.acquire()
        except (OSError, NotImplementedError) as error:
            fault = f"--checkpoints: {kept} cannot be locked ({error})"
            allowed = "allowed: a folder of a file system with file locks"
            raise UsageError(f"{fault}; {allowed}") from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # all is saved; the lock ends with us
                held.release()

    def ended_before(self, retrain):
        """Its exit code if it has its record; None if it is to be trained. Says which.

        A record made by older code is ignored: the run is trained again.
        """
        if (self.folder / "record.json").exists() and not retrain:
            found = record.read(self.folder)
            if not versions.stale(found) and found["status"] == record.FAILED:
                told = f"failed before: {found['failure']}; --retrain tries again"
                self.say(told, sys.stderr)
                return NON_FINITE
            if not versions.stale(found):
                self.say("already has a record; --retrain trains it again")
                return 0
            self.say("its record was made by older code; training it again")
        self.say(f"preparing {self.configuration.variant}")
        return None

    def resume(self, retrain, scenes, shapes):
        """The variables that it continues from, a list; None if it starts. Says which.

        With `retrain` the old state is deleted: to be called once the input is
        validated.
        """
        self.scenes = scenes
        if retrain:
            self.file.unlink(missing_ok=True)
            (self.folder / "record.json").unlink(missing_ok=True)
            self.say("starting")
            return None
        found, arrays, self.progress = checkpoint.resume(
            self.file, self.configuration, scenes.digest, shapes
        )
        older = self.file.with_name(checkpoint.OLDER)
        if found is not None:
            place = (
                "" if found == self.file else f", from {folders.shown(found.parent)}"
            )
            epochs = len(self.progress.history)
            self.say(f"continuing after epoch {epochs}{place}")
        else:
            state = f"; older code's state is kept as {folders.shown(older)}"
            self.say(f"starting{state if older.exists() else ''}")
        return arrays

    def note_process(self, process):
        """Records what trains the epochs that are left, if any are: a dict."""
        if len(self.progress.history) < self.configuration.epochs:
            self.progress.note_process(process)

    def end_epoch(self, train, inferred, sample, begun, read):
        """Records a finished epoch and saves the state.

        Args:
          train: means of what the training steps measured, a dict of floats.
          inferred: arrays over all test images, as `AIR.call` gives them.
          sample: function of a number and of whether images are drawn: `AIR.sample`.
          begun: when the epoch began, of `time.perf_counter`.
          read: function that gives the variables as a list of arrays.

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
        text = f"epoch {row['epoch']}/{epochs}  loss {row['train_loss']:.1f}"
        named = (("nELBO", "nelbo", 1), ("ACC", "acc", 3), ("SE", "se", 2))
        for title, metric, digits in (*named, ("mIoU", "miou", 3)):
            if row[f"test_{metric}"] is not None:
                text += f"  {title} {row[f'test_{metric}']:.{digits}f}"
        return f"{self.configuration.title}  {text}  {row['seconds']:.0f} s"

    def end(self, failure, parameters, environment, bound=None):
        """Writes the run's files, the record last; returns its exit code.

        `bound` is `Evaluation.bound` of the test images after the last epoch, or None.
        """
        progress, scenes = self.progress, self.scenes
        failure = failure and f"{failure}, seed {self.configuration.seed}"
        batch, epochs = self.configuration.batch_size, len(progress.history)
        images = len(scenes.train.images) // batch * batch * epochs
        reported = {"epoch": None, "metrics": None} if failure else progress.reported
        last = progress.trained_by[-1]
        found = {
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
        }
        if len(progress.trained_by) > 1:
            found["trained_by"] = progress.trained_by
        if bound is not None:
            found["importance_weighted_nelbo"] = bound
        figures = None if failure else progress.figures
        record.write(self.folder, found, progress.history, figures)
        if failure:
            self.say(f"failed: {failure}", sys.stderr)
            return NON_FINITE
        self.say(f"done: {folders.shown(self.folder)}")
        return 0
