"""The latent variables z of the objects, and their distributions under q or p."""

from typing import Any, NamedTuple

import tensorflow as tf


class Latents(NamedTuple):
    """Latent variables of n objects, before the squashing to pixels.

    Attributes:
      location: z_loc. Shape [batch, n, 2].
      scale: z_scale. Shape [batch, n, 1].
      appearance: z_app. Shape [batch, n, appearance].
    """

    location: Any
    scale: Any
    appearance: Any

    def joined(self):
        """z = (z_loc, z_scale, z_app). Shape [batch, n, latent]."""
        return tf.concat(self, axis=-1)


class ObjectDistributions(NamedTuple):
    """Distributions of n objects' variables, under q or under p.

    Attributes:
      presence_logits: log-odds of z_pres^t given that object t - 1 exists. Shape
        [batch, n], or [batch, n + 1] where the object after them is looked at too;
        None where the count is fixed.
      location: TFP distribution, batch shape broadcasts to [batch, n], event shape [2].
      scale: TFP distribution, batch shape broadcasts to [batch, n], event shape [1].
      appearance: TFP distribution, batch shape broadcasts to [batch, n], event shape
        [appearance].
    """

    presence_logits: Any
    location: Any
    scale: Any
    appearance: Any
