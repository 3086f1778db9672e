"""Data order, statistics, random streams, and what importing the package costs."""

import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from processes import printed

from data import DataError, SceneSet, epoch_order
from data.randomness import generator
from data.statistics import describe, nearest_pair_distances


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(
    images=strategies.integers(1, 500),
    batch_size=strategies.integers(1, 500),
    seed=strategies.integers(0, 2**63),
    epoch=strategies.integers(0, 10**6),
)
def test_an_epoch_visits_each_image_at_most_once(images, batch_size, seed, epoch):
    hypothesis.assume(batch_size <= images)
    order = epoch_order(images, batch_size, seed, epoch)
    assert order.dtype == np.int32
    assert order.shape == (images // batch_size, batch_size)
    assert len(np.unique(order)) == order.size
    assert order.min() >= 0 and order.max() < images
    np.testing.assert_array_equal(order, epoch_order(images, batch_size, seed, epoch))


def test_order_and_left_over_images_differ_from_epoch_to_epoch():
    orders = [epoch_order(20000, 64, 0, epoch) for epoch in range(3)]
    orders.append(epoch_order(20000, 64, 1, 0))
    assert all(order.shape == (312, 64) for order in orders)
    left = [frozenset(range(20000)) - frozenset(o.ravel().tolist()) for o in orders]
    assert all(len(one) == 32 for one in left) and len(set(left)) == 4


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((10, 11, 0, 0), "batch_size: 11 given, 1 to 10"),
        ((10, 0, 0, 0), "batch_size: 0 given"),
        ((10, 5, -1, 0), "seed: -1 given"),
        ((10, 5, 0, -1), "epoch: -1 given"),
    ],
)
def test_bad_orders_are_named(arguments, message):
    with pytest.raises(DataError, match=f"^{message}"):
        epoch_order(*arguments)


def test_streams_depend_on_seed_and_purpose():
    streams = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (2**70, "a")]
    first = [generator(*one).random(4).tobytes() for one in streams]
    assert first == [generator(*one).random(4).tobytes() for one in streams]
    assert len(set(first)) == len(streams)
    # Pinned, because every scene, digit and epoch follows from these numbers.
    known = generator(0, "scenes", "train").random(2)
    np.testing.assert_array_equal(known, KNOWN)


KNOWN = [0.9295785900437523, 0.7224048543754116]


def scenes_by_hand():
    images = np.zeros((3, 10, 10), np.uint8)
    images[1, 0, 0] = 255
    images[2, :2, :2] = 51
    boxes = np.zeros((3, 3, 4), np.float32)
    boxes[1, 0] = 0, 0, 2, 2
    boxes[2] = [[0, 0, 2, 2], [3, 4, 2, 2], [9, 0, 4, 4]]
    return SceneSet(images, np.array([0, 1, 3], np.int32), boxes)


def test_statistics_by_hand():
    scene_set = scenes_by_hand()
    np.testing.assert_array_equal(
        nearest_pair_distances(scene_set), [np.inf, np.inf, 5.0]
    )
    found = describe(scene_set)
    assert found == {
        "images": 3,
        "count_shares": {"0": 1 / 3, "1": 1 / 3, "3": 1 / 3},
        "mean_ink": pytest.approx((255 + 4 * 51) / 255 / 300),
        "inked_share": 5 / 300,
        "objects": 4,
        "object_side": {"mean": 2.5, "min": 2.0, "max": 4.0},
        "nearest_pair_distance": {"mean": 5.0, "min": 5.0, "max": 5.0},
    }
    assert json.loads(json.dumps(found)) == found


def test_statistics_of_nothing():
    found = describe(SceneSet(*(array[:0] for array in scenes_by_hand())))
    assert found["images"] == 0 and found["object_side"]["mean"] is None


def test_importing_data_imports_neither_tensorflow_nor_matplotlib():
    heavy = "tensorflow keras tf_keras tensorflow_probability matplotlib"
    code = (
        "import sys, data, data.statistics; "
        f"print(sorted(set({heavy!r}.split()) & set(sys.modules)))"
    )
    assert printed(code) == "[]\n"
