"""Metrics of inferred scenes against the ground truth. NumPy and SciPy only.

Boxes are (x, y, width, height) in pixels, x and y of the top-left corner; rows
beyond a scene's count are ignored.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

# Edges of the bins of the distance, in pixels, between the two nearest objects of a
# scene; this project's choice. Digits of some 20 pixels fill them about equally.
DISTANCE_EDGES = (0, 12, 14, 16, 18, 20, 22, 25, 30, 100)


def intersection_over_union(first, second, integer_convention=False):
    """IoU of every pair of boxes.

    Args:
      first: shape [n, 4].
      second: shape [m, 4].
      integer_convention: whether corners are inclusive pixel indices, so that
        every side is longer by 1 (as in the released code).

    Returns:
      Shape [n, m]; 0 for a pair without area.
    """
    extra = 1.0 if integer_convention else 0.0
    first, second = np.asarray(first, float), np.asarray(second, float)
    sides = _common_sides(first[:, None], second[None]) + extra
    overlap = np.prod(np.maximum(sides, 0.0), axis=2)
    area_first = np.prod(first[:, 2:] + extra, axis=1)
    area_second = np.prod(second[:, 2:] + extra, axis=1)
    union = area_first[:, None] + area_second[None] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def mean_intersection_over_union(inferred, true, integer_convention=False):
    """mIoU of one scene: best one-to-one assignment (section 6).

        max over assignments of sum IoU / max(number inferred, number true)

    Args:
      inferred: shape [n, 4].
      true: shape [m, 4].
      integer_convention: see `intersection_over_union`.

    Returns:
      A float in [0, 1]; 1 where both are empty.
    """
    larger = max(len(inferred), len(true))
    if larger == 0:
        return 1.0
    iou = intersection_over_union(inferred, true, integer_convention)
    rows, columns = linear_sum_assignment(iou, maximize=True)
    return float(iou[rows, columns].sum() / larger)


def mean_over_scenes(inferred_boxes, inferred_counts, true_boxes, true_counts):
    """mIoU over a set of scenes, in both conventions.

    Args:
      inferred_boxes: shape [images, K, 4].
      inferred_counts: shape [images].
      true_boxes: shape [images, largest count, 4].
      true_counts: shape [images].

    Returns:
      A dict of floats: "miou", and "miou_integer_convention", every side longer by 1.
    """
    values = {"miou": [], "miou_integer_convention": []}
    for boxes, n, truth, m in zip(
        inferred_boxes, inferred_counts, true_boxes, true_counts, strict=True
    ):
        for convention, column in zip((False, True), values.values(), strict=True):
            miou = mean_intersection_over_union(boxes[:n], truth[:m], convention)
            column.append(miou)
    return {name: float(np.mean(column)) for name, column in values.items()}


def too_few_by_distance(inferred_counts, true_counts, distances):
    """Scenes in which objects were missed, by the distance of the nearest pair.

    Args:
      inferred_counts: shape [images].
      true_counts: shape [images].
      distances: distance of the two nearest objects in pixels; not finite for a
        scene of fewer than two, which is left out. Shape [images].

    Returns:
      A dict of lists: "edges" of the bins in pixels, and for each bin the numbers of
      "scenes" and of those with "too_few" inferred objects.
    """
    distances = np.asarray(distances)
    several = np.isfinite(distances)
    missed = several & (np.asarray(inferred_counts) < np.asarray(true_counts))
    table = {"edges": list(DISTANCE_EDGES)}
    for name, chosen in (("scenes", several), ("too_few", missed)):
        number, _ = np.histogram(distances[chosen], DISTANCE_EDGES)
        table[name] = number.tolist()
    return table


def overlapping_pair_share(boxes, counts):
    """Share of box pairs within a scene whose intersection has an area.

    Args:
      boxes: shape [scenes, K, 4].
      counts: shape [scenes].

    Returns:
      The share in [0, 1] and its standard error over scenes, two floats; (None, None)
      where no scene has two objects.
    """
    overlapping, pairs = overlapping_pairs(boxes, counts)
    if not pairs.sum():
        return None, None
    share = overlapping.sum() / pairs.sum()
    # The error of a ratio whose independent draws are the scenes (Cochran, 1977).
    error = np.sqrt(np.sum((overlapping - share * pairs) ** 2)) / pairs.sum()
    return float(share), float(error)


def overlapping_pairs(boxes, counts):
    """Numbers of box pairs in each scene whose intersection has an area, and of all.

    Args:
      boxes: shape [scenes, K, 4].
      counts: shape [scenes].

    Returns:
      Two integer arrays of shape [scenes].
    """
    boxes, counts = np.asarray(boxes, float), np.asarray(counts)
    meet = np.all(_common_sides(boxes[:, :, None], boxes[:, None]) > 0, axis=-1)
    exist = np.arange(boxes.shape[1]) < counts[:, None]
    later = np.triu(np.ones(meet.shape[1:], bool), 1)
    both = exist[:, :, None] & exist[:, None] & later
    return np.sum(meet & both, axis=(1, 2)), np.sum(both, axis=(1, 2))


def _common_sides(first, second):
    """Sides of the intersections of boxes; not positive where they do not meet.

    Shapes [..., 4] that broadcast, to [..., 2]. Far from the origin (x + width) - x is
    rounded, and may exceed the width.
    """
    low = np.maximum(first[..., :2], second[..., :2])
    ends = (box[..., :2] + box[..., 2:] for box in (first, second))
    shorter = np.minimum(first[..., 2:], second[..., 2:])
    return np.minimum(np.minimum(*ends) - low, shorter)
