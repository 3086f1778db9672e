"""The likelihood p(x | z, n) of equation 5: Bernoulli pixels with grey targets."""

import math

import tensorflow as tf

SMALLEST = 1e-10  # e, released code
FLOORS = ("maximum", "sum")


def cross_entropy(images, reconstructions, floor="maximum"):
    """-log p(x | z, n), summed over pixels.

        -sum [x log max(r, e) + (1 - x) log max(1 - r, e)],   e = 1e-10.

    Args:
      images: x, grey values in [0, 1]. Shape [..., S, S].
      reconstructions: r in [0, 1]. Shape [..., S, S].
      floor: "maximum" as above, or "sum", log(r + e), as in the released code.

    Returns:
      In nats. Shape [...].
    """
    # Each logarithm's argument is bounded by a maximum. XLA turns (1 - r) + e into
    # (1 + e) - r, which is 0 in single precision at r = 1; a maximum stops that.
    if floor == "maximum":
        present = tf.math.log(tf.maximum(reconstructions, SMALLEST))
        absent = tf.math.log(tf.maximum(1 - reconstructions, SMALLEST))
    else:
        present = tf.math.log(tf.nn.relu(reconstructions) + SMALLEST)
        absent = tf.math.log(tf.nn.relu(1 - reconstructions) + SMALLEST)
    return -tf.reduce_sum(images * present + (1 - images) * absent, axis=[-2, -1])


def empty_cross_entropy(images):
    """`cross_entropy` of an empty canvas, r = 0, with either floor. Shape [batch]."""
    return -math.log(SMALLEST) * tf.reduce_sum(images, axis=[1, 2])
