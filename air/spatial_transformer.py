"""Separable bilinear spatial transformer: reads and writes square windows.

A box is given by its centre in [-1, 1]^2 and its size as a fraction of the
canvas side. Corners are aligned: u in [-1, 1] is pixel index (u + 1)(P - 1)/2 on
an axis of P pixels. Pixels outside the source are 0. Boxes are axis-aligned, so
bilinear interpolation factors into one matrix per side,

    window = R_y image R_x^T        canvas = W_y window W_x^T,

whose entries are hat functions max(0, 1 - |position - index|).
"""

import keras
import tensorflow as tf

from air.part import Part


def hat_weights(positions, size):
    """Linear interpolation weights of fractional positions on a pixel axis.

    Args:
      positions: fractional pixel indices. Shape [..., points].
      size: number of pixels on the axis.

    Returns:
      max(0, 1 - |position - index|). Shape [..., points, size].
    """
    index = tf.range(size, dtype=positions.dtype)
    return tf.nn.relu(1.0 - tf.abs(positions[..., None] - index))


def even_points(count, dtype):
    """`count` evenly spaced points from -1 to 1, both included. Shape [count]."""
    return tf.linspace(tf.constant(-1.0, dtype), tf.constant(1.0, dtype), count)


class Sampler(Part):
    """Reads and writes square windows. Subclass it to define another one."""

    def read(self, images, centre, size, window_side):
        """Reads one window from each image.

        Args:
          images: shape [batch, S, S], rows first.
          centre: box centres (x, y) in [-1, 1]. Shape [batch, 2].
          size: box side as a fraction of the canvas side, > 0. Shape [batch, 1].
          window_side: side of the windows in pixels.

        Returns:
          The windows, row i and column j taken at y + size v_i and x + size v_j with
          v evenly spaced in [-1, 1]. Shape [batch, window_side, window_side].
        """
        raise NotImplementedError(f"{type(self).__name__}.read")

    def write(self, windows, centre, size, canvas_side):
        """Writes each window into its box on an empty canvas: the inverse mapping.

        Args:
          windows: shape [batch, w, w].
          centre: box centres (x, y) in [-1, 1]. Shape [batch, 2].
          size: box side as a fraction of the canvas side, > 0. Shape [batch, 1].
          canvas_side: side S of the canvas in pixels.

        Returns:
          Canvases, the pixel at u taken from the window at (u - centre) / size. Shape
          [batch, S, S].
        """
        raise NotImplementedError(f"{type(self).__name__}.write")


@keras.saving.register_keras_serializable("air")
class HatSampler(Sampler):
    """Hat functions.

    The edge of a box that is written fades to exactly 0 over one pixel of the window,
    outside the box.
    """

    def read(self, images, centre, size, window_side):
        """Reads one window from each image; see `Sampler.read`."""
        side = images.shape[-1]
        points = even_points(window_side, images.dtype)
        # `positions` has shape [batch, 2, window_side]: x, then y.
        positions = (centre[..., None] + size[..., None] * points + 1) * (side - 1) / 2
        return _separable(hat_weights(positions, side), images)

    def write(self, windows, centre, size, canvas_side):
        """Writes each window into its box; see `Sampler.write`."""
        window_side = windows.shape[-1]
        points = even_points(canvas_side, windows.dtype)
        inside = (points - centre[..., None]) / size[..., None]
        weights = hat_weights((inside + 1) * (window_side - 1) / 2, window_side)
        return _separable(weights, windows)


def _separable(weights, source):
    """R_y source R_x^T; the weights have shape [batch, 2, ...], x, then y."""
    rows = tf.matmul(weights[:, 1], source)
    return tf.matmul(rows, weights[:, 0], transpose_b=True)
