"""The likelihood of grey pixels, the paper's and the released code's."""

import math

import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import air

BERNOULLI, RELEASED = air.BernoulliLikelihood, air.ReleasedLikelihood
KINDS = [BERNOULLI, RELEASED]
MODES = {"eager": None, "graph": False, "xla": True}
GREY = hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(0, 1))
FLOORS = [1e-10, 1e-6, 0.01, 0.1]


def value_and_slope(likelihood, images, reconstructions, training=False, mode="eager"):
    """-log p(x | z, n) and its slope by every pixel's r, arrays."""

    def run(reconstructions):
        with tf.GradientTape() as tape:
            tape.watch(reconstructions)
            value = likelihood.cross_entropy(images, reconstructions, training)
        return value, tape.gradient(value, reconstructions)

    if MODES[mode] is not None:
        run = tf.function(run, jit_compile=MODES[mode])
    return [v.numpy() for v in run(tf.convert_to_tensor(reconstructions))]


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_by_hand(kind):
    unlit = -math.log(1e-10)  # of a white pixel where nothing is drawn
    images = tf.constant([1.0, 0.0, 1.0, 0.0, 0.3, 0.3])[:, None, None]
    drawn = tf.constant([0.0, 0.0, 1.0, 1.0, 0.2, 0.0])[:, None, None]
    grey = -0.3 * math.log(0.2) - 0.7 * math.log(0.8)
    expected = [unlit, 0, 0, unlit, grey, 0.3 * unlit]
    found = kind().cross_entropy(images, drawn).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(GREY, GREY, st.sampled_from(FLOORS), st.booleans())
def test_likelihood_sums_its_closed_form_over_pixels(kind, x, r, floor, training):
    """The floor of training is taken in training only. A scalar is an empty canvas."""
    likelihood, used = kind(training_floor=floor), floor if training else 1e-10
    for drawn in (r, np.zeros([])):
        expected = [
            numpy_model.cross_entropy(*pair, used, kind is RELEASED)
            for pair in zip(x, np.broadcast_to(drawn, x.shape), strict=True)
        ]
        found = likelihood.cross_entropy(tf.constant(x), tf.constant(drawn), training)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("floor", [1e-10, 0.01])
def test_no_slope_passes_below_the_papers_floor(floor, mode):
    """Just below it and just above; slopes -x / r + (1 - x) / (1 - r) elsewhere."""
    r = np.array([0.0, 0.9 * floor, 1.1 * floor, 0.25, 0.5, 0.99 - 1e-3, 1.0])
    x = np.linspace(0.3, 1, len(r))
    likelihood = BERNOULLI(training_floor=floor)
    _, slope = value_and_slope(
        likelihood, x[:, None, None], r[:, None, None], True, mode
    )
    inked = np.where(r >= floor, -x / np.maximum(r, floor), 0)
    blank = np.where(1 - r >= floor, (1 - x) / np.maximum(1 - r, floor), 0)
    np.testing.assert_allclose(slope[:, 0, 0], inked + blank, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_the_released_slope_passes_at_both_ends(mode, dtype):
    """-1e10 x at r = 0, 1e10 (1 - x) at r = 1, -x/(r + e) + (1 - x)/(1 - r + e)
    between; beyond the ends none. A graph must not turn (1 - r) + e into (1 + e) - r.
    """
    r = np.array([0.0, 1.0, 0.25, 0.5, 0.75, -1e-7, 1 + 2e-7], dtype)
    x = np.array([0.7, 0.6, 0.2, 1.0, 0.0, 0.5, 0.5], dtype)
    value, slope = value_and_slope(
        RELEASED(), x[:, None, None], r[:, None, None], mode=mode
    )
    x, middle = x.astype(float), slice(2, 5)
    expected = -x / (r + 1e-10) + (1 - x) / ((1 - r) + 1e-10)
    expected[:2] = -1e10 * x[0], 1e10 * (1 - x[1])
    expected[5:] = 0
    np.testing.assert_allclose(slope[:, 0, 0], expected, rtol=1e-6)
    assert np.all(np.isfinite(value))
    r = r.astype(float)[middle]
    entropy = -x[middle] * np.log(r) - (1 - x[middle]) * np.log(1 - r)
    np.testing.assert_allclose(value[middle], entropy, rtol=1e-5)
    unlit = -math.log(1e-10) * np.array([x[0], 1 - x[1]])
    np.testing.assert_allclose(value[:2], unlit, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_likelihood_is_finite_at_the_ends(kind, mode):
    """r exactly 0 and 1, one rounding beside them, sums clipped on the way."""
    if kind is RELEASED and mode == "xla":
        pytest.skip("not for XLA")
    beside = np.array([0.0, 1e-45, 1e-10, 1 - 2.0**-24, 1.0], np.float32)
    ends = [0.0, 0.5, 1.0]
    images = tf.constant([[[x]] for x in ends for _ in beside], tf.float32)
    parts = np.array([[[r]] for _ in ends for r in beside])

    class Clipped(kind):
        def cross_entropy(self, images, parts, training=False):
            # As a model has it: a sum of objects, clipped; here up to 2.
            drawn = tf.minimum(parts * 2.0 * parts + parts, 1.0)
            return super().cross_entropy(images, drawn, training)

    for likelihood in (Clipped(), kind()):
        value, slope = value_and_slope(likelihood, images, parts, mode=mode)
        assert np.all(np.isfinite(value)) and np.all(np.isfinite(slope))
    expected = [
        -x * math.log(max(float(r), 1e-10)) - (1 - x) * math.log(max(1 - r, 1e-10))
        for x in ends
        for r in beside.astype(np.float64)
    ]
    # At r = 1e-10 the two forms differ by log 2 times x.
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=math.log(2) + 1e-6)


@pytest.mark.parametrize("floor", [0.0, 1e-11, 0.2, math.nan])
@pytest.mark.parametrize("kind", KINDS)
def test_a_floor_out_of_range_is_refused(kind, floor):
    with pytest.raises(ValueError, match=f"training_floor {floor}: use 1e-10 to 0.1"):
        kind(training_floor=floor)
