"""The latent variables z of the objects, and their distributions under q or p."""

from typing import Any, NamedTuple

import tensorflow as tf


class Latents(NamedTuple):
    """Latent variables of K objects, before the squashing to pixels.

    Attributes:
      location: z_loc. Shape [batch, K, 2].
      scale: z_scale. Shape [batch, K, 1].
      appearance: z_app. Shape [batch, K, appearance].
    """

    location: Any
    scale: Any
    appearance: Any

    def joined(self):
        """z = (z_loc, z_scale, z_app). Shape [batch, K, latent]."""
        return tf.concat(self, axis=-1)


class ObjectDistributions(NamedTuple):
    """Distributions of K objects' variables, under q or under p.

    Attributes:
      presence_logits: log-odds of z_pres^t given that object t - 1 exists. Shape
        [batch, K], or None where the count is fixed.
      location: normal, batch shape [batch, K] (or []), event shape [2].
      scale: normal, batch shape [batch, K] (or []), event shape [1].
      appearance: normal, batch shape [batch, K] (or []), event shape [appearance].
    """

    presence_logits: Any
    location: Any
    scale: Any
    appearance: Any
