"""F1 to F7 of section 4.2 against layouts by hand and loops over pairs."""

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import asr
from air import shapes

S = 50  # canvas side in pixels


def boxes(*objects, validity=None):
    """A posterior of one image; an object is (centre x, centre y, side)."""
    table = np.asarray(objects, float)
    return model_support.posterior(
        centre=[table[:, :2]],
        side=[table[:, 2]],
        canvas_side=S,
        validity=None if validity is None else [validity],
    )


def value(functional, *objects, validity=None):
    result = functional(boxes(*objects, validity=validity))
    assert result.shape == (1,)
    return result.numpy()[0]


def gradients(functional, q):
    """Gradients with respect to centre and side, as one flat array."""
    with tf.GradientTape() as tape:
        tape.watch([q.centre, q.side])
        total = tf.reduce_sum(functional(q))
    found = tape.gradient(total, [q.centre, q.side], unconnected_gradients="zero")
    return np.concatenate([gradient.numpy().ravel() for gradient in found])


# Objects and what they cost by hand; the property below has the rest.
FIRST = (10, 10, 10)
BY_HAND = [
    # F1, ordered pairs: each pair counts twice; the larger offset counts.
    (asr.PairOverlap(), (FIRST, (20, 10, 10)), 0),
    (asr.PairOverlap(), (FIRST, (17, 13, 10)), 2 * 3),
    (asr.PairOverlap(), (FIRST, (12, 10, 4)), 2 * 5),  # nested: (10 + 4)/2 - 2
    # F2 to F5, a sum over objects.
    (asr.InsideCanvas("right"), ((47, 25, 10), (25, 25, 52)), 2 + 1),
    # F6; of every step: the mean, bounds exchanged, which adds c_max - c_min = 4.
    (asr.BoundedSide(11, 15), ((25, 25, 16), (9, 9, 8)), 1 + 3),
    (asr.BoundedSide(11, 15, True), ((25, 25, 30), (25, 25, 12)), (15 + 8) / 2),
    # F7.
    (asr.SideDifference(3), ((25, 25, 12), (5, 5, 15)), 0),
    (asr.SideDifference(3), ((25, 25, 20), (5, 5, 10)), 2 * 7),
]


@pytest.mark.parametrize("functional, objects, expected", BY_HAND)
def test_constraints_by_hand(functional, objects, expected):
    assert value(functional, *objects) == expected
    assert value(functional, *objects[::-1]) == expected


def test_an_object_counts_with_its_validity_and_a_pair_with_its_later_objects():
    validity = [0.9, 0.5, 0.2]
    same = [(0, 25, 10)] * 3
    # Three equal boxes: pairs (1, 2), (1, 3), (2, 3), each overlapping by 10.
    overlap = value(asr.PairOverlap(), *same, validity=validity)
    assert overlap == pytest.approx(2 * 10 * (0.5 + 0.2 + 0.2))
    left = value(asr.InsideCanvas("left"), *same, validity=validity)
    assert left == pytest.approx(5 * (0.9 + 0.5 + 0.2))
    for constraint in asr.overlap_regulariser(11, 15).constraints:
        assert value(constraint.functional, *same, validity=[0.0] * 3) == 0


def test_every_step_that_was_run_counts_in_full():
    """Of four equal boxes three; whether they exist plays no part."""
    same = model_support.posterior(
        *([[-9.0] * 4], [[[0, 25]] * 4], [[10.0] * 4], S), steps_run=3
    )
    expected = {
        asr.PairOverlap(True): 2 * 3 * 10,
        asr.InsideCanvas("left", True): 3 * 5,
        asr.BoundedSide(11, 15, True): 5,  # the mean of 15 - 10 and 0
        asr.SideDifference(-1.0, True): 2 * 3,
    }
    for functional, total in expected.items():
        assert functional.reads_stop and functional.least_objects == 0
        assert functional(same).numpy()[0] == pytest.approx(total)
    assert not asr.PairOverlap().reads_stop and asr.PairOverlap().least_objects is None


@settings(max_examples=40)
@given(
    hnp.arrays(np.float64, (2, 4, 2), elements=st.floats(-5, 55)),
    hnp.arrays(np.float64, (2, 4), elements=st.floats(0.5, 50)),
    hnp.arrays(np.float64, (2, 4), elements=st.floats(-5, 5)),
    st.sampled_from(["sum", "mean"]),
    st.sampled_from([None, 2, 4]),
)
def test_every_constraint_equals_a_loop_over_pairs(
    centre, side, logits, side_penalty, steps_run
):
    every, run = side_penalty == "mean", 4 if steps_run is None else steps_run
    q = model_support.posterior(logits, centre, side, S, steps_run=steps_run)
    weights = np.repeat([np.arange(4) < run], 2, 0) if every else q.validity.numpy()
    rows = [
        numpy_model.overlap_penalties(*row, S, 11.0, 15.0)
        for row in zip(centre, side, weights.astype(float), strict=True)
    ]
    expected = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if every:  # the mean, bounds exchanged
        expected["side_bounds"] = expected["side_bounds"] / run + 15 - 11
    regulariser = asr.overlap_regulariser(11.0, 15.0, side_penalty=side_penalty)
    assert regulariser.names == list(expected)
    for constraint in regulariser.constraints:
        np.testing.assert_allclose(
            constraint.functional(q), expected[constraint.name], rtol=1e-9, atol=1e-9
        )
    penalty, violations = regulariser(q)
    weights = dict.fromkeys(expected, 1.0) | {"side_bounds": 20, "side_difference": 10}
    for name, violation in violations.items():
        np.testing.assert_allclose(violation, expected[name].mean(), rtol=1e-9)
    total = sum(weights[name] * rows.mean() for name, rows in expected.items())
    np.testing.assert_allclose(penalty, total, rtol=1e-9)


def test_gradients_are_exactly_zero_inside_the_valid_set():
    valid = boxes((8, 8, 12), (25, 25, 14), (42, 42, 11.5))
    edge = boxes((6, 6, 12), (20, 6, 12), (44, 44, 12))  # touching the edges
    for constraint in asr.overlap_regulariser(11.0, 15.0).constraints:
        for q in (valid, edge):
            np.testing.assert_array_equal(constraint.functional(q), 0)
            np.testing.assert_array_equal(gradients(constraint.functional, q), 0)


def test_gradients_by_hand_outside_the_valid_set():
    """Each violated constraint pulls with slope 1 a term, in the right direction."""
    # Overlap along x: d/dx1 = +2 (ordered pairs; box 1 lies left), sides + 1 each.
    q = boxes((10, 10, 10), (16, 12, 10))
    found = gradients(asr.PairOverlap(), q)
    np.testing.assert_array_equal(found, [2, 0, -2, 0, 1, 1])
    found = gradients(asr.InsideCanvas("bottom"), boxes((25, 48, 10)))
    np.testing.assert_array_equal(found, [0, 1, 0.5])
    found = gradients(asr.InsideCanvas("left"), boxes((2, 25, 10)))
    np.testing.assert_array_equal(found, [-1, 0, 0.5])
    two = boxes((25, 25, 9), (25, 25, 18))
    found = gradients(asr.BoundedSide(11, 15), two)
    np.testing.assert_array_equal(found, [0, 0, 0, 0, -1, 1])
    # The released form's gradient is the paper's divided by the steps.
    found = gradients(asr.BoundedSide(11, 15, every_step=True), two)
    np.testing.assert_array_equal(found, [0, 0, 0, 0, -0.5, 0.5])
    found = gradients(asr.SideDifference(3), two)
    np.testing.assert_array_equal(found, [0, 0, 0, 0, -2, 2])


def test_gradients_are_finite_where_boxes_coincide():
    q = boxes((25, 25, 10), (25, 25, 10), (25, 25, 10))
    for constraint in asr.overlap_regulariser(11.0, 15.0).constraints:
        assert np.all(np.isfinite(gradients(constraint.functional, q)))


@pytest.mark.parametrize("objects", [2, 3, 4])
def test_the_gradient_under_xla_is_that_without_it(objects):
    """XLA may round one subtraction in two ways: no gradient may rest on equality."""
    stream = np.random.default_rng(0)
    shape = (64, objects)
    location = tf.constant(stream.normal(size=(*shape, 2)), tf.float32)
    scale = tf.constant(stream.normal(size=(*shape, 1)), tf.float32)

    def slope(location, scale):
        with tf.GradientTape() as tape:
            tape.watch(location)
            centre = shapes.pixel_centre(location, S)
            side = shapes.pixel_side(scale, S)
            q = asr.Posterior(None, None, tf.ones(shape), centre, side, S)
            mean = tf.reduce_mean(asr.PairOverlap()(q))
        return tape.gradient(mean, location)

    compiled = tf.function(slope, jit_compile=True, autograph=False)
    found, expected = compiled(location, scale), slope(location, scale)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
