"""Metrics of scenes against brute force: permutations, and counting pixels."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reproduce.run import metrics

BOX = st.tuples(
    *(st.integers(0, 12), st.integers(0, 12), st.integers(0, 8), st.integers(0, 8))
)
BOXES = st.lists(BOX, max_size=4)


LENGTH = st.one_of(st.floats(0, 60), st.sampled_from([0.0, 1e-300, 1e-30, 1e6, 1e30]))
PLACE = st.one_of(st.floats(-60, 60), st.sampled_from([0.0, -1e6, 1e6, 1e30]))
EXTREME = st.lists(st.tuples(PLACE, PLACE, LENGTH, LENGTH), max_size=4)


def table(boxes):
    return np.array(boxes, float).reshape(-1, 4)


def pixels(box, inclusive=False):
    """The unit pixels of an integer box: [x, x + w), or with both ends."""
    x, y, width, height = box
    extra = 1 if inclusive else 0
    return {
        (column, row)
        for column in range(x, x + width + extra)
        for row in range(y, y + height + extra)
    }


def counted_iou(first, second, inclusive=False):
    first, second = pixels(first, inclusive), pixels(second, inclusive)
    union = first | second
    return len(first & second) / len(union) if union else 0.0


def brute_force_miou(inferred, true, inclusive=False):
    """The best of all one-to-one assignments."""
    small, large = sorted([inferred, true], key=len)
    if not large:
        return 1.0
    best = max(
        sum(counted_iou(a, b, inclusive) for a, b in zip(small, chosen, strict=True))
        for chosen in itertools.permutations(large, len(small))
    )
    return best / len(large)


@pytest.mark.parametrize("inclusive", [False, True])
@given(first=BOXES, second=BOXES)
def test_iou_counts_pixels(inclusive, first, second):
    found = metrics.intersection_over_union(table(first), table(second), inclusive)
    expected = [[counted_iou(a, b, inclusive) for b in second] for a in first]
    assert found.shape == (len(first), len(second))
    np.testing.assert_allclose(
        found, np.reshape(expected, (len(first), len(second))), atol=1e-12
    )


@pytest.mark.parametrize("inclusive", [False, True])
@given(inferred=BOXES, true=BOXES)
def test_miou_is_the_best_assignment(inclusive, inferred, true):
    found = metrics.mean_intersection_over_union(
        table(inferred), table(true), inclusive
    )
    expected = brute_force_miou(inferred, true, inclusive)
    assert found == pytest.approx(expected, abs=1e-12)


@given(EXTREME, EXTREME, st.booleans())
@example([(-1e6, 0.0, 1e-7, 1.0)], [(-1e6, 0.0, 1e-7, 1.0)], False)
def test_iou_is_a_share_whatever_the_boxes(first, second, inclusive):
    first, second = table(first), table(second)
    iou = metrics.intersection_over_union(first, second, inclusive)
    assert np.all(np.isfinite(iou)) and np.all((iou >= 0) & (iou <= 1 + 1e-9))
    swapped = metrics.intersection_over_union(second, first, inclusive)
    np.testing.assert_allclose(iou, swapped.T, rtol=1e-9)
    miou = metrics.mean_intersection_over_union(first, second, inclusive)
    assert 0 <= miou <= 1 + 1e-9


def test_means_average_scenes_and_ignore_rows_beyond_the_count():
    inferred = np.zeros((3, 4, 4))
    true = np.zeros((3, 2, 4))
    true[0, 0] = inferred[0, 0] = inferred[0, 1] = [0, 0, 8, 8]  # row 1 is beyond
    true[1, :] = [[0, 0, 4, 4], [20, 20, 4, 4]]
    inferred[1, 0] = [20, 20, 4, 4]
    found = metrics.mean_over_scenes(inferred, [1, 1, 0], true, [1, 2, 0])
    assert found["miou"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["miou_integer_convention"] == pytest.approx((1 + 0.5 + 1) / 3)
    true[0, 0] = [4, 0, 8, 8]
    found = metrics.mean_over_scenes(inferred, [1, 1, 0], true, [1, 2, 0])
    assert found["miou"] == pytest.approx((32 / 96 + 0.5 + 1) / 3)
    # Inclusive: [0, 8] and [4, 12] share 5 of 13 columns.
    assert found["miou_integer_convention"] == pytest.approx((5 / 13 + 0.5 + 1) / 3)


def test_scenes_of_unequal_number_are_refused():
    boxes = np.zeros((4, 3, 4))
    with pytest.raises(ValueError):
        metrics.mean_over_scenes(boxes, [0, 1, 2, 3], boxes[:3], [0, 1, 2])


def test_too_few_by_distance():
    """Bins begin at their lower edge; single objects have no distance."""
    distances = [11.9, 12.0, 13.0, 13.9, 40.0, np.inf, np.inf]
    true = [3, 3, 3, 3, 3, 1, 1]
    inferred = [2, 3, 1, 4, 3, 0, 1]
    found = metrics.too_few_by_distance(inferred, true, distances)
    bins = len(found["edges"]) - 1
    assert found["edges"][:3] == [0, 12, 14] and found["edges"][-1] == 100
    scenes, too_few = [0] * bins, [0] * bins
    scenes[0], scenes[1], scenes[-1] = 1, 3, 1
    too_few[0], too_few[1] = 1, 1
    assert (found["scenes"], found["too_few"]) == (scenes, too_few)


def test_overlapping_pair_share():
    boxes = np.zeros((3, 3, 4))
    boxes[0] = [[0, 0, 5, 5], [4, 4, 5, 5], [20, 0, 5, 5]]  # 1 of 3 pairs
    boxes[1] = [[0, 0, 5, 5], [5, 0, 5, 5], [0, 0, 9, 9]]  # touching only; 2 used
    boxes[2] = [[0, 0, 5, 5]] * 3  # one object

    def share(counts):
        return metrics.overlapping_pair_share(boxes, counts)[0]

    assert share([3, 2, 1]) == pytest.approx(1 / 4)
    assert metrics.overlapping_pair_share(boxes, [1, 0, 1]) == (None, None)
    assert share([0, 0, 3]) == 1.0


def test_overlapping_pairs_are_those_with_a_positive_intersection():
    stream = np.random.default_rng(0)
    boxes = stream.uniform(0, 20, (50, 4, 4))
    counts = stream.integers(0, 5, 50)
    overlapping, pairs = metrics.overlapping_pairs(boxes, counts)
    for scene, count, found, number in zip(
        boxes, counts, overlapping, pairs, strict=True
    ):
        iou = metrics.intersection_over_union(scene[:count], scene[:count])
        assert found == np.count_nonzero(np.triu(iou, 1))
        assert number == count * (count - 1) / 2


def test_the_error_of_the_share_is_its_deviation_over_repetitions():
    stream = np.random.default_rng(0)
    found = [
        metrics.overlapping_pair_share(
            stream.uniform(0, 20, (200, 3, 4)), stream.integers(0, 4, 200)
        )
        for _ in range(200)
    ]
    shares, errors = np.array(found).T
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=0.15)
