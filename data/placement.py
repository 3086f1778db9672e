"""Where objects go on a canvas: uniform positions under a rule of separation."""

import numpy as np

from data.errors import DataError
from data.randomness import random_whole_numbers

LARGEST_CANVAS = 64  # a canvas row is the bits of one uint64
SEPARATIONS = ("ink", "boxes", "columns")
BATCH = 8192  # layouts tried at a time
PATIENCE = 10_000  # layouts tried for a scene before other objects are taken
HOPELESS = 1_000_000  # layouts tried without one success
CROWDED = 5_000  # layouts tried for each scene on average


def footprints(crops, separation):
    """Returns what of each object must not meet another object, as rows of bits.

    Args:
      crops: `data.objects.Crops` of M objects.
      separation: "ink" (pixels that are not 0; boxes may overlap), "boxes" (the whole
        square crops; paper section 6.2) or "columns" (the intervals in x that the
        crops cover; the released code's rule).

    Returns:
      uint64 [M, R]: bit x of row y is set where the footprint covers the pixel (x, y)
      of the crop. R is 1 for "columns", where rows play no part, else the longest
      side, at least 2.
    """
    steps = np.arange(crops.images.shape[1])
    inside = steps < crops.sides[:, None]
    if separation == "ink":
        covered = crops.images != 0
    elif separation == "boxes":
        covered = inside[:, :, None] & inside[:, None, :]
    else:
        covered = inside[:, None, :]
    bits = np.left_shift(np.uint64(1), steps.astype(np.uint64))
    rows = np.zeros(covered.shape[:2], np.uint64)
    for step in steps:  # one column at a time: [M, R, L] of uint64 would be large
        rows |= covered[:, :, step] * bits[step]
    # A single row means "columns" to `place`; one without ink changes nothing.
    missing_rows = 1 if separation != "columns" and rows.shape[1] == 1 else 0
    return np.pad(rows, [(0, 0), (0, missing_rows)])


def place(draw_objects, prints, sides, scenes, canvas_side, stream):
    """Places objects on the canvases of scenes that all have the same count.

    Positions are drawn by rejection of whole scenes: every object of a scene gets a
    uniform position inside the canvas, and if any two footprints meet, all positions
    of the scene are drawn again. So, given its objects, a scene's layout is uniform
    over the layouts allowed (this project's choice; placing one object after the
    other would favour crowded layouts). The objects stay while positions are redrawn,
    so that narrow objects are not favoured either; only after 10,000 layouts, more than
    any scene of the paper's settings needs, are other objects taken.

    Args:
      draw_objects: Function of a number of scenes that returns the objects of as many
        scenes, int64 [scenes, count].
      prints: uint64 [M, R] from `footprints`.
      sides: int64 [M], sides of the objects' boxes in pixels.
      scenes: Number of scenes.
      canvas_side: Side of the canvas in pixels, at most 64.
      stream: A `numpy.random.Generator`.

    Returns:
      objects: int64 [scenes, count], which object stands where.
      corners: int64 [scenes, count, 2], (x, y) of the boxes' upper left corners.

    Raises:
      DataError: If the objects do not fit, or fit so rarely that the search is given
        up: no success in a million layouts, or fewer than one in 5,000.
    """
    objects = draw_objects(scenes)
    count = objects.shape[1]
    corners = np.zeros((scenes, count, 2), np.int64)
    pending = np.arange(scenes)
    tried = np.zeros(scenes, np.int64)
    total = 0
    while len(pending):
        # A few scenes left over get many layouts each, so that no round is small.
        repeats = max(1, BATCH // len(pending))
        still_pending = []
        for start in range(0, len(pending), BATCH):
            part = pending[start : start + BATCH]
            owners = np.repeat(part, repeats)
            limits = canvas_side + 1 - sides[objects[owners]]
            proposals = random_whole_numbers(stream, np.stack([limits] * 2, axis=-1))
            good = _allowed(prints[objects[part]], repeats, proposals, canvas_side)
            placed, first = np.unique(owners[good], return_index=True)
            corners[placed] = proposals[good[first]]
            total += len(owners)
            tried[part] += repeats
            still_pending.append(np.setdiff1d(part, placed, assume_unique=True))
        pending = np.concatenate(still_pending)
        hopeless = total >= HOPELESS and len(pending) == scenes
        if hopeless or (len(pending) and total >= HOPELESS + CROWDED * scenes):
            raise DataError(
                f"counts: {count} objects of {sides.min()} to {sides.max()} pixels do "
                f"not fit on a canvas of {canvas_side} pixels often enough "
                f"({scenes - len(pending)} of {scenes} scenes after {total:,} tries); "
                "fewer or smaller objects are allowed"
            )
        stuck = pending[tried[pending] >= PATIENCE]
        if len(stuck):
            objects[stuck] = draw_objects(len(stuck))
            tried[stuck] = 0
    return objects, corners


def _allowed(prints, repeats, proposals, canvas_side):
    """Returns the proposals in which no two footprints meet.

    Args:
      prints: uint64 [scenes, count, R].
      repeats: Number of consecutive proposals for each scene.
      proposals: int64 [scenes * repeats, count, 2], corners (x, y).
      canvas_side: Side of the canvas in pixels.

    Returns:
      int64 [good proposals], ascending.
    """
    height = prints.shape[2]
    lines = 1 if height == 1 else canvas_side + height  # crops may be zero at the end
    occupied = np.zeros(len(proposals) * lines, np.uint64)
    alive = np.arange(len(proposals))
    for number in range(proposals.shape[1]):
        x, y = proposals[alive, number].T
        if lines == 1:
            y = np.zeros_like(y)
        rows = prints[alive // repeats, number] << x.astype(np.uint64)[:, None]
        where = (alive * lines + y)[:, None] + np.arange(height)
        before = occupied[where]
        free = ~(before & rows).any(axis=1)
        alive = alive[free]
        occupied[where[free]] = (before | rows)[free]
    return alive
