"""A model's inference on many images, in batches of fixed shape, and its samples."""

import numpy as np
import tensorflow as tf

from air import importance
from reproduce.run import summaries

BOUND_SAMPLES = 50  # L of the importance-weighted bound


class Evaluation:
    """Compiled inference and sampling of one model, as it is at each call."""

    def __init__(self, model, batch_size):
        """Functions are compiled on their first call. The last batch is padded."""
        self.batch_size = batch_size
        compiled = {"jit_compile": model.jit_compile, "autograph": False}
        self._infer = tf.function(model.call, **compiled)
        self._bound = tf.function(
            lambda images: {
                "bound": importance.negative_bound(model, images, BOUND_SAMPLES)
            },
            **compiled,
        )
        self._sample = tf.function(
            lambda samples, draw: model.sample(
                samples, summaries.SAMPLE_SEED, draw=draw
            ),
            **compiled,
        )

    def predict(self, images):
        """`AIR.call` over all images, a dict of arrays."""
        return self._over(images, self._infer)

    def bound(self, images):
        """The mean of `importance.negative_bound` over all images, in nats."""
        return float(self._over(images, self._bound)["bound"].mean())

    def _over(self, images, function):
        batches = []
        for first in range(0, len(images), self.batch_size):
            batch = images[first : first + self.batch_size]
            padding = [(0, self.batch_size - len(batch)), (0, 0), (0, 0)]
            batches.append(function(tf.constant(np.pad(batch, padding))))
        return {
            name: np.concatenate([batch[name].numpy() for batch in batches])[
                : len(images)
            ]
            for name in batches[0]
        }

    def sample(self, samples, draw):
        """`AIR.sample` with `SAMPLE_SEED`, a dict of arrays."""
        tensors = self._sample(samples, draw)
        return {name: tensor.numpy() for name, tensor in tensors.items()}
