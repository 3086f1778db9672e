"""Every field and every object that is not allowed is named in one line."""

import re

import numpy as np
import pytest
from data_support import blotches, specification

from data import DataError, synthesise


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "mnist"}, "dataset: 'mnist' given, allowed: multi_mnist, "),
        ({"separation": "none"}, "separation: 'none' given, allowed: ink, boxes"),
        ({"test_split": "none"}, "test_split: 'none' given, allowed: extra, "),
        ({"digits": None}, "digits: None given, allowed: mnist, rendered"),
        ({"dataset": "multi_dsprites"}, "digits: 'rendered' given, allowed: None"),
        ({"counts": ()}, "counts: () given, one or more"),
        ({"counts": 3}, "counts: 3 given, one or more"),
        ({"counts": (1, 1)}, "counts: (1, 1) given, one or more different"),
        ({"counts": (-1, 3)}, "counts: -1 given, a whole number of at least 0"),
        ({"counts": (1.5,)}, "counts: 1.5 given, a whole number"),
        ({"counts": ([1],)}, "counts: [1] given, a whole number"),
        ({"canvas_side": 20}, "canvas_side: 20 given, a whole number from 28 to 64"),
        ({"canvas_side": 65}, "canvas_side: 65 given, a whole number from 28 to 64"),
        ({"object_scale": 0}, "object_scale: 0 given, a number above 0"),
        ({"object_scale": 1.1}, "object_scale: 1.1 given, a number above 0"),
        ({"object_scale": float("nan")}, "object_scale: nan given, a number"),
        ({"object_scale": "0.6"}, "object_scale: '0.6' given, a number"),
        ({"train_images": 0}, "train_images: 0 given, a whole number of at least 1"),
        ({"test_images": -1}, "test_images: -1 given, a whole number of at least 0"),
        ({"seed": True}, "seed: True given, a whole number of at least 0"),
        (
            {"test_split": "shuffled", "test_images": 40},
            "test_images: 40 given, but the test set is split off the 40",
        ),
    ],
)
def test_bad_fields_are_named(changes, message):
    with pytest.raises(DataError) as error:
        specification(**changes)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_equal_specifications_are_equal():
    assert specification(counts=[3, 1], object_scale=1, seed=np.int64(0)) == (
        specification()
    )
    assert type(specification(seed=np.int64(1)).seed) is int


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (np.zeros((2, 28, 28)), "objects: float64 [2, 28, 28] given, uint8"),
        (np.zeros((28, 28), np.uint8), "objects: uint8 [28, 28] given, uint8"),
        (np.zeros((0, 28, 28), np.uint8), "objects: uint8 [0, 28, 28] given"),
        (np.ones((2, 28, 28), np.uint8), "objects: no value above 1 given"),
        (
            np.arange(2, dtype=np.uint8)[:, None, None] * np.full((28, 28), 255, "u1"),
            "object 0: no ink",
        ),
        (np.full((1, 60, 60), 255, np.uint8), "canvas_side: 50 given, but objects"),
    ],
)
def test_unfit_objects_are_refused(objects, message):
    with pytest.raises(DataError, match="^" + re.escape(message)):
        synthesise(specification(), objects)


def test_objects_that_vanish_when_scaled_are_refused():
    with pytest.raises(DataError, match=r"^object_scale: 0.05 given, but nothing is"):
        synthesise(specification(object_scale=0.05), blotches(0))
