"""The numbers of the tables, by hand, from four scenes."""

import numpy as np
import pytest

import data
from reproduce.run import metrics, summaries

INFERRED, TRUE = np.array([1, 2, 0, 1]), np.array([1, 3, 0, 2])
BOXES = np.zeros((4, 3, 4))  # in a row, centres 10 pixels apart; in the last scene 15
BOXES[..., 0] = np.outer([10, 10, 10, 15], range(3))
BOXES[..., 2:] = 5
SCENES = {
    "counts": INFERRED,
    "boxes": BOXES,
    "reconstructions": np.zeros((4, 2, 2)),
    "squared_error": np.array([1.0, 2.0, 3.0, 6.0]),
    "nelbo": np.array([2.0, 3.0, 4.0, 7.0]),
    "kl_scale": np.array([0.0, 1.0, 0.0, 1.0]),
}
TRUTH = data.SceneSet(np.zeros((4, 2, 2), np.uint8), TRUE, BOXES)


def test_figures_are_means_over_the_scenes():
    miou = pytest.approx((1 + 2 / 3 + 1 + 1 / 2) / 4)
    shares = {"share_of_0": 0.25, "share_of_1": 0.5, "share_of_2": 0.25}
    assert summaries.figures(SCENES, TRUTH) == {
        **{"nelbo": 4, "kl_scale": 0.5, "se": 3, "acc": 0.5, "miou": miou},
        **{"miou_integer_convention": miou, "mean_count": 1, **shares},
        "share_of_3": 0,
    }


def test_what_is_not_known_is_none_and_what_is_not_finite_ends_the_figures():
    unknown = summaries.figures(SCENES, TRUTH._replace(counts=None, boxes=None))
    assert unknown["acc"] is unknown["miou"] is None and unknown["share_of_1"] == 0.5
    broken = SCENES | {"squared_error": np.array([1.0, np.nan, 1.0, 1.0])}
    assert list(summaries.figures(broken, TRUTH)) == ["nelbo", "kl_scale", "se"]


def test_a_summary_counts_scenes_by_their_counts():
    """Objects are missed in one scene of two objects and in one of three."""
    closer = BOXES[:2] * [[[1, 1, 1, 1]], [[0.25, 1, 1, 1]]]  # the second overlap
    samples = {"boxes": closer, "counts": [2, 2]}
    found = summaries.summary(SCENES, TRUTH, samples)
    assert found["count_histogram"] == [1, 2, 1, 0]
    assert found["one_step_share"] == 0.5
    once = {"edges": list(metrics.DISTANCE_EDGES)}
    for count, place in (("2", 2), ("3", 0)):  # 15 and 10 pixels apart
        row = [int(place == i) for i in range(len(once["edges"]) - 1)]
        assert found["too_few_by_count"].pop(count) == once | {
            "scenes": row,
            "too_few": row,
        }
    assert not found["too_few_by_count"]
    assert found["overlapping_pairs_in_samples"] == 0.5
    error = np.sqrt(2 * 0.5**2) / 2
    assert found["overlapping_pairs_in_samples_error"] == pytest.approx(error)
