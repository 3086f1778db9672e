"""The small structure through which a constraint sees q(z, n | x)."""

from typing import Any, NamedTuple

import tensorflow as tf


class Posterior(NamedTuple):
    """q(z, n | x) for a batch of images, at the one sample of z drawn per image.

    All fields are differentiable tensors except `canvas_side`. K is the largest
    number of objects considered.

    Attributes:
      log_count: log q(n | x) for n = 0..K. Shape [batch, K + 1].
      presence_logits: log-odds of p_t = q(object t exists | t - 1 objects exist).
        Shape [batch, K].
      validity: probability S_t = p_1 ... p_t that object t exists. Shape
        [batch, K].
      centre: centres (x, y) of the objects' boxes, in pixels from the canvas's
        left and top edge. Shape [batch, K, 2].
      side: side lengths of the square boxes, in pixels. Shape [batch, K].
      canvas_side: side length S of the canvas, in pixels. An int.
      appearance: z_app of the objects. Shape [batch, K, appearance].
      looked_at: how many objects the model's loop looked at before it ended; the
        others have log-odds, latents and validity that stand for none. An int32
        tensor of shape []; None for all K.
    """

    log_count: Any
    presence_logits: Any
    validity: Any
    centre: Any
    side: Any
    canvas_side: int
    appearance: Any = None
    looked_at: Any = None

    def looked_at_mask(self):
        """1 for each of the objects that were looked at, 0 for the rest. Shape [K]."""
        steps = self.validity.shape[1]
        looked_at = steps if self.looked_at is None else self.looked_at
        return tf.sequence_mask(looked_at, steps, dtype=self.validity.dtype)
