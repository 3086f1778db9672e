"""The small structure through which a constraint sees q(z, n | x)."""

from typing import Any, NamedTuple

import tensorflow as tf


class Posterior(NamedTuple):
    """q(z, n | x) for a batch of images, at the one sample of z drawn per image.

    All fields are differentiable tensors except `canvas_side` and `steps_run`. K is the
    largest number of objects considered.

    Attributes:
      log_count: log q(n | x, z) for n = 0..K, along the sample of z. Shape
        [batch, K + 1].
      presence_logits: log-odds of p_t = q(object t exists | t - 1 objects exist).
        Shape [batch, K].
      validity: probability p_1 ... p_t that object t exists. Shape [batch, K].
      centre: centres (x, y) of the objects' boxes, in pixels from the canvas's
        left and top edge. Shape [batch, K, 2].
      side: side lengths of the square boxes, in pixels. Shape [batch, K].
      canvas_side: side length S of the canvas, in pixels. An int.
      appearance: z_app of the objects. Shape [batch, K, appearance].
      steps_run: number of inference steps that were run before the loop over the
        objects ended, an int; None for all K. It is fewer only if every constraint
        says that it needs fewer (`Functional.least_objects`). The later steps have
        placeholders (log-odds of 0, a box of half the canvas in its middle): multiply
        what counts every step by `step_mask`. The last step that was run may have its
        log-odds alone, unless a constraint has `Functional.reads_stop`.
    """

    log_count: Any
    presence_logits: Any
    validity: Any
    centre: Any
    side: Any
    canvas_side: int
    appearance: Any = None
    steps_run: Any = None

    def step_mask(self):
        """1 for each step that was run, 0 for the rest. Shape [K]."""
        steps = self.validity.shape[1]
        run = steps if self.steps_run is None else self.steps_run
        return tf.sequence_mask(run, steps, dtype=self.validity.dtype)
