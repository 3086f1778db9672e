"""One of the runs that advance together: what is its own, and its checkpoint.

A checkpoint is the one of `reproduce.training`: a run can move from either to the
other.
"""

import numpy as np

from reproduce import checkpoint, run_state, summaries
from reproduce.errors import NonFiniteError


class Run:
    """The state of one run that the programs do not hold, and its files.

    Attributes:
      configuration: its `Configuration`.
      scenes: its `data.Scenes`.
      parts: names of what its training steps measure.
      history, reported, figures, seconds, step_seconds, trained_by: as in
        `training.Training`.
      sums, steps_summed: of `parts` over the epoch in progress.
      failure: why it failed, or None.
      left_out: whether it is not to be trained here; False at first.
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
        self.seconds, self.step_seconds, self.trained_by = 0.0, 0.0, []
        self.failure, self.left_out = None, False
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
        """Whether nothing is left to train: it is done, has failed or is left out."""
        done = len(self.history) >= self.configuration.epochs
        return done or self.left_out or self.failure is not None

    def begin_epoch(self):
        """Forgets the sums of the epoch before."""
        self.sums, self.steps_summed = np.zeros(len(self.parts), np.float32), 0

    def row(self, figures):
        """The history's row of the epoch that ends.

        Args:
          figures: `summaries.figures` of the test images.

        Returns:
          The row; None if a figure is not finite, then the run has failed.
        """
        means = self.sums / np.float32(self.steps_summed)
        train = {n: float(v) for n, v in zip(self.parts, means, strict=True)}
        try:
            return run_state.history_row(self, train, figures)
        except NonFiniteError as error:
            self.failure = str(error)
            return None

    def end_epoch(self, row):
        """Adds the epoch's row to the history."""
        self.history.append(row)
        self.begin_epoch()

    def report(self, row, figures, scenes, samples, shown, steps):
        """Makes the epoch of a row the one that the record reports.

        Args:
          row: the row.
          figures: `summaries.figures` of the test images.
          scenes: arrays over the test images, as `AIR.call` gives them.
          samples: `summaries.PRIOR_SAMPLES` samples from the prior.
          shown: `summaries.SHOWN_SCENES` samples from the prior.
          steps: K.
        """
        truth = self.scenes.test
        side = self.configuration.sampled_side
        more = summaries.summary(scenes, truth, samples, steps, side)
        self.reported = {
            "epoch": row["epoch"],
            "metrics": {**figures, **more},
        }
        self.figures = summaries.figure_arrays(scenes, truth, shown)

    def fail_at(self, latest, taken):
        """Notes the value that was not finite in the step that was taken last."""
        values = dict(zip(self.parts, latest, strict=True))
        self.failure = str(run_state.non_finite_step(self, values, taken))

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
        run_state.save(self, self.file, self.scenes.digest, [*state, *means])

    def _resume(self, file):
        own, number = len(self.initial), len(self.parts)
        shapes = [value.shape for value in self.initial] + [()] * (2 * number)
        values = run_state.load(self, file, self.scenes.digest, shapes)
        self.initial, means = values[:own], values[own:]
        self.sums, self.steps_summed = np.array(means[::2]), int(means[1])
