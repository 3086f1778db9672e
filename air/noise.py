"""All randomness of the models: stateless, split per latent variable.

A seed is an int32 tensor of shape [2]. The seed of a training step is
fold_in(run seed, iteration), so that a resumed run draws what an uninterrupted
one draws, and nothing has to be saved. The algorithm is named because TensorFlow
would choose one by device. From one seed XLA draws other numbers than TensorFlow
without XLA does: what has to be drawn again is drawn under the same of the two.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from air import shapes

ALGORITHM = "philox"


class Noise(NamedTuple):
    """Noise of one pass over a batch.

    Attributes:
      location: standard normal. Shape [batch, K, 2].
      scale: standard normal. Shape [batch, K, 1].
      appearance: standard normal. Shape [batch, K, appearance].
      presence: uniform in [0, 1). Shape [batch, K].
      decoder: standard normal, or None. Shape [batch, K, window^2].
    """

    location: Any
    scale: Any
    appearance: Any
    presence: Any
    decoder: Any = None


def run_seed(seed):
    """The int32[2] seed of an integer run seed."""
    return tf.constant([seed, 0], tf.int32)


def fold_in(seed, number):
    """A new seed from a seed and an integer tensor. Shape [2]."""
    return tf.random.fold_in(seed, number, alg=ALGORITHM)


def draw(seed, batch, steps, sizes, decoder=False, dtype=tf.float32):
    """Draws the noise of one pass.

    Args:
      seed: int32, shape [2].
      batch: number of images.
      steps: K.
      sizes: the `Sizes` of the model.
      decoder: whether to draw noise for the decoder's logits as well.
      dtype: floating type.

    Returns:
      A `Noise`.
    """
    seeds = tf.unstack(tf.random.split(seed, 5, alg=ALGORITHM))

    def normal(seed, size):
        shape = [batch, steps, size]
        return tf.random.stateless_normal(shape, seed, dtype=dtype, alg=ALGORITHM)

    return Noise(
        location=normal(seeds[0], shapes.LOCATION_SIZE),
        scale=normal(seeds[1], shapes.SCALE_SIZE),
        appearance=normal(seeds[2], sizes.appearance),
        presence=tf.random.stateless_uniform(
            [batch, steps], seeds[3], dtype=dtype, alg=ALGORITHM
        ),
        decoder=normal(seeds[4], sizes.window**2) if decoder else None,
    )
