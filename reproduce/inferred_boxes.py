"""Do inferred boxes overlap, which is what the penalty of Table 2 acts on?

A run keeps the first test scenes and as many samples from its prior, for the figures
(`summaries.figure_arrays`). This module counts there the pairs of inferred boxes that
overlap and the ink that no inferred box covers, and takes the medians of inferred and
of sampled sides.
"""

import statistics
from typing import NamedTuple

import numpy as np

from reproduce import kept_scenes, metrics, outcome, records, render
from reproduce.summaries import SHOWN_SCENES


class Boxes(NamedTuple):
    """The boxes of a cell's kept scenes, over all its runs.

    Attributes:
      overlapping: pairs of inferred boxes within a scene that overlap.
      pairs: all such pairs.
      inferred: median side of the inferred boxes in pixels.
      sampled: median side of the boxes sampled from the prior in pixels.
      uncovered: ink outside every inferred box, in white pixels a scene (mean).
    """

    overlapping: int
    pairs: int
    inferred: float
    sampled: float
    uncovered: float


def of_cell(cell, results):
    """The `Boxes` of a cell; None if none of its runs has kept scenes.

    Args:
      cell: a `cells.Cell`.
      results: the folder that holds the runs.

    Raises:
      RecordError: if a run's arrays are damaged.
    """
    overlapping, pairs, sides = 0, 0, {"boxes": [], "sample_boxes": []}
    outside = []
    for record in cell.complete:
        folder = records.run_folder(results, records.configuration_of(record))
        if not (folder / outcome.FIGURE_FILE).exists():
            continue
        scenes = kept_scenes.load(record, results, "scenes")
        samples = kept_scenes.load(record, results, "samples")
        found = metrics.overlapping_pairs(scenes["boxes"], scenes["counts"])
        overlapping, pairs = overlapping + found[0], pairs + found[1]
        sides["boxes"] += _sides(scenes["boxes"], scenes["counts"])
        outside += _uncovered(scenes).tolist()
        sides["sample_boxes"] += _sides(
            samples["sample_boxes"], samples["sample_counts"]
        )
    if not all(sides.values()):
        return None
    medians = (statistics.median(values) for values in sides.values())
    return Boxes(overlapping, pairs, *medians, statistics.mean(outside))


def markdown(cells, results):
    """A table of the cells that have kept scenes; "" if none has.

    Args and raises: as `of_cell`, of a list of cells.
    """
    found = [(cell, of_cell(cell, results)) for cell in cells]
    rows = [
        [
            cell.label,
            f"{boxes.overlapping} of {boxes.pairs}",
            f"{boxes.inferred:.1f}",
            f"{boxes.sampled:.1f}",
            f"{boxes.uncovered:.1f}",
        ]
        for cell, boxes in found
        if boxes
    ]
    if not rows:
        return ""
    return "\n".join(
        [
            "The overlap penalty acts on inferred boxes, claim 6 looks at sampled "
            f"ones. In the {SHOWN_SCENES} test scenes and {SHOWN_SCENES} samples kept "
            "with each record (ink outside: grey values of the pixels whose centre "
            "lies in no inferred box, summed, white being 1, a scene):",
            "",
            "|  | overlapping pairs, inferred | median side, inferred, in pixels "
            "| median side, sampled, in pixels | ink outside inferred boxes |",
            "|---|---:|---:|---:|---:|",
            *(render.table_line(row) for row in rows),
        ]
    )


def _uncovered(scenes):
    """Ink outside every inferred box, in white pixels. Shape [scenes].

    Args:
      scenes: of `kept_scenes.load`; a pixel is covered where its centre is in a box.
    """
    images, boxes = scenes["images"] / 255, scenes["boxes"]
    centres = np.arange(images.shape[1]) + 0.5
    low, high = boxes[..., :2, None], (boxes[..., :2] + boxes[..., 2:])[..., None]
    inside = (low <= centres) & (centres < high)  # [scenes, K, (x, y), S]
    inside &= _exist(boxes, scenes["counts"])[:, :, None, None]
    covered = np.einsum("bky,bkx->byx", *(inside[:, :, i].astype(int) for i in (1, 0)))
    return np.sum(images * (covered == 0), axis=(1, 2))


def _sides(boxes, counts):
    """The sides of the boxes that exist; boxes are squares."""
    return boxes[..., 2][_exist(boxes, counts)].tolist()


def _exist(boxes, counts):
    """Which of the boxes exist: those before the count. Shape [scenes, K]."""
    return np.arange(boxes.shape[1]) < counts[:, None]
