"""Digits rendered from the fonts that Matplotlib ships: no download, no files.

They stand in for MNIST where it cannot be had, in smoke runs and in tests. They are
easier than MNIST, so results on them are never mixed with results on MNIST.

Outlines are read unhinted, in font units, and filled here, so the digits depend on the
font files only and not on the version of a drawing library.
"""

import hashlib
import itertools
import os
from pathlib import Path

import numpy as np

from data.errors import DataError
from data.randomness import generator, random_whole_numbers

VERSION = 1  # changes when the same fonts and seed would give other pixels
SIDE = 28  # pixels, as in MNIST
DIGITS = 4000
FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSans-BoldOblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSansMono-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
    "DejaVuSerif-BoldItalic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralItalic.ttf",
    "STIXGeneralBolIta.ttf",
    "cmb10.ttf",
    "cmr10.ttf",
    "cmss10.ttf",
    "cmtt10.ttf",
)
LENGTHS = (18.0, 20.0)  # pixels, longer side of the ink; MNIST has 20
SLANT = 0.25  # largest shift in x for a unit of height, to either side
WIDTHS = (0.85, 1.25)  # factor on the font's own width
CURVE_STEPS = 6  # straight pieces per curve
LINES = 8  # scan lines a pixel row
FAINTEST = 8  # grey (of 255) below which a pixel is paper, so ink has no dust
CHUNK = 64  # digits filled at a time, to bound memory


def render_digits(digits=DIGITS, seed=0):
    """Returns digits in random fonts, slants, widths and sizes.

    Args:
      digits: Number of digits.
      seed: Seed of the random choices. The same seed and fonts give the same digits.

    Returns:
      images: uint8 [digits, 28, 28], antialiased grey from 0 (paper) to 255 (ink). The
        longer side of the ink has 18 to 20 pixels (up to 21 where an outline does
        not start on a pixel's edge), the box around it in the middle.
      labels: uint8 [digits], the digit shown.

    Raises:
      DataError: If Matplotlib or its fonts are missing, or `digits` is not positive.
    """
    if digits < 1:
        raise DataError(f"digits: {digits} given, at least 1 is allowed")
    stream = generator(seed, "rendered digits")
    labels = random_whole_numbers(stream, np.full(digits, 10))
    fonts = random_whole_numbers(stream, np.full(digits, len(FONTS)))
    slants = SLANT * (2 * stream.random(digits) - 1)
    widths = WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * stream.random(digits)
    lengths = LENGTHS[0] + (LENGTHS[1] - LENGTHS[0]) * stream.random(digits)
    shifts = stream.random((digits, 2)) - 0.5  # pixels

    images = np.zeros((digits, SIDE, SIDE), np.uint8)
    folder = _font_folder()
    for number in range(len(FONTS)):
        outlines = _outlines(folder / FONTS[number])
        for label in range(10):
            members = np.flatnonzero((fonts == number) & (labels == label))
            for start in range(0, len(members), CHUNK):
                part = members[start : start + CHUNK]
                edges = _transform(
                    outlines[label],
                    slants[part],
                    widths[part],
                    lengths[part],
                    shifts[part],
                )
                images[part] = _fill(edges)
    return images, labels.astype(np.uint8)


def fingerprint(digits=DIGITS, seed=0):
    """Returns a SHA-256 of all that determines `render_digits`, without rendering."""
    digest = hashlib.sha256(f"{VERSION} {digits} {seed}".encode())
    folder = _font_folder()
    for name in FONTS:
        digest.update(hashlib.sha256(_font_bytes(folder / name)).digest())
    return digest.hexdigest()


def import_matplotlib():
    """Matplotlib, whatever backend a notebook names to the commands it starts."""
    named = os.environ.pop("MPLBACKEND", None)  # one that is not installed is an error
    try:
        import matplotlib  # here, because no other part of the package needs it
    finally:
        os.environ |= {} if named is None else {"MPLBACKEND": named}
    return matplotlib


def _font_folder():
    try:
        matplotlib = import_matplotlib()
    except ImportError as error:
        raise DataError(
            "--digits rendered: Matplotlib, whose fonts are used, is not installed; "
            "install it, or use MNIST"
        ) from error
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _font_bytes(file):
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"{file}: this font of Matplotlib cannot be read ({error.strerror}); "
            "reinstall Matplotlib, or use MNIST"
        ) from error


def _outlines(file):
    """Returns the outlines of 0 .. 9: for each, edges float64 [E, 2 ends, 2 (x, y)]."""
    from matplotlib import ft2font

    _font_bytes(file)  # for its error message
    font = ft2font.FT2Font(str(file))
    flags = ft2font.LoadFlags.NO_SCALE | ft2font.LoadFlags.NO_HINTING
    outlines = []
    for label in "0123456789":
        font.load_char(ord(label), flags=flags)
        vertices, codes = font.get_path()
        outlines.append(_straighten(vertices, codes))
    return outlines


def _straighten(vertices, codes):
    """Cuts the curves of an outline into straight edges.

    Args:
      vertices: float64 [V, 2].
      codes: uint8 [V]: 1 starts a contour, 2 is a line's end, 3 and 4 are the points
        of curves with one and two control points, 79 closes the contour.

    Returns:
      float64 [E, 2, 2].
    """
    edges = []
    first = last = vertices[0]
    index = 0
    while index < len(codes):
        code = int(codes[index])
        length = {3: 2, 4: 3}.get(code, 1)
        points = vertices[index : index + length]
        index += length
        if code == 1:
            first = last = points[0]
            continue
        end = first if code == 79 else points[-1]
        control = [last, *points[:-1], end]
        steps = np.linspace(0, 1, CURVE_STEPS + 1 if length > 1 else 2)[:, None]
        while len(control) > 1:  # de Casteljau's construction
            control = [a + steps * (b - a) for a, b in itertools.pairwise(control)]
        curve = control[0]
        edges.append(np.stack([curve[:-1], curve[1:]], axis=1))
        last = end
    return np.concatenate(edges)


def _transform(edges, slants, widths, lengths, shifts):
    """Slants, stretches and centres an outline: [E, 2, 2] -> [n, E, 2, 2] in pixels."""
    x, y = edges[..., 0], -edges[..., 1]  # fonts count y upwards
    points = np.stack(
        [
            widths[:, None, None] * x - slants[:, None, None] * y,
            np.broadcast_to(y, (len(slants), *y.shape)),
        ],
        axis=-1,
    )
    low = points.min(axis=(1, 2), keepdims=True)
    size = points.max(axis=(1, 2), keepdims=True) - low
    factor = lengths[:, None, None, None] / size.max(axis=-1, keepdims=True)
    middle = SIDE / 2 + shifts[:, None, None, :]
    return (points - low - size / 2) * factor + middle


def _fill(edges):
    """Fills outlines: [n, E, 2, 2] in pixels -> uint8 [n, 28, 28].

    Each pixel row is cut by scan lines. Where an edge crosses one, the winding number
    changes by one for all that lies to the right; in the pixel of the crossing it
    counts by the part of the pixel that lies to the right, so coverage is exact along
    x. The winding number's size, at most 1, is the grey value.
    """
    number = len(edges)
    lines = (np.arange(SIDE * LINES) + 0.5) / LINES
    start, end = edges[:, None, :, 0], edges[:, None, :, 1]  # [n, 1, E, 2]
    below = start[..., 1] <= lines[:, None]
    crossing = below != (end[..., 1] <= lines[:, None])  # [n, lines, E]
    digit, line, edge = np.nonzero(crossing)
    (x0, y0), (x1, y1) = edges[digit, edge, 0].T, edges[digit, edge, 1].T
    x = x0 + (lines[line] - y0) * (x1 - x0) / (y1 - y0)
    sign = np.where(y1 > y0, 1.0, -1.0)
    pixel = np.floor(x).astype(np.int64)
    part = x - pixel
    cell = (digit * SIDE * LINES + line) * (SIDE + 1) + pixel
    size = number * SIDE * LINES * (SIDE + 1)
    change = np.bincount(cell, sign * (1 - part), size)
    change += np.bincount(cell + 1, sign * part, size)
    winding = np.cumsum(change.reshape(number, SIDE, LINES, SIDE + 1), axis=-1)
    grey = np.minimum(np.abs(winding[..., :SIDE]), 1).mean(axis=2) * 255
    grey = np.rint(np.round(grey, 6)).astype(np.uint8)
    return np.where(grey < FAINTEST, 0, grey).astype(np.uint8)
