"""Training by `model.fit`: the order of the images, and the callbacks of a run."""

import ctypes
import sys
import time

import keras
import tensorflow as tf
import tqdm

import air
import data
from reproduce.errors import NonFiniteError
from reproduce.run import checkpoint
from reproduce.words import duration


def fit(model, images, configuration, progress, callbacks):
    """Trains the epochs that are left, from the state that `progress` tells of.

    Args:
      model: the compiled `air.AIR`.
      images: training images, uint8. Shape [images, S, S].
      configuration: the run's `Configuration`.
      progress: its `checkpoint.Progress`.
      callbacks: Keras callbacks.
    """
    done, epochs = len(progress.history), configuration.epochs
    if done >= epochs:
        return
    batch_size = configuration.batch_size
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


class History(keras.callbacks.Callback):
    """Evaluates after every epoch, and adds a row to the run's history.

    The test figures join the epoch's logs as val_<name>, for TensorBoard and others.
    """

    def __init__(self, configuration, progress, evaluation):
        super().__init__()
        self.configuration, self.progress = configuration, progress
        self.evaluation = evaluation

    def on_train_begin(self, logs=None):
        self._begun = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        progress, now = self.progress, time.perf_counter()
        train = dict(logs)
        figures, scenes = self.evaluation.figures()
        progress.step_seconds += now - self._first_step
        now = time.perf_counter()
        progress.add_epoch(train, figures, now - self._begun)
        self._begun = now
        if progress.reports(self.configuration):
            side = self.configuration.sampled_side
            more = self.evaluation.summary(scenes, side)
            progress.reported = {"epoch": epoch + 1, "metrics": {**figures, **more}}
            progress.figures = self.evaluation.figure_arrays(scenes)
        known = {name: value for name, value in figures.items() if value is not None}
        logs.update({f"val_{name}": value for name, value in known.items()})


class Checkpoint(keras.callbacks.Callback):
    """Saves the run's state after every epoch; comes after `History`."""

    def __init__(self, file, configuration, scenes, progress):
        super().__init__()
        self._save = lambda arrays: checkpoint.save(
            file, configuration, scenes, arrays, progress
        )

    def on_epoch_end(self, epoch, logs=None):
        self._save([v.numpy() for v in checkpoint.variables(self.model)])
        return_freed_memory()


class Lines(keras.callbacks.Callback):
    """What a run prints: a line an epoch, on a terminal one line that moves."""

    def __init__(self, name, progress, epochs, stream=None):
        super().__init__()
        self.name, self.progress, self.epochs = name, progress, epochs
        self.stream = sys.stdout if stream is None else stream

    def on_train_begin(self, logs=None):
        steps, done = self.params["steps"], len(self.progress.history)
        self._begun, self._done = time.perf_counter(), done
        self._bar = tqdm.tqdm(
            total=steps * self.epochs,
            initial=steps * done,
            desc=self.name,
            file=self.stream,
            disable=not self.stream.isatty(),
            dynamic_ncols=True,
            unit=" steps",
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update()

    def on_epoch_end(self, epoch, logs=None):
        row = self.progress.history[-1]
        line = checkpoint.epoch_line(self.name, row, self.epochs)
        if not self._bar.disable:
            self._bar.set_postfix_str(line.removeprefix(self.name).strip())
            return
        passed = time.perf_counter() - self._begun
        left = passed / (epoch + 1 - self._done) * (self.epochs - epoch - 1)
        line += f"  {duration(left)} left" if left else ""
        print(line, file=self.stream, flush=True)

    def on_train_end(self, logs=None):
        self._bar.close()


def tensorboard(folder):
    """Keras's own callback for TensorBoard, without graphs and profiles."""
    return keras.callbacks.TensorBoard(folder, write_graph=False, profile_batch=0)


def return_freed_memory():
    """Returns what the C library keeps of freed memory, where it can be asked to.

    Compiling a step frees some 600 MB, which the GNU C library would keep for a
    process that never asks for so much again.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):  # not the GNU C library
        pass
