"""One of the runs that advance together: what is its own, and its checkpoint.

A checkpoint is the one of `reproduce.training`: a run can move from either to the
other.
"""

import math

import numpy as np

from reproduce import checkpoint, summaries

FIGURE = "figure_"  # prefix of the figure's arrays in a checkpoint


class Run:
    """The state of one run that the programs do not hold, and its files.

    Attributes:
      configuration: its `Configuration`.
      scenes: its `data.Scenes`.
      parts: names of what its training steps measure.
      history, reported, figures, seconds, step_seconds: as in `training.Training`.
      sums, steps_summed: of `parts` over the epoch in progress.
      failure: why it failed, or None.
      initial: its state to begin from, a list of arrays.
      resumed: whether that comes from a checkpoint.
    """

    def __init__(self, exported, number, configuration, scenes, folder, fresh=False):
        """Prepares a run; continues from a checkpoint where there is one.

        Args:
          exported: an `Exported` folder.
          number: of the run in it.
          configuration: its `Configuration`.
          scenes: its `data.Scenes`.
          folder: folder of its checkpoint.
          fresh: whether to begin anew in spite of checkpoints.

        Raises:
          CheckpointError: if the checkpoint is damaged or of other data.
        """
        self.configuration, self.scenes = configuration, scenes
        self.parts = exported.manifest["runs"][number]["parts"]
        self.trainable = exported.manifest["trainable"]
        self.file = folder / checkpoint.NAME
        self.history, self.reported, self.figures = [], None, None
        self.seconds = self.step_seconds = 0.0
        self.failure = None
        self.begin_epoch()
        self.initial = exported.initial(number)
        source = (
            None if fresh else checkpoint.starting_point(folder, configuration.epochs)
        )
        self.resumed = source is not None
        if self.resumed:
            self._resume(source)

    @property
    def taken(self):
        """Training steps taken when the run began or was resumed."""
        return int(self.initial[self.trainable])

    @property
    def finished(self):
        """Whether every epoch is trained and evaluated, or the run has failed."""
        done = len(self.history) >= self.configuration.epochs
        return done or self.failure is not None

    def begin_epoch(self):
        """Forgets the sums of the epoch before."""
        self.sums, self.steps_summed = np.zeros(len(self.parts), np.float32), 0

    def end_epoch(self, figures, seconds):
        """Adds the epoch's row to the history.

        Args:
          figures: `summaries.figures` of the test images.
          seconds: wall time of the epoch.

        Returns:
          The row; None if a figure is not finite, then the run has failed.
        """
        epoch = len(self.history) + 1
        if bad := [n for n, value in figures.items() if not math.isfinite(value)]:
            terms = [name for name in bad if name != "nelbo"]  # which is their sum
            self.failure = (
                f"{(terms or bad)[0]} of the test images is not finite after epoch "
                f"{epoch}, seed {self.configuration.seed}"
            )
            return None
        means = self.sums / np.float32(self.steps_summed)
        row = {
            "epoch": epoch,
            **{f"train_{n}": float(v) for n, v in zip(self.parts, means, strict=True)},
            **{f"test_{name}": value for name, value in figures.items()},
            "seconds": seconds,
        }
        self.history.append(row)
        self.begin_epoch()
        return row

    def reports_last(self):
        """Whether the last epoch is, so far, the one that the record reports."""
        row = self.history[-1]
        if self.configuration.reported_epoch == "last":
            return row["epoch"] == self.configuration.epochs
        return all(row["train_loss"] < r["train_loss"] for r in self.history[:-1])

    def report(self, figures, scenes, samples, shown, steps):
        """Makes the last epoch the one that the record reports.

        Args:
          figures: `summaries.figures` of the test images.
          scenes: arrays over the test images, as `AIR.call` gives them.
          samples: `summaries.PRIOR_SAMPLES` samples from the prior.
          shown: `summaries.SHOWN_SCENES` samples from the prior.
          steps: K.
        """
        truth = self.scenes.test
        more = summaries.summary(scenes, truth, samples, steps)
        self.reported = {
            "epoch": len(self.history),
            "metrics": {**figures, **more},
        }
        self.figures = summaries.figure_arrays(scenes, truth, shown)

    def fail_at(self, latest, taken):
        """Notes the value that was not finite in the step that was taken last."""
        values = dict(zip(self.parts, latest, strict=True))
        bad = [name for name, value in values.items() if not np.isfinite(value)]
        terms = [name for name in bad if name not in ("loss", "nelbo", "penalty")]
        self.failure = (
            f"{(terms or bad)[0]} is not finite at step {taken} (epoch "
            f"{len(self.history) + 1}), seed {self.configuration.seed}"
        )

    def save(self, state):
        """Writes the checkpoint.

        Args:
          state: the run's arrays, in the programs' order.

        Raises:
          OSError: naming the file; the checkpoint before is intact.
        """
        means = [
            v for total in self.sums for v in (total, np.float32(self.steps_summed))
        ]
        arrays = {f"{i:04d}": value for i, value in enumerate([*state, *means])}
        for name, array in (self.figures or {}).items():
            arrays[FIGURE + name] = array
        rest = {
            "configuration": self._identity(),
            "data_digest": self.scenes.digest,
            "history": self.history,
            "reported": self.reported,
            "seconds": self.seconds,
            "step_seconds": self.step_seconds,
        }
        checkpoint.save(self.file, arrays, rest)

    def _identity(self):
        """The options that a checkpoint must share: all but the number of epochs."""
        options = self.configuration.to_json()
        del options["epochs"]
        return options

    def _resume(self, file):
        arrays, state = checkpoint.load(file)
        if state["configuration"] != self._identity():
            raise checkpoint.CheckpointError(file, "it is of another configuration")
        if state["data_digest"] != self.scenes.digest:
            raise checkpoint.CheckpointError(file, "it was trained on other scenes")
        figures = {
            name.removeprefix(FIGURE): arrays.pop(name)
            for name in list(arrays)
            if name.startswith(FIGURE)
        }
        own = len(self.initial)
        shapes = [value.shape for value in self.initial] + [()] * (2 * len(self.parts))
        values = [arrays[name] for name in sorted(arrays)]
        if shapes != [value.shape for value in values]:
            raise checkpoint.CheckpointError(file, "it is of another model")
        self.initial, means = values[:own], values[own:]
        self.sums, self.steps_summed = np.array(means[::2]), int(means[1])
        self.figures = figures or None
        self.history, self.reported = state["history"], state["reported"]
        self.seconds, self.step_seconds = state["seconds"], state["step_seconds"]
