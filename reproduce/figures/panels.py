"""Rows of scenes with their boxes, pixel by pixel; and files of pictures.

Every scene is enlarged by a whole factor, so that no pixel is interpolated. A file's
bytes depend on what it shows alone: neither the time nor the version of Matplotlib is
written into it.
"""

import io
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mpl_toolkits.axes_grid1 import ImageGrid

from reproduce.records import folders

WIDTH = 7.2  # inches, a page's width between the margins
SCENE = 200  # pixels: a scene is enlarged to at most this side
GAP, COUNTS, LABELS = 8, 34, 64  # pixels: between scenes, for counts, for row labels
BOX_LINE = 0.8  # points
# Okabe and Ito's colours, told apart by colour-blind readers as well; the dark ones
# are left out, since scenes are black. By order of the objects.
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
    """A picture of blocks of scenes below each other, each with its label on the left.

    Args:
      blocks: list of pairs of a label and a list of rows, which are lists of `Scene`s.
        All scenes are of one size; a block without any says "no run yet".

    Returns:
      A Matplotlib `Figure`, `WIDTH` inches wide.
    """
    blocks = [(label, rows or [[]]) for label, rows in blocks]
    every = [row for _, rows in blocks for row in rows]
    columns = max(map(len, every))
    side = next(len(row[0].image) for row in every if row)
    counted = any(scene.count is not None for row in every for scene in row)
    cell, above = side * max(1, SCENE // side), COUNTS if counted else GAP
    between = 0 if len(every) == len(blocks) else 2 * GAP
    width = LABELS + columns * (cell + GAP) - GAP
    height = len(every) * (cell + above) + (len(blocks) - 1) * between
    figure = Figure(figsize=(WIDTH, WIDTH * height / width), dpi=width / WIDTH)
    top = height  # of the block, from the figure's lower edge, in pixels
    for label, rows in blocks:
        bottom = top - len(rows) * (cell + above)
        place = (LABELS, bottom, width - LABELS, top - above - bottom)
        size = (width, height, width, height)
        grid = ImageGrid(
            figure,
            [part / whole for part, whole in zip(place, size, strict=True)],
            (len(rows), columns),
            axes_pad=(GAP / figure.dpi, above / figure.dpi),
            label_mode="keep",
        )
        for axes in grid:
            axes.set_axis_off()
            axes.set(xlim=(0, side), ylim=(side, 0))
        for axes_row, row in zip(grid.axes_row, rows, strict=True):
            for axes, scene in zip(axes_row, row, strict=False):
                _scene(axes, scene, side)
        if not rows[0]:
            words = {"color": "0.4", "va": "center"}
            grid.axes_row[0][0].text(0, side / 2, "no run yet", **words)
        middle = (bottom + top - above) / 2
        figure.text(
            *(LABELS / 2 / width, middle / height),
            label,
            rotation=90,
            ha="center",
            va="center",
        )
        top = bottom - between
    return figure


def _scene(axes, scene, side):
    """One scene on its own axes, in the coordinates of its pixels."""
    # As colours: a map of 256 greys would be off by one here and there.
    colours = np.repeat(scene.image[:, :, None], 3, axis=2)
    axes.imshow(colours, extent=(0, side, side, 0))
    for order, (x, y, box_width, box_height) in enumerate(scene.boxes):
        colour = BOX_COLOURS[order % len(BOX_COLOURS)]
        shape = ((x, y), box_width, box_height)
        axes.add_patch(Rectangle(*shape, fill=False, ec=colour, lw=BOX_LINE))
    if scene.count is not None:
        axes.text(
            *(0, 1.01, scene.count),
            transform=axes.transAxes,
            va="bottom",
            size=6.5,
            color=WRONG if scene.wrong else "0.25",
            weight="bold" if scene.wrong else "normal",
        )


def inputs(arrays, counted, columns):
    """The first test scenes of a run, as the rows of a block.

    Args:
      arrays: of `record.read_figure`.
      counted: whether the true counts are shown too: where scenes differ in them.
      columns: scenes in the one row.
    """
    counts = arrays["true_counts"] if counted else [None] * columns
    shown = zip(arrays["images"][:columns], counts, strict=False)
    return [[Scene(image, count=count) for image, count in shown]]


def reconstructions(arrays, counted, columns):
    """The same scenes as a run reconstructs them, with its boxes; see `inputs`.

    `arrays` is None for a run that is not there: no rows.
    """
    if arrays is None:
        return []
    row = []
    for i, image in enumerate(arrays["reconstructions"][:columns]):
        count = int(arrays["counts"][i])
        wrong = counted and count != arrays["true_counts"][i]
        shown = count if counted else None
        row.append(Scene(image, arrays["boxes"][i][:count], shown, bool(wrong)))
    return [row]


def samples(arrays, columns):
    """All samples that a run keeps, as rows; none where `arrays` is None."""
    images = [] if arrays is None else arrays["sample_images"]
    scenes = [Scene(image) for image in images]
    return [scenes[i : i + columns] for i in range(0, len(scenes), columns)]


@matplotlib.rc_context(STYLE)
def save(figure, file):
    """Writes `<file>.png` and `<file>.pdf`, each whole or not at all.

    Raises:
      OSError: naming the file that could not be written.
    """
    nothing = {
        "png": {"Software": None},
        "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }
    for kind, metadata in nothing.items():
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, dpi=figure.dpi, metadata=metadata)
        folders.write_atomically(f"{file}.{kind}", stream.getvalue())
