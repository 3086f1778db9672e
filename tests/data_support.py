"""What the tests of the data package share: small specifications and objects."""

import dataclasses
import os

import numpy as np

from data import SceneSpecification, load

# Each object below has one grey value of its own, all odd and below 128. Where the ink
# of two objects met, the sum would be even, so a scene shows its own overlaps.
VALUES = np.arange(101, 127, 2)


def specification(**changes):
    fields = {
        "dataset": "multi_mnist",
        "counts": (1, 3),
        "canvas_side": 50,
        "object_scale": 1.0,
        "separation": "ink",
        "train_images": 40,
        "test_images": 10,
        "digits": "rendered",
    }
    return SceneSpecification(**(fields | changes))


def blotches(seed, largest=16):
    """One random patch of scattered ink for each value: uint8 [13, 28, 28]."""
    stream = np.random.default_rng(seed)
    images = np.zeros((len(VALUES), 28, 28), np.uint8)
    for image, value in zip(images, VALUES, strict=True):
        height, width = stream.integers(1, largest + 1, 2)
        y, x = stream.integers(0, 29 - height), stream.integers(0, 29 - width)
        patch = stream.random((height, width)) < 0.5
        patch[0, 0] = patch[-1, -1] = True  # so that the ink has just this extent
        image[y : y + height, x : x + width] = patch * value
    return images


SMALL = SceneSpecification(
    dataset="multi_dsprites",
    counts=(1, 2),
    canvas_side=64,
    object_scale=0.6,
    separation="boxes",
    train_images=12,
    test_images=4,
    digits=None,
)
DIGITS = dataclasses.replace(SMALL, dataset="multi_mnist", digits="rendered")


def small(folder, **changes):
    """Loads a small set and returns it with the lines it printed."""
    lines = []
    wanted = dataclasses.replace(SMALL, **changes)
    return load(wanted, folder=folder, progress=lines.append), lines


def same(a, b):
    return a.digest == b.digest and all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for part in ("train", "test")
        for x, y in zip(getattr(a, part), getattr(b, part), strict=True)
    )


def the_file(folder):
    (name,) = os.listdir(folder)
    return folder / name
