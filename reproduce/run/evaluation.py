"""A model's figures on the test set and in samples from its prior."""

import numpy as np
import tensorflow as tf

from reproduce.run import summaries


class Evaluation:
    """Evaluates one model on one test set, in batches of fixed shape."""

    def __init__(self, model, truth, batch_size):
        """Compiles nothing yet; the first call does.

        Args:
          model: a compiled `air.AIR`.
          truth: the test set, a `data.SceneSet`.
          batch_size: images a batch; the last one is padded, the padding ignored.
        """
        self.model, self.truth, self.batch_size = model, truth, batch_size
        compiled = {"jit_compile": model.jit_compile, "autograph": False}
        self._infer = tf.function(model.call, **compiled)
        self._sample = tf.function(self._samples, **compiled)
        self._sample_boxes = tf.function(self._boxes_of_samples, **compiled)

    def figures(self):
        """`summaries.figures` of the model as it is now, and the arrays behind them."""
        scenes = self.predict(self.truth.images)
        return summaries.figures(scenes, self.truth), scenes

    def summary(self, scenes, side):
        """`summaries.summary` of `figures`' arrays; `side` as there."""
        samples = _arrays([self._sample_boxes()])
        return summaries.summary(scenes, self.truth, samples, self.model.steps, side)

    def figure_arrays(self, scenes):
        """`summaries.figure_arrays` of `figures`' arrays."""
        samples = _arrays([self._sample()])
        return summaries.figure_arrays(scenes, self.truth, samples)

    def predict(self, images):
        """`AIR.call` over all images."""
        batches = []
        for first in range(0, len(images), self.batch_size):
            batch = images[first : first + self.batch_size]
            padding = self.batch_size - len(batch)
            padded = np.pad(batch, [(0, padding), (0, 0), (0, 0)])
            batches.append(self._infer(tf.constant(padded)))
        return {name: array[: len(images)] for name, array in _arrays(batches).items()}

    def _samples(self):
        return self.model.sample(summaries.SHOWN_SCENES, summaries.SAMPLE_SEED)

    def _boxes_of_samples(self):
        samples, seed = summaries.PRIOR_SAMPLES, summaries.SAMPLE_SEED
        return self.model.sample(samples, seed, draw=False)


def _arrays(batches):
    """A list of dicts of tensors as one dict of arrays."""
    return {
        name: np.concatenate([batch[name].numpy() for batch in batches])
        for name in batches[0]
    }
