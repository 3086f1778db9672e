"""The small structure through which a constraint sees q(z, n | x)."""

from typing import Any, NamedTuple


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
    """

    log_count: Any
    presence_logits: Any
    validity: Any
    centre: Any
    side: Any
    canvas_side: int
