"""Images of one's own as a model takes them: grey, square, light ink on dark ground.

The models know light ink on a black ground. So an image whose edge is light is
inverted, and its ground, the median grey of the edge, becomes black: the grey of a
photographed page would be inferred as objects. The image is padded to a square and
scaled to the canvas.
"""

import warnings
from typing import NamedTuple

import numpy as np

from data.errors import DataError

LARGEST = 50_000_000  # pixels of an image
ALLOWED = (
    "[H, W], [H, W, 3], [N, H, W] or [N, H, W, 3], uint8, uint16, or floats in [0, 1]"
)
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


class Prepared(NamedTuple):
    """An image as a model sees it.

    Attributes:
      name: the file's; with the number of the image where it is an array of several.
      size: width and height of the original, in pixels.
      canvas: uint8 grey values. Shape [S, S].
      inverted: whether it was dark on light.
      ground: its ground before it was taken for black, 0 to 255; after inverting.
    """

    name: str
    size: tuple
    canvas: np.ndarray
    inverted: bool
    ground: int

    def in_original(self, boxes):
        """Boxes on the canvas, (x, y, width, height), in the original's pixels."""
        left, above = _margins(self.size)
        return boxes * max(self.size) / len(self.canvas) - [left, above, 0, 0]

    @property
    def told(self):
        """What was done to the image, in words; empty for nothing."""
        done, side = [], len(self.canvas)
        if self.inverted:
            done.append("dark on light, so inverted")
        if self.ground and self.ground < 128:
            done.append(f"ground of grey {self.ground} taken for black")
        if self.size != (side, side):
            how = "scaled" if self.size[0] == self.size[1] else "padded and scaled"
            done.append(f"{self.size[0]} x {self.size[1]} pixels {how} to {side}")
        return "; ".join(done)


def files_in(folder):
    """The pictures and arrays in a folder, by name."""
    from PIL import Image

    kinds = {".npy", *Image.registered_extensions()}
    return [file for file in sorted(folder.iterdir()) if file.suffix.lower() in kinds]


def read(file):
    """Yields the images of a file, a picture or a .npy array.

    Of colours the luminance is taken, of a picture with several frames the first; what
    is transparent gets a ground that its ink stands out on.

    Args:
      file: `pathlib.Path`.

    Yields:
      name: the file's, "a.npy[3]" for an image of an array of several.
      grey: float32 values in [0, 1]. Shape [H, W].

    Raises:
      DataError: if it cannot be read, is too large, or has other values.
    """
    try:
        if file.suffix.lower() == ".npy":
            array = np.load(file, mmap_mode="r", allow_pickle=False)
        else:
            array = _picture(file)
    except DataError:
        raise
    except Exception as error:  # damaged bytes make Pillow and NumPy raise anything
        reason = getattr(error, "strerror", None) or "damaged, or no picture"
        raise DataError(f"{file}: {reason}") from None
    colour = array.ndim > 2 and array.shape[-1] == 3  # no image is 3 pixels wide
    dimensions = array.ndim - colour  # without the colours'
    if dimensions not in (2, 3) or array.size == 0:
        raise DataError(f"{file}: shape {list(array.shape)}; allowed: {ALLOWED}")
    for number, image in enumerate(array[None] if dimensions == 2 else array):
        name = str(file) if dimensions == 2 else f"{file}[{number}]"
        if image.shape[0] * image.shape[1] > LARGEST:
            raise DataError(f"{name}: more than {LARGEST:,} pixels; make it smaller")
        yield name, _grey(name, image)


def _picture(file):
    """The upright first frame of a picture as an array [H, W]; its ground is opaque."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file) as opened:
            if opened.width * opened.height > LARGEST:
                raise DataError(
                    f"{file}: more than {LARGEST:,} pixels; make it smaller"
                )
            picture = ImageOps.exif_transpose(opened)
    if picture.mode == "F" or picture.mode.startswith("I"):  # 16 bits and more
        array = np.asarray(picture)
        fits = array.dtype.kind == "i" and 0 <= array.min() <= array.max() <= 65535
        return array.astype(np.uint16) if fits else array
    if not picture.has_transparency_data:
        return np.asarray(picture.convert("RGB").convert("L"))
    grey, alpha = np.asarray(picture.convert("RGBA").convert("LA")).T.astype(float)
    ink = np.average(grey, weights=alpha) if alpha.any() else 0  # stands out on
    ground = 0 if ink > 127 else 255
    return np.rint((grey * alpha + ground * (255 - alpha)) / 255).T.astype(np.uint8)


def _grey(name, image):
    """An array [H, W] or [H, W, 3] as grey values in [0, 1]."""
    whole = {np.dtype(bool): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
    kind = image.dtype.newbyteorder("=")
    if kind not in whole and kind.kind != "f":
        raise DataError(f"{name}: values of {kind}; allowed: {ALLOWED}")
    grey = np.asarray(image, np.float32) / np.float32(whole.get(kind, 1))
    low, high = grey.min(), grey.max()
    if not 0 <= low <= high <= 1:  # NaN is neither
        raise DataError(f"{name}: values from {low:g} to {high:g}; allowed: {ALLOWED}")
    return grey if grey.ndim == 2 else grey @ np.float32(LUMINANCE)


def prepare(name, grey, side, invert=None):
    """An image on a model's canvas.

    Args:
      name: what it is called.
      grey: values in [0, 1]. Shape [H, W].
      side: of the canvas, in pixels.
      invert: whether ink is dark; None to tell it from the image's edge.

    Returns:
      A `Prepared`.
    """
    from PIL import Image

    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = np.median(edge)
    inverted = bool(ground > 0.5) if invert is None else invert
    height, width = grey.shape
    left, above = _margins((width, height))
    square = np.full([max(width, height)] * 2, ground, np.float32)
    square[above : above + height, left : left + width] = grey
    shrinks = len(square) > side
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(square).resize((side, side), how))
    if inverted:
        scaled, ground = 1 - scaled, 1 - ground
    if ground <= 0.5:  # it is not where the caller's word goes against the edge
        scaled = (scaled - ground) / (1 - ground)
    canvas = np.rint(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    size, ground = (width, height), round(255 * float(ground))
    return Prepared(name, size, canvas, inverted, ground)


def _margins(size):
    """Pixels left of and above an image in its square."""
    return [(max(size) - length) // 2 for length in size]
