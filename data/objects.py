"""Objects as scenes take them: cropped to the square around their ink, and scaled."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from data.errors import DataError

SPLINE_ORDER = 5  # released code's choice
FAINTEST = 0.05  # grey (of 1) below which a scaled pixel becomes paper; released code
CHUNK = 8192  # objects worked on at a time, to bound memory


class Crops(NamedTuple):
    """Square crops of M objects.

    Attributes:
      images: uint8 [M, L, L], L the longest side; a crop lies in the upper left corner
        and the rest is 0.
      sides: int64 [M], sides of the crops in pixels.
    """

    images: np.ndarray
    sides: np.ndarray


def crop_to_ink(images):
    """Crops each image to the square around its ink (the pixels that are not 0).

    The square's side is the longer side of the ink's bounding box; across the shorter
    one the ink is centred, the odd pixel of margin falling to the right or below
    (this project's choice). Margins outside the image are 0.

    Args:
      images: uint8 [M, H, W].

    Returns:
      `Crops`.

    Raises:
      DataError: If an image has no ink.
    """
    ink = images != 0
    left, width = _extent(ink.any(axis=1))
    top, height = _extent(ink.any(axis=2))
    if len(images) and width.min() == 0:
        raise DataError(f"object {int(np.argmin(width))}: no ink, so it has no box")
    sides = np.maximum(width, height)
    longest = int(sides.max(initial=0))
    left = left - (sides - width) // 2
    top = top - (sides - height) // 2

    crops = np.zeros((len(images), longest, longest), np.uint8)
    padded = np.pad(images, ((0, 0), (longest, longest), (longest, longest)))
    steps = np.arange(longest)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        rows = (top[part, None] + longest + steps)[:, :, None]
        columns = (left[part, None] + longest + steps)[:, None, :]
        numbers = np.arange(start, start + len(rows))[:, None, None]
        crops[part] = padded[numbers, rows, columns]  # beyond the square: no ink
    return Crops(crops, sides)


def _extent(lines):
    """First marked position and the length up to the last one: bool [M, L] -> 2 [M]."""
    first = np.argmax(lines, axis=1)
    last = lines.shape[1] - 1 - np.argmax(lines[:, ::-1], axis=1)
    return first, np.where(lines.any(axis=1), last - first + 1, 0)


def scale_crops(crops, factor):
    """Scales each crop and crops it again.

    The steps are the released code's: splines of order 5 on grey values in [0, 1], the
    result clipped to [0, 1], values under .05 set to 0, and a second crop to the square
    around what is left. Where that code maps by `scipy.ndimage.affine_transform`, this
    uses `scipy.ndimage.zoom`, which keeps the corner pixels in the corners.

    Zooming is linear and separable: with Z the matrix that zooms one axis of a crop
    c, the scaled crop is Z c Z^T. Z is obtained by zooming the unit vectors, once for
    each side, which is several times faster than one call for each object.

    Args:
      crops: `Crops`.
      factor: Scale, 0 < factor <= 1. At 1 the crops are returned as they are.

    Returns:
      `Crops`.

    Raises:
      DataError: If nothing is left of an object.
    """
    if factor == 1:
        return crops
    longest = max(1, round(crops.images.shape[1] * factor))
    scaled = np.zeros((len(crops.images), longest, longest), np.uint8)
    for side in np.unique(crops.sides):
        unit = np.eye(side)
        zoom = ndimage.zoom(unit, (factor, 1), order=SPLINE_ORDER)  # [new side, side]
        new_side = len(zoom)
        members = np.flatnonzero(crops.sides == side)
        for start in range(0, len(members), CHUNK):
            part = members[start : start + CHUNK]
            grey = crops.images[part, :side, :side] / 255.0
            grey = np.clip(zoom @ grey @ zoom.T, 0, 1)
            # The rounding keeps the last bits, which differ between processors,
            # from deciding a comparison.
            grey = np.round(grey, 6)
            grey[grey < FAINTEST] = 0
            scaled[part, :new_side, :new_side] = np.rint(grey * 255)
    if not scaled.any(axis=(1, 2)).all():
        raise DataError(
            f"object_scale: {factor} given, but nothing is left of an object at that "
            "scale; a larger one is allowed"
        )
    return crop_to_ink(scaled)
