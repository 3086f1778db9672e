"""The numerics of the authors' released code, where they are not this project's.

They decide what the published baselines do. Outside a box `ClippedCornersSampler`
leaves residues of some 1e-7 in single precision, of either sign; `ReleasedLikelihood`
gives an ink pixel that no box covers a slope of up to 1e10. Together they drown the
early gradients of the decoder in rounding noise; docs/rounding.md has the experiment.

Both need the operations in the order in which they are written: no XLA.
"""

import keras
import tensorflow as tf

from air.likelihood import BernoulliLikelihood
from air.spatial_transformer import Sampler, even_points


@keras.saving.register_keras_serializable("air")
class ReleasedLikelihood(BernoulliLikelihood):
    """-log p(x | z, n) = -sum [x log(r + e) + (1 - x) log((1 - r) + e)].

    r is the canvas clipped to [0, 1] by max(min(r, 1), 0), which passes the gradient
    at r = 0 and at r = 1. Compile the model with `jit_compile=False` ("auto" means
    XLA): XLA rounds otherwise, and what this class is for is lost.
    """

    def _logarithms(self, reconstructions, floor):
        # TensorFlow passes the gradient of a maximum or minimum to its first argument
        # where both are equal. The maximum around 1 - r changes no value: it keeps
        # TensorFlow's graph optimiser from turning (1 - r) + e into (1 + e) - r.
        clipped = tf.maximum(tf.minimum(reconstructions, 1.0), 0.0)
        present = tf.math.log(clipped + floor)
        absent = tf.math.log(tf.maximum(1 - clipped, 0.0) + floor)
        return present, absent


@keras.saving.register_keras_serializable("air")
class ClippedCornersSampler(Sampler):
    """Bilinear sampling from the four pixels around a point, corners clipped.

    The index of u on an axis of P pixels is (u + 1)(P - 1.001)/2. The corners, the
    index rounded down and the next, are clipped to [0, P - 1], and the weights come
    from the clipped corners: outside the source two and two of the four terms have
    opposite weights, and cancel but for rounding. Edges of boxes are sharp. Compile the
    model with `jit_compile=False` ("auto" means XLA): XLA rounds otherwise, and the
    residues are others.
    """

    def read(self, images, centre, size, window_side):
        """Reads one window from each image; see `Sampler.read`."""
        points = even_points(window_side, images.dtype)
        return _sample(images, size[..., None] * points + centre[..., None])

    def write(self, windows, centre, size, canvas_side):
        """Writes each window into its box; see `Sampler.write`."""
        points = even_points(canvas_side, windows.dtype)
        scale, shift = 1 / size, -centre / size
        return _sample(windows, scale[..., None] * points + shift[..., None])


def _sample(source, positions):
    """Samples each source at the grid of its positions.

    Args:
      source: shape [batch, P, P], rows first.
      positions: x, then y, in [-1, 1] where they are inside. Shape [batch, 2, n].

    Returns:
      Shape [batch, n, n], rows first.
    """
    size = source.shape[-1]
    index = (positions + 1) * (size - 1.001) / 2
    low = tf.floor(index)
    low, high = (tf.clip_by_value(corner, 0, size - 1) for corner in (low, low + 1))
    flat = tf.reshape(source, [-1])
    first = tf.range(tf.shape(source)[0])[:, None, None] * size**2

    def pixels(x, y):
        x, y = tf.cast(x, tf.int32)[:, None, :], tf.cast(y, tf.int32)[:, :, None]
        return tf.gather(flat, first + y * size + x)

    (x0, y0), (x1, y1) = tf.unstack(low, axis=1), tf.unstack(high, axis=1)
    x, y = tf.unstack(index, axis=1)
    left, right = (x1 - x)[:, None, :], (x - x0)[:, None, :]
    above, below = (y1 - y)[:, :, None], (y - y0)[:, :, None]
    # The order of this sum is the released code's: its rounding is what counts.
    return tf.add_n(
        [
            left * above * pixels(x0, y0),
            left * below * pixels(x0, y1),
            right * above * pixels(x1, y0),
            right * below * pixels(x1, y1),
        ]
    )
