"""All randomness of the models: stateless, split per latent variable.

A seed is an int32 tensor of shape [2]. The seed of a training step is
fold_in(run seed, iteration), so that a resumed run draws what an uninterrupted
one draws, and nothing has to be saved. The algorithm is named because TensorFlow
would choose one by device. XLA and TensorFlow without it draw different numbers from
the same seed, so noise that must be reproduced has to be drawn under the same one.
"""

from typing import Any, NamedTuple

import numpy as np
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
      dtype: floating type; float64 is drawn in float32 and cast, so that both have
        the same noise.

    Returns:
      A `Noise`.
    """
    seeds = tf.unstack(tf.random.split(seed, 5, alg=ALGORITHM))

    def normal(seed, size):
        shape = [batch, steps, size]
        values = tf.random.stateless_normal(shape, seed, alg=ALGORITHM)
        return tf.cast(values, dtype)

    uniforms = tf.random.stateless_uniform([batch, steps], seeds[3], alg=ALGORITHM)
    return Noise(
        location=normal(seeds[0], shapes.LOCATION_SIZE),
        scale=normal(seeds[1], shapes.SCALE_SIZE),
        appearance=normal(seeds[2], sizes.appearance),
        presence=tf.cast(uniforms, dtype),
        decoder=normal(seeds[4], sizes.window**2) if decoder else None,
    )


def draw_by_image(images, seed, steps, sizes, decoder=False, dtype=tf.float32):
    """`draw`, every image's noise from a seed that follows from its pixels.

    So an image's noise depends neither on its batch nor on its place in it. Equal
    images have equal noise.

    Args:
      images: grey values in [0, 1], rounded to 1/255. Shape [batch, S, S].
      seed: int32, shape [2].
      steps, sizes, decoder, dtype: as for `draw`.

    Returns:
      A `Noise`.
    """
    pixels = images.shape[1] * images.shape[2]
    grey = tf.cast(tf.round(255 * tf.reshape(images, [-1, pixels])), tf.int32)
    # Sums of products of integers, modulo 2^32: exact in any order of summation.
    factors = np.random.default_rng(pixels).integers(-(2**31), 2**31, (2, pixels))
    sums = [tf.reduce_sum(grey * tf.constant(f, tf.int32), axis=1) for f in factors]
    seeds = tf.stack(sums, axis=1) + seed

    def one(seed):
        noise = draw(seed, 1, steps, sizes, decoder, dtype)
        return [value[0] for value in noise if value is not None]

    kinds = [dtype] * (5 if decoder else 4)
    return Noise(*tf.map_fn(one, seeds, fn_output_signature=kinds))
