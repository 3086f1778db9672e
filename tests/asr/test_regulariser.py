"""The regulariser: the paper's weights, equation 11, bad arguments."""

import math

import model_support
import numpy as np
import pytest
import tensorflow as tf

import asr

PAIR = asr.PairOverlap()


def test_weights_are_the_papers_and_options():
    weights = [c.weight for c in asr.overlap_regulariser(11, 15).constraints]
    assert weights == [1, 1, 1, 1, 1, 20, 10]
    regulariser = asr.overlap_regulariser(
        12, 15, 2.0, 3.0, 4.0, 5.0, tolerance=1.5, side_penalty="mean"
    )
    assert [c.weight for c in regulariser.constraints] == [2, 3, 3, 3, 3, 4, 5]
    assert regulariser.constraints[5].functional == asr.BoundedSide(12, 15, True)
    assert regulariser.constraints[6].functional == asr.SideDifference(1.5, True)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"minimum_side": 15, "maximum_side": 11}, "side bounds"),
        ({"minimum_side": -1, "maximum_side": 11}, "side bounds"),
        ({"minimum_side": 11, "maximum_side": 15, "tolerance": -1}, "tolerance"),
        ({"minimum_side": 11, "maximum_side": 15, "side_penalty": "max"}, "'max'"),
        ({"minimum_side": 11, "maximum_side": 15, "overlap_weight": -1}, "weight -1"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        asr.overlap_regulariser(**arguments)


# The regulariser itself, equation 11: sum_i lambda_i max(F_i, 0).


def test_negative_values_are_no_reward():
    def slack(posterior):
        return tf.constant([-5.0, 2.0], tf.float64)

    def batch_slack(posterior):
        return tf.constant(-7.0, tf.float64)

    regulariser = asr.Regulariser(
        [asr.Constraint("slack", slack, 3.0), asr.Constraint("whole", batch_slack, 9.0)]
    )
    penalty, violations = regulariser(model_support.posterior(np.zeros((2, 3))))
    # max(F, 0) comes before the mean over images: (0 + 2) / 2.
    assert violations["slack"].numpy() == 1.0 and violations["whole"].numpy() == 0.0
    assert penalty.numpy() == 3.0


def test_a_functional_of_the_wrong_shape_is_refused_by_name():
    wrong = asr.Constraint("wrong", lambda posterior: posterior.side)
    with pytest.raises(ValueError, match=r"constraint wrong: .*\(2, 3\).*\[2\]"):
        asr.Regulariser([wrong])(model_support.posterior(np.zeros((2, 3))))
    short = asr.Constraint("short", lambda posterior: posterior.side[:1, 0])
    with pytest.raises(ValueError, match="constraint short"):
        asr.Regulariser([short])(model_support.posterior(np.zeros((2, 3))))


def overlap(name="overlap", functional=PAIR, weight=1.0):
    return asr.Constraint(name, functional, weight)


@pytest.mark.parametrize(
    "make, words",
    [
        *(
            (lambda n=n: overlap(n), "constraint name")
            for n in ("", "a b", "a-b", "1", 3)
        ),
        *((lambda w=w: overlap(weight=w), "weight") for w in (-1, math.nan, math.inf)),
        (lambda: overlap(functional=3.0), "no function"),
        (lambda: asr.Regulariser([PAIR]), "not an asr.Constraint"),
        (lambda: asr.Regulariser([overlap("a")] * 2), "two constraints are named 'a'"),
    ],
)
def test_what_is_no_constraint_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
