"""Draws rows of scenes with their boxes, pixel by pixel, and writes pictures to files.

Every scene is enlarged by an integer factor, so that no pixel is interpolated. A file's
bytes depend only on what it shows: neither the time nor the version of Matplotlib is
written into it.
"""

import functools
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reproduce.records import folders

COLUMNS = 8  # scenes in a row
WIDTH = 7.2  # inches, a page's width between the margins
SCENE = 200  # pixels: a scene is enlarged to at most this side
GAP, COUNTS, LABELS = 8, 34, 64  # pixels: between scenes, for counts, for row labels
BOX_LINE = 0.8  # points
# Okabe and Ito's colours, which colour-blind readers can tell apart too, without the
# dark ones, since scenes are black. By order of the objects.
BOX_COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00")
WRONG = "#D00000"  # an inferred count that is not the true one
STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # letters stay text
    "image.interpolation": "none",
}


class Scene(NamedTuple):
    """A picture to draw.

    Attributes:
      image: uint8 grey values. Shape [S, S].
      boxes: (x, y, width, height) in pixels, in the order of inference. Shape
        [n, 4]; empty for none.
      count: the number written above the picture, None for none.
      wrong: whether that number is wrong; it is red then.
    """

    image: np.ndarray
    boxes: np.ndarray = np.zeros((0, 4))
    count: int | None = None
    wrong: bool = False


@matplotlib.rc_context(STYLE)
def draw(blocks):
    """A picture of blocks of scenes, one below the other, with labels on the left.

    Args:
      blocks: list of pairs of a label and a list of rows, which are lists of `Scene`s.
        All scenes have the same size; a block without any says "no run yet".

    Returns:
      A Matplotlib `Figure`, `WIDTH` inches wide, with one `Axes` in units of pixels.
    """
    blocks = [(label, rows or [[]]) for label, rows in blocks]
    scenes = [scene for _, rows in blocks for row in rows for scene in row]
    columns = max(len(row) for _, rows in blocks for row in rows)
    factor = max(1, SCENE // len(scenes[0].image))
    cell = factor * len(scenes[0].image)
    above = GAP if all(scene.count is None for scene in scenes) else COUNTS
    between = 2 * GAP if max(len(rows) for _, rows in blocks) > 1 else 0
    height = sum(len(rows) * (cell + above) + between for _, rows in blocks) - between
    width = LABELS + columns * (cell + GAP) - GAP
    figure = Figure(figsize=(WIDTH, WIDTH * height / width), dpi=width / WIDTH)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    picture, top = np.full((height, width, 3), 255, np.uint8), 0
    for label, rows in blocks:
        middle = top + (above + len(rows) * (cell + above)) / 2
        axes.text(LABELS / 2, middle, label, rotation=90, ha="center", va="center")
        if not rows[0]:
            axes.text(LABELS, middle, "no run yet", color="0.4", va="center")
        for row in rows:
            top += above
            for column, scene in enumerate(row):
                left = LABELS + column * (cell + GAP)
                grey = scene.image.repeat(factor, axis=0).repeat(factor, axis=1)
                picture[top : top + cell, left : left + cell] = grey[..., None]
                _annotate(axes, scene, left, top, factor)
            top += cell
        top += between
    axes.imshow(picture, extent=(0, width, height, 0), aspect="auto")
    return figure


def _annotate(axes, scene, left, top, factor):
    """Draws boxes and count of a scene whose upper left corner is at (left, top)."""
    side = factor * len(scene.image)
    outline = Rectangle((left, top), side, side, transform=axes.transData)
    for order, box in enumerate(scene.boxes):
        x, y, width, height = factor * box
        line = {"ec": BOX_COLOURS[order % len(BOX_COLOURS)], "lw": BOX_LINE}
        rectangle = Rectangle((left + x, top + y), width, height, fill=False, **line)
        axes.add_patch(rectangle).set_clip_path(outline)
    if scene.count is not None:
        color, weight = (WRONG, "bold") if scene.wrong else ("0.25", "normal")
        style = {"va": "bottom", "size": 6.5, "color": color, "weight": weight}
        axes.text(left, top - 2, scene.count, **style)


def compared(runs, counted):
    """The blocks of the first test scenes: as they are, and as each run infers them.

    Args:
      runs: pairs of a label and the arrays of `record.read_figure`, None for a missing
        run.
      counted: whether counts are shown: where scenes differ in them.
    """
    first = next(arrays for _, arrays in runs if arrays is not None)
    counted &= "true_counts" in first  # scenes of one's own may lack them
    counts = first["true_counts"] if counted else [None] * COLUMNS
    scenes = zip(first["images"][:COLUMNS], counts, strict=False)
    inputs = [Scene(image, count=count) for image, count in scenes]
    return [("input", [inputs]), *((label, _inferred(a, counted)) for label, a in runs)]


def _inferred(arrays, counted):
    if arrays is None:
        return []
    row = []
    for i, image in enumerate(arrays["reconstructions"][:COLUMNS]):
        count = int(arrays["counts"][i])
        wrong = counted and count != arrays["true_counts"][i]
        shown = count if counted else None
        row.append(Scene(image, arrays["boxes"][i][:count], shown, bool(wrong)))
    return [row]


def samples(arrays):
    """All samples that a run keeps, as rows; no rows if `arrays` is None."""
    images = [] if arrays is None else arrays["sample_images"]
    scenes = [Scene(image) for image in images]
    return [scenes[i : i + COLUMNS] for i in range(0, len(scenes), COLUMNS)]


@matplotlib.rc_context(STYLE)
def save(figure, file):
    """Writes `<file>.png` and `<file>.pdf`, each whole or not at all."""
    no_metadata = {
        "png": {"Software": None},
        "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }
    for kind, metadata in no_metadata.items():
        options = {"format": kind, "dpi": figure.dpi, "metadata": metadata}
        write = functools.partial(figure.savefig, **options)
        folders.write_atomically(f"{file}.{kind}", write)
