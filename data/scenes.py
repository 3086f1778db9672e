"""Scenes of several objects with known counts and boxes (Multi-MNIST, Multi-dSprites).

Paper section 6 and its released code; where they differ, a field of
`data.SceneSpecification` chooses.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from data import objects as source_objects
from data import placement
from data.errors import DataError
from data.randomness import generator, random_order, random_whole_numbers

CHUNK = 4096  # scenes painted at a time, to bound memory


class SceneSet(NamedTuple):
    """N scenes and their ground truth.

    Attributes:
      images: uint8 [N, S, S], grey values from 0 to 255.
      counts: int32 [N], numbers of objects.
      boxes: float32 [N, largest count, 4], the objects' square crops as (x, y, w, h)
        in pixels: (x, y) is the upper left corner, and the box covers the pixels from
        x to x + w - 1. Rows beyond the count are 0.
    """

    images: np.ndarray
    counts: np.ndarray
    boxes: np.ndarray


class Scenes(NamedTuple):
    """Training set, test set (both `SceneSet`), and the digest of their content."""

    train: SceneSet
    test: SceneSet
    digest: str


def synthesise(specification, objects):
    """Makes the scenes that a specification asks for.

    Objects are drawn uniformly, with replacement, from `objects`; each is cropped to
    the square around its ink and scaled (`data.objects`), and lies wholly inside the
    canvas. Layouts are uniform over those that the rule of separation allows
    (`data.placement`, rejection of whole scenes). Inked pixels never meet, so a
    scene is the plain sum of its objects. The order of scenes is random.

    Args:
      specification: `data.SceneSpecification`.
      objects: uint8 [M, H, W], grey values from 0 to 255.

    Returns:
      `Scenes`. The same specification and objects give the same bytes; the training
      scenes do not depend on the number of extra test scenes.

    Raises:
      DataError: If the objects are unfit or do not fit on the canvas.
    """
    crops = _prepare(specification, objects)
    prints = placement.footprints(crops, specification.separation)
    images = {"train": specification.train_images, "test": specification.test_images}
    train = _make_set(specification, crops, prints, "train", images["train"])
    if specification.test_split == "shuffled":
        cut = specification.test_images
        test = SceneSet(*(array[:cut].copy() for array in train))
        train = SceneSet(*(array[cut:].copy() for array in train))
    else:
        test = _make_set(specification, crops, prints, "test", images["test"])
    return Scenes(train, test, content_digest(train, test))


def content_digest(train, test):
    """Returns the SHA-256, in hexadecimal, of all images, counts and boxes."""
    digest = hashlib.sha256()
    for scene_set in (train, test):
        for name, array in scene_set._asdict().items():
            header = f"{name} {array.dtype.str} {list(array.shape)}\n"
            digest.update(header.encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _prepare(specification, objects):
    objects = np.asarray(objects)
    if objects.dtype != np.uint8 or objects.ndim != 3 or not len(objects):
        raise DataError(
            f"objects: {objects.dtype} {list(objects.shape)} given, uint8 [objects, "
            "height, width] is needed"
        )
    if objects.max() <= 1:
        raise DataError(
            "objects: no value above 1 given, grey values from 0 to 255 are needed"
        )
    crops = source_objects.scale_crops(
        source_objects.crop_to_ink(objects), specification.object_scale
    )
    if crops.sides.max() > specification.canvas_side:
        raise DataError(
            f"canvas_side: {specification.canvas_side} given, but objects are up to "
            f"{crops.sides.max()} pixels wide; a canvas of at least that is allowed"
        )
    return crops


def _make_set(specification, crops, prints, purpose, images):
    """Makes one `SceneSet` of `images` scenes."""
    side = specification.canvas_side
    stream = generator(specification.seed, "scenes", purpose)
    shares = np.full(len(specification.counts), images // len(specification.counts))
    shares[: images % len(specification.counts)] += 1
    counts = np.repeat(np.array(specification.counts, np.int32), shares)
    boxes = np.zeros((images, max(specification.counts), 4), np.float32)
    canvases = np.zeros((images, side, side), np.uint8)

    start = 0
    for count, share in zip(specification.counts, shares.tolist(), strict=True):

        def draw_objects(scenes, count=count):
            limits = np.full((scenes, count), len(crops.sides))
            return random_whole_numbers(stream, limits)

        if count and share:
            chosen, corners = placement.place(
                draw_objects, prints, crops.sides, share, side, stream
            )
            boxes[start : start + share, :count, :2] = corners
            boxes[start : start + share, :count, 2:] = crops.sides[chosen][..., None]
            for first in range(0, share, CHUNK):
                part = slice(first, min(first + CHUNK, share))
                canvases[start + part.start : start + part.stop] = _paint(
                    crops.images, chosen[part], corners[part], side
                )
        start += share

    order = random_order(stream, images)
    return SceneSet(canvases[order], counts[order], boxes[order])


def _paint(crops, chosen, corners, side):
    """Adds up objects chosen [n, count] at corners [n, count, 2]: uint8 [n, S, S]."""
    (scenes, count), longest = chosen.shape, crops.shape[1]
    wide = side + longest  # takes the empty part of crops smaller than the largest
    canvases = np.zeros(scenes * wide * wide, np.uint8)
    steps = np.arange(longest)
    inside = (steps[:, None] * wide + steps).ravel()
    for number in range(count):
        x, y = corners[:, number].T
        start = (np.arange(scenes) * wide + y) * wide + x
        canvases[start[:, None] + inside] += crops[chosen[:, number]].reshape(
            scenes, -1
        )
    return canvases.reshape(scenes, wide, wide)[:, :side, :side]
