"""Figures that describe a set of scenes, for reports."""

import numpy as np


def describe(scene_set):
    """Returns the statistics of a set of scenes.

    Args:
      scene_set: `data.SceneSet` of N scenes.

    Returns:
      A dict of plain Python values, ready for JSON:
        images: N.
        count_shares: {count as text: share of the scenes}.
        mean_ink: mean grey value over all pixels, from 0 to 1.
        inked_share: share of the pixels that are not 0.
        objects: number of objects in all scenes together.
        object_side: {"mean", "min", "max"} of the boxes' sides in pixels.
        nearest_pair_distance: {"mean", "min", "max"} over the scenes with two or more
          objects of the distance between the closest pair of centres, in pixels.
      Where there is nothing to describe (no objects, no pairs), values are None.
    """
    images, counts, boxes = scene_set
    values, numbers = np.unique(counts, return_counts=True)
    present = np.arange(boxes.shape[1]) < counts[:, None]
    pixels = max(images.size, 1)
    distances = nearest_pair_distances(scene_set)
    return {
        "images": len(images),
        "count_shares": {
            str(value): float(number / len(images))
            for value, number in zip(values, numbers, strict=True)
        },
        "mean_ink": float(images.sum(dtype=np.int64) / (255 * pixels)),
        "inked_share": float(np.count_nonzero(images) / pixels),
        "objects": int(present.sum()),
        "object_side": _summary(boxes[..., 2][present]),
        "nearest_pair_distance": _summary(distances[np.isfinite(distances)]),
    }


def nearest_pair_distances(scene_set):
    """Returns the distance between the closest two objects of each scene.

    Args:
      scene_set: `data.SceneSet` of N scenes.

    Returns:
      float64 [N], Euclidean distance in pixels between the centres of the boxes of
      the closest pair; infinite for scenes with fewer than two objects.
    """
    _, counts, boxes = scene_set
    nearest = np.full(len(counts), np.inf)
    centres = boxes[..., :2].astype(np.float64) + boxes[..., 2:] / 2
    for later in range(1, boxes.shape[1]):
        for earlier in range(later):
            distance = np.hypot(*(centres[:, later] - centres[:, earlier]).T)
            both = counts > later
            nearest[both] = np.minimum(nearest[both], distance[both])
    return nearest


def _summary(values):
    if not len(values):
        return {"mean": None, "min": None, "max": None}
    return {
        "mean": float(values.mean(dtype=np.float64)),
        "min": float(values.min()),
        "max": float(values.max()),
    }
