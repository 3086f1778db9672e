"""Trains one run: the loop over epochs and steps, evaluation, checkpoints.

A run's whole state is the model's variables (the iteration among them), the
optimiser's, the running means of the epoch in progress, and the history so far.
Noise and data order follow from (seed, iteration) and (seed, epoch), so a run
that continues from a checkpoint equals one that was never interrupted.
"""

import time

import numpy as np
import tensorflow as tf

from data.order import epoch_order
from reproduce import checkpoint, evaluation, interrupts, memory, run_state
from reproduce.progress import Progress


class Training:
    """One run in progress.

    Attributes:
      history: one dict an epoch, as history.csv has them.
      reported: {"epoch", "metrics"} of the epoch that the record reports, or None.
      figures: `evaluation.figure_arrays` of that epoch (of a run that has ended).
      seconds: wall time so far, over all processes, in seconds.
      step_seconds: the part of it that went into training steps.
      trained_by: the processes that trained it, a list of dicts, one for each that
        differs from the one before: see `run_state.note_process`.
      train_step: the compiled step, a function of a batch of images.
      evaluate: the evaluation of the test images, an `evaluation.Evaluator`.
    """

    def __init__(self, configuration, model, scenes, folder, fresh=False):
        """Prepares a run; continues from a checkpoint where there is one.

        Args:
          configuration: a `Configuration`.
          model: its model, from `build.build_model`.
          scenes: its `data.Scenes`.
          folder: folder of its checkpoint.
          fresh: whether to begin anew in spite of checkpoints.

        Raises:
          CheckpointError: if the checkpoint is damaged or of other data.
        """
        self.configuration, self.model = configuration, model
        self.images = scenes.train.images
        self.test, self.data_digest = scenes.test, scenes.digest
        self.file = folder / checkpoint.NAME
        self.steps = len(self.images) // configuration.batch_size
        self.evaluate = evaluation.Evaluator(
            model, scenes.test, configuration.batch_size
        )
        self.train_step = tf.function(
            model.train_step, jit_compile=model.jit_compile, autograph=False
        )
        self._compiled = False
        self.history, self.reported, self.figures = [], None, None
        self.seconds, self.step_seconds, self.trained_by = 0.0, 0.0, []
        self._clock = time.perf_counter()
        self.resumed_from = None if fresh else self._resume(folder)

    @property
    def taken(self):
        """Training steps taken, over the whole run."""
        return int(self.model.iteration.numpy())

    @property
    def finished(self):
        """Whether every epoch is trained and evaluated."""
        return len(self.history) >= self.configuration.epochs

    def run(self, name):
        """Trains and evaluates the epochs that are left.

        Args:
          name: of the run, for the lines it prints.

        Raises:
          NonFiniteError: naming the step, the term and the seed; the checkpoint of
            the last whole epoch remains.
        """
        progress = self._progress(name)
        while not self.finished:
            self._train_epoch(progress)
            self._end_epoch(progress)

    def run_epoch(self, name):
        """Trains and evaluates what is left of one epoch, as `run` does."""
        progress = self._progress(name)
        self._train_epoch(progress)
        self._end_epoch(progress)

    def save(self):
        """Writes the checkpoint: possible at any moment between two steps.

        After a step with a value that is not finite, which `run` may not have had
        the time to see, it writes nothing: the last good checkpoint remains.

        Returns:
          Whether it was written.

        Raises:
          OSError: naming the file; the checkpoint before is intact.
        """
        self._count_time()
        if not all(np.isfinite(metric.result()) for metric in self.model.metrics):
            return False
        arrays = [variable.numpy() for variable in run_state.variables(self.model)]
        run_state.save(self, self.file, self.data_digest, arrays)
        return True

    def _progress(self, name):
        epochs = self.configuration.epochs
        return Progress(name, epochs, self.steps, done=self.taken)

    def _train_epoch(self, progress):
        epoch = len(self.history)
        first = self.taken - epoch * self.steps
        if first == 0:
            self.model.reset_metrics()
        batch_size = self.configuration.batch_size
        seed = self.configuration.seed
        order = epoch_order(len(self.images), batch_size, seed, epoch)
        for rows in order[first:]:
            interrupts.raise_if_interrupted()
            begun = time.perf_counter()
            means = self.train_step(tf.constant(self.images[rows]))
            if not np.isfinite(means["loss"].numpy() + means["gradient_norm"].numpy()):
                values = {name: value.numpy() for name, value in means.items()}
                raise run_state.non_finite_step(self, values, self.taken)
            self.step_seconds += time.perf_counter() - begun
            if not self._compiled:
                self._compiled = True
                memory.return_freed()
            progress.step(self.taken)

    def _end_epoch(self, progress):
        train = {name: float(t.result()) for name, t in self.model.trackers.items()}
        figures, scenes = self.evaluate()
        self._count_time()
        row = run_state.history_row(self, train, figures)
        if run_state.is_reported(self, row):
            side = self.configuration.sampled_side
            summary = evaluation.summary(self.model, self.test, scenes, side)
            self.reported = {"epoch": row["epoch"], "metrics": {**figures, **summary}}
            self.figures = evaluation.figure_arrays(self.model, self.test, scenes)
        self.history.append(row)
        self.save()
        progress.epoch(row, self.taken)
        memory.return_freed()  # of the programs compiled since

    def _resume(self, folder):
        """Loads the starting point; returns its path, or None for a fresh run."""
        file = checkpoint.starting_point(folder, self.configuration.epochs)
        if file is None:
            return None
        variables = run_state.variables(self.model)
        shapes = [tuple(variable.shape) for variable in variables]
        arrays = run_state.load(self, file, self.data_digest, shapes)
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return file

    def _count_time(self):
        now = time.perf_counter()
        self.seconds, self._clock = self.seconds + now - self._clock, now
