"""The likelihood p(x | z, n) of equation 5: Bernoulli pixels with grey targets."""

import keras
import tensorflow as tf

from air.part import Part

SMALLEST = 1e-10  # e, released code


class Likelihood(Part):
    """p(x | z, n) of an image given its canvas. Subclass it to define another one."""

    def cross_entropy(self, images, reconstructions, training=False):
        """-log p(x | z, n), summed over pixels.

        Args:
          images: x, grey values in [0, 1]. Shape [..., S, S].
          reconstructions: r, the objects' canvases summed and cut at 1; at least 0,
            with a sampler that is exact. Its shape broadcasts against that of
            `images`: [] for an empty canvas, [batch, n, S, S] for the scenes of 1 to n
            objects beside images of shape [batch, 1, S, S].
          training: whether this is a training step.

        Returns:
          In nats. Shape [...].
        """
        raise NotImplementedError(f"{type(self).__name__}.cross_entropy")


@keras.saving.register_keras_serializable("air")
class BernoulliLikelihood(Likelihood):
    """-log p(x | z, n) = -sum [x log max(r, e) + (1 - x) log max(1 - r, e)].

    Evaluation takes e = 1e-10, so that values compare. With so small a floor the slope
    with respect to r reaches 1e10 at an ink pixel on the faded edge of a box; training
    may take a larger one. Below the floor no gradient passes.
    """

    def __init__(self, training_floor=SMALLEST):
        """Sets e.

        Args:
          training_floor: e in training, 1e-10 to 0.1.

        Raises:
          ValueError: if it is not.
        """
        if not SMALLEST <= training_floor <= 0.1:
            raise ValueError(f"training_floor {training_floor}: use 1e-10 to 0.1")
        self.training_floor = training_floor

    def cross_entropy(self, images, reconstructions, training=False):
        """-log p(x | z, n), summed over pixels; see `Likelihood`."""
        floor = self.training_floor if training else SMALLEST
        present, absent = self._logarithms(reconstructions, floor)
        return -tf.reduce_sum(images * present + (1 - images) * absent, axis=[-2, -1])

    def get_config(self):
        """The settings, for Keras's saving."""
        return {"training_floor": self.training_floor}

    def _logarithms(self, reconstructions, floor):
        """log p(ink) and log p(no ink) of every pixel."""
        # Each logarithm's argument is bounded by a maximum. XLA turns (1 - r) + e into
        # (1 + e) - r, which is 0 in single precision at r = 1; a maximum stops that.
        present = tf.math.log(tf.maximum(reconstructions, floor))
        absent = tf.math.log(tf.maximum(1 - reconstructions, floor))
        return present, absent
