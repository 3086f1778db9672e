"""A model's figures on the test set and in samples from its prior."""

import numpy as np
import tensorflow as tf

from reproduce import summaries


class Evaluator:
    """Evaluates one model on one test set, in batches of fixed shape."""

    def __init__(self, model, scenes, batch_size):
        """Compiles nothing yet; the first call does.

        Args:
          model: an `air.AIR`.
          scenes: the test set, a `data.SceneSet`.
          batch_size: images a batch; the last one is padded, the padding ignored.
        """
        self.model, self.scenes, self.batch_size = model, scenes, batch_size
        self._infer = tf.function(
            model.call, jit_compile=model.jit_compile, autograph=False
        )

    def __call__(self):
        """Evaluates the model as it is now.

        Returns:
          figures: `summaries.figures` of the test images.
          scenes: arrays over all test images, as `AIR.call` gives them.
        """
        scenes = self.predict(self.scenes.images)
        return summaries.figures(scenes, self.scenes), scenes

    def predict(self, images):
        """`AIR.call` over all images."""
        batches = []
        for first in range(0, len(images), self.batch_size):
            batch = images[first : first + self.batch_size]
            padding = self.batch_size - len(batch)
            padded = np.pad(batch, [(0, padding), (0, 0), (0, 0)])
            result = self._infer(tf.constant(padded))
            batches.append(
                {name: value.numpy()[: len(batch)] for name, value in result.items()}
            )
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in batches[0]
        }


def summary(model, truth, scenes, side):
    """`summaries.summary`, with samples from the model's prior.

    Args:
      model: an `air.AIR`.
      truth: the test set, a `data.SceneSet`.
      scenes: the arrays that `Evaluator` gave for it.
      side: see `summaries.summary`.
    """
    samples = model.generate(summaries.PRIOR_SAMPLES, summaries.SAMPLE_SEED)
    return summaries.summary(scenes, truth, samples, model.steps, side)


def figure_arrays(model, truth, scenes):
    """`summaries.figure_arrays`, with samples from the model's prior.

    Args:
      model: an `air.AIR`.
      truth: the test set, a `data.SceneSet`.
      scenes: the arrays that `Evaluator` gave for it.
    """
    samples = model.generate(summaries.SHOWN_SCENES, summaries.SAMPLE_SEED)
    return summaries.figure_arrays(scenes, truth, samples)
