"""How this project draws: fonts, colours, pictures pixel by pixel, files.

A page is laid out in its own pixels: every scene is enlarged by a whole factor,
so that no pixel is interpolated. A file's bytes depend on what it shows alone:
neither the time nor the version of Matplotlib is written into it.
"""

import io
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reproduce import files

WIDTH = 7.2  # inches, a page's width between the margins
LABELS = 32  # points: room for the rows' labels
COUNTS = 9  # points: room for the counts above a row
BOX_LINE = 0.6  # points: thin enough that six boxes leave the scene to be seen
ENLARGED = 200  # pixels: a scene is enlarged to at most this side
# Okabe and Ito's colours, told apart by colour-blind readers as well; the dark
# ones are left out, since scenes are black. By order of the objects.
BOX_COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00")
WRONG = "#D00000"  # an inferred count that is not the true one
METHOD_COLOURS = {"air": "#0072B2", "pprior": "#D55E00", "asr": "#009E73"}
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


class Panel(NamedTuple):
    """A title of one or two lines above a block of scenes.

    Attributes:
      title: its first line is bold.
      rows: lists of `Scene`; empty if there is nothing to show.
    """

    title: str
    rows: list


def page(panels, side, caption, row_labels=(), colour_key=0):
    """A page of panels side by side, with a caption below.

    Args:
      panels: list of `Panel`, all with as many rows and columns or with none.
      side: S of the scenes, in pixels.
      caption: lines of text.
      row_labels: a word for each row, written left of the first panel.
      colour_key: number of box colours to explain below; 0 for no explanation.

    Returns:
      A Matplotlib `Figure`, `WIDTH` inches wide.
    """
    with rc_context(STYLE):
        return _page(panels, side, caption, row_labels, colour_key)


def _page(panels, side, caption, row_labels, colour_key):
    shape = max((len(p.rows), len(p.rows[0])) if p.rows else (1, 1) for p in panels)
    cell = side * (ENLARGED // side)
    gap, between = cell // 25, cell // 4
    panel_width = shape[1] * (cell + gap) - gap
    width = len(panels) * (panel_width + between)
    left = between // 2
    if row_labels:  # room for them in points, whose size depends on the width
        left = round(width / (WIDTH * 72 / LABELS - 1))
        width += left
    point = width / WIDTH / 72  # pixels
    counted = any(s.count is not None for p in panels for row in p.rows for s in row)
    above = round(COUNTS * point) if counted else gap
    top = round(30 * point) + (above if counted else 0)
    pitch = cell + above
    block = shape[0] * pitch - above
    key = round(16 * point) if colour_key else 0
    height = top + block + key + round((11 * len(caption) + 6) * point)
    figure = Figure(figsize=(WIDTH, WIDTH * height / width), dpi=width / WIDTH)

    def at(x, y):  # from the left and top edge, in pixels
        return x / width, 1 - y / height

    for number, panel in enumerate(panels):
        x = left + number * (panel_width + between)
        first, _, second = panel.title.partition("\n")
        middle = x + panel_width / 2
        for text, line, weight in ((first, 12, "bold"), (second, 23, "normal")):
            figure.text(
                *at(middle, line * point), text, ha="center", va="bottom", weight=weight
            )
        if not panel.rows:
            figure.text(
                *at(middle, top + block / 2),
                "no run yet",
                ha="center",
                va="center",
                color="0.4",
            )
        for r, row in enumerate(panel.rows):
            for c, scene in enumerate(row):
                corner = at(x + c * (cell + gap), top + r * pitch + cell)
                size = (cell / width, cell / height)
                _draw(figure.add_axes((*corner, *size)), scene, side)
    for r, label in enumerate(row_labels):
        middle = top + r * pitch + cell / 2
        figure.text(*at(left - 4 * point, middle), label, ha="right", va="center")
    if colour_key:
        _key(figure, colour_key, at, width, top + block + key / 2, point)
    for number, line in enumerate(caption):
        y = top + block + key + (11 * number + 9) * point
        figure.text(*at(width / 2, y), line, ha="center", va="center", color="0.25")
    return figure


def _draw(axes, scene, side):
    """One scene on its own axes, in the coordinates of its pixels."""
    axes.set_axis_off()
    # As colours: a map of 256 greys would be off by one here and there.
    colours = np.repeat(scene.image[:, :, None], 3, axis=2)
    axes.imshow(colours, extent=(0, side, side, 0))
    axes.set_xlim(0, side)
    axes.set_ylim(side, 0)
    for order, (x, y, box_width, box_height) in enumerate(scene.boxes):
        colour = BOX_COLOURS[order % len(BOX_COLOURS)]
        shape = ((x, y), box_width, box_height)
        axes.add_patch(Rectangle(*shape, fill=False, ec=colour, lw=BOX_LINE))
    if scene.count is not None:
        axes.text(
            *(0, 1.01, scene.count),
            transform=axes.transAxes,
            ha="left",
            va="bottom",
            size=6.5,
            color=WRONG if scene.wrong else "0.25",
            weight="bold" if scene.wrong else "normal",
        )


def _key(figure, colours, at, width, y, point):
    """What the boxes' colours mean, in one line."""
    words = ["order of the objects:"] + [str(n + 1) for n in range(colours)]
    x = width / 2 - (95 + 22 * colours) * point / 2
    figure.text(*at(x + 88 * point, y), words[0], ha="right", va="center")
    for number, word in enumerate(words[1:]):
        start = x + (95 + 22 * number) * point
        corner = at(start, y + 3.5 * point)
        size = (7 * point / width, at(0, 0)[1] - at(0, 7 * point)[1])
        figure.add_artist(
            Rectangle(
                corner,
                *size,
                transform=figure.transFigure,
                color=BOX_COLOURS[number % len(BOX_COLOURS)],
                lw=0,
            )
        )
        figure.text(*at(start + 9 * point, y), word, ha="left", va="center")


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
        with rc_context(STYLE):
            figure.savefig(stream, format=kind, dpi=figure.dpi, metadata=metadata)
        files.write_atomically(f"{file}.{kind}", stream.getvalue())
