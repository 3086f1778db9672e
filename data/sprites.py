"""The 120 sprites of Multi-dSprites, rendered: square, ellipse and heart, 40 turns.

dSprites (Matthey et al., 2017) draws three white shapes on 64x64 pixels. Used here are
those of the largest scale, centred near (15.5, 15.5), one for each orientation.
The shapes are drawn from formulas; their few constants were fitted to the real
sprites, with which they agree to a mean intersection over union above .99.
"""

from typing import NamedTuple

import numpy as np

SIDE = 64  # pixels
SHAPES = ("square", "ellipse", "heart")
ORIENTATIONS = 40  # equally spaced over a full turn, so that the last equals the first
PIVOT = 15.5  # pixels; the point about which shapes are turned, in x and y
# Constants in pixels, fitted to the real sprites.
SQUARE_HALF_SIDE = 9.6
ELLIPSE_HALF_AXES = (12.77, 7.21)  # along x and y before turning
HEART_LOBE_CENTRE = (4.77, -3.98)  # of the right lobe, relative to the pivot
HEART_LOBE_HALF_AXES = (4.82, 5.36)
HEART_TIP = 8.69  # below the pivot


class Sprites(NamedTuple):
    """Sprites, ordered by shape and then by orientation.

    Attributes:
      images: uint8 [120, 64, 64], 1 inside the shape and 0 outside.
      shape: uint8 [120], index in `SHAPES`.
      orientation: uint8 [120], k for a turn by 2 pi k / 39, counterclockwise as
        displayed.
    """

    images: np.ndarray
    shape: np.ndarray
    orientation: np.ndarray


def render_sprites():
    """Returns the sprites of the largest scale.

    A pixel belongs to a shape if its centre, turned back by the orientation's angle
    about the pivot, does.

    Returns:
      `Sprites`.
    """
    angles = 2 * np.pi * np.arange(ORIENTATIONS) / (ORIENTATIONS - 1)
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    steps = np.arange(SIDE) - PIVOT
    x, y = steps[None, None, :], steps[None, :, None]
    # The rounding keeps points that lie on an outline from being decided by the last
    # bits, which differ between processors.
    u = np.round(cosine * x - sine * y, 6)  # [40, 64, 64]
    v = np.round(sine * x + cosine * y, 6)
    images = np.concatenate([_square(u, v), _ellipse(u, v), _heart(u, v)])
    shape, orientation = np.divmod(np.arange(len(images)), ORIENTATIONS)
    return Sprites(
        images.astype(np.uint8), shape.astype(np.uint8), orientation.astype(np.uint8)
    )


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) <= SQUARE_HALF_SIDE


def _ellipse(u, v):
    a, b = ELLIPSE_HALF_AXES
    return (u / a) ** 2 + (v / b) ** 2 <= 1


def _heart(u, v):
    """The convex hull of an elliptic lobe and the tip, together with its mirror image.

    In coordinates in which the lobe is the unit disk and the tip lies at distance d
    from its centre, the hull is the disk and the part of the tip's tangent cone beyond
    the points of contact: 1/d <= s <= d and |n| <= (d - s) / sqrt(d^2 - 1), with s
    measured from the centre towards the tip and n across.
    """
    (x, y), (a, b) = HEART_LOBE_CENTRE, HEART_LOBE_HALF_AXES
    p, q = (np.abs(u) - x) / a, (v - y) / b
    tip = np.array([-x / a, (HEART_TIP - y) / b])
    d = np.hypot(*tip)
    s = (p * tip[0] + q * tip[1]) / d
    n = np.abs(p * tip[1] - q * tip[0]) / d
    cone = (s >= 1 / d) & (n * np.sqrt(d**2 - 1) <= d - s)
    return (p**2 + q**2 <= 1) | cone
