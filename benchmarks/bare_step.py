"""The compiled training step of a run, on one batch that never changes."""

import statistics
import time

import numpy as np

from reproduce.experiments.configuration import preset_configuration
from reproduce.run.build import build_model

OBJECT_SIDE = 20  # pixels of the grey square in each image


def compiled(tf, experiment, steps=None, batch_size=64, xla=True, ends=None):
    """A function that takes one step and waits for it, and the model.

    Args:
      tf: TensorFlow, imported where its threads were set.
      experiment: such as "table1/asr-13".
      steps: K; None for the run's own.
      batch_size: images.
      xla: whether XLA compiles the step.
      ends: as in `air.AIR`; None for the run's own.
    """
    own = {} if steps is None else {"steps": steps}
    options = preset_configuration(experiment, batch_size=batch_size, **own)
    model = build_model(options)
    model.ends = model.ends if ends is None else ends
    function = tf.function(model.train_step, jit_compile=xla, autograph=False)
    images = batch(tf, batch_size, options.canvas_side)

    def step():
        function(images)["loss"].numpy()

    return step, model


def batch(tf, batch_size=64, canvas_side=50):
    """Images with one grey square each. Shape [batch_size, S, S], uint8."""
    images = np.zeros([batch_size, canvas_side, canvas_side], np.uint8)
    inside = slice(15, 15 + OBJECT_SIDE)
    shape = [batch_size, OBJECT_SIDE, OBJECT_SIDE]
    images[:, inside, inside] = np.random.default_rng(0).integers(0, 256, shape)
    return tf.constant(images)


def print_ratio(names, rounds):
    """Prints the medians of two sides, and of the second over the first.

    Args:
      names: of the two.
      rounds: pairs of seconds a step.
    """
    width = max(map(len, names))
    for name, seconds in zip(names, zip(*rounds, strict=True), strict=True):
        print(f"{name:{width}} {1e3 * statistics.median(seconds):8.1f} ms a step")
    ratios = [second / first for first, second in rounds]
    print(f"{'ratio':{width}} {statistics.median(ratios):8.2f}")
    print(f"{'  its range':{width}} {min(ratios):8.2f} to {max(ratios):.2f}")


def timed(function):
    """Seconds that one call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun
