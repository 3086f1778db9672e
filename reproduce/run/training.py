"""Training by `model.fit`: the order of images, and what follows each epoch."""

import statistics
import sys
import time

import keras
import tensorflow as tf
import tqdm
import tqdm.keras

import air
import data
from reproduce.errors import NonFiniteError
from reproduce.run import checkpoint, memory
from reproduce.words import duration


def fit(model, run, callbacks):
    """Trains a run's remaining epochs; the model has the state after those done.

    On a terminal a progress bar shows the steps.

    Raises:
      NonFiniteError: naming what is not finite, and the step.
    """
    configuration, images = run.configuration, run.scenes.train.images
    done, epochs = len(run.progress.history), configuration.epochs
    batch_size = configuration.batch_size
    if done >= epochs:
        return
    if sys.stdout.isatty():
        bar = tqdm.keras.TqdmCallback(verbose=1, leave=False, dynamic_ncols=True)
        callbacks = [*callbacks, bar]
    try:
        model.fit(
            batches(images, batch_size, configuration.seed, done, epochs),
            steps_per_epoch=len(images) // batch_size,
            epochs=epochs,
            initial_epoch=done,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    except air.NonFiniteError as error:
        step = int(model.iteration.numpy())
        raise NonFiniteError(f"{error} at step {step}") from None


def batches(images, batch_size, seed, first, epochs):
    """The batches of the epochs `first` to `epochs` - 1, in the order of (seed, epoch).

    Returns:
      A `tf.data.Dataset` of uint8 [batch_size, S, S].
    """

    def in_order():
        for epoch in range(first, epochs):
            for rows in data.epoch_order(len(images), batch_size, seed, epoch):
                yield images[rows]

    shape = [batch_size, *images.shape[1:]]
    dataset = tf.data.Dataset.from_generator(
        in_order, output_signature=tf.TensorSpec(shape, images.dtype)
    )
    return dataset.prefetch(2)


class EpochEnd(keras.callbacks.Callback):
    """Evaluates the model after every epoch, saves the run's state and prints a line.

    The test figures are added to the epoch's logs as val_<name>, as for TensorBoard.
    """

    def __init__(self, run, evaluation):
        super().__init__()
        self.run, self.evaluation = run, evaluation

    def on_train_begin(self, logs=None):
        self._evaluated = time.perf_counter()
        self._done = len(self.run.progress.history)

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        run, begun = self.run, self._evaluated
        train, step_seconds = dict(logs), time.perf_counter() - self._first_step
        inferred = self.evaluation.predict(run.scenes.test.images)
        self._evaluated = time.perf_counter()
        run.progress.step_seconds += step_seconds
        figures = run.end_epoch(
            train, inferred, self.evaluation.sample, begun, self._variables
        )
        known = {name: value for name, value in figures.items() if value is not None}
        logs.update({f"val_{name}": value for name, value in known.items()})
        # A median, since the machine may have been busy with other work for a while.
        latest = [row["seconds"] for row in run.progress.history[self._done :]][-5:]
        left = statistics.median(latest) * (run.configuration.epochs - epoch - 1)
        tqdm.tqdm.write(run.line() + (f"  {duration(left)} left" if left else ""))
        sys.stdout.flush()
        memory.return_freed()

    def _variables(self):
        return [variable.numpy() for variable in checkpoint.variables(self.model)]
