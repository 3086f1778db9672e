"""The likelihood of grey pixels: both floors, at the ends too."""

import math

import numpy as np
import numpy_model
import pytest
import tensorflow as tf

from air import likelihood


@pytest.mark.parametrize("floor", likelihood.FLOORS)
def test_likelihood_by_hand(floor):
    unlit = -math.log(1e-10)  # of a white pixel where nothing is drawn
    images = tf.constant([[[1.0]], [[0.0]], [[1.0]], [[0.0]], [[0.3]], [[0.3]]])
    reconstructions = tf.constant(
        [[[0.0]], [[0.0]], [[1.0]], [[1.0]], [[0.2]], [[0.0]]]
    )
    expected = [
        *(unlit, 0, 0, unlit),
        -0.3 * math.log(0.2) - 0.7 * math.log(0.8),
        0.3 * unlit,
    ]
    found = likelihood.cross_entropy(images, reconstructions, floor).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("floor", likelihood.FLOORS)
def test_likelihood_sums_pixels(floor):
    stream = np.random.default_rng(1)
    images, reconstructions = stream.random((2, 3, 5, 5))
    reconstructions[:, 0] = 0.0
    found = likelihood.cross_entropy(
        tf.constant(images), tf.constant(reconstructions), floor
    ).numpy()
    expected = [
        numpy_model.cross_entropy(x, r)
        for x, r in zip(images, reconstructions, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    empty = likelihood.empty_cross_entropy(tf.constant(images)).numpy()
    expected = [numpy_model.cross_entropy(x, np.zeros((5, 5))) for x in images]
    np.testing.assert_allclose(empty, expected, rtol=1e-12)


@pytest.mark.parametrize("floor", likelihood.FLOORS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_likelihood_is_finite_at_the_ends(floor, jit_compile):
    """r exactly 0 and 1, one rounding beside them, sums clipped on the way."""
    beside = np.array([0.0, 1e-45, 1e-10, 1 - 2.0**-24, 1.0], np.float32)
    ends = [0.0, 0.5, 1.0]
    images = tf.constant([[[x]] for x in ends for _ in beside], tf.float32)
    parts = tf.constant([[[r]] for _ in ends for r in beside])

    @tf.function(jit_compile=jit_compile)
    def run(parts):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            # As a model has it: a sum of objects, clipped; here up to 2.
            reconstructions = tf.minimum(parts * 2.0 * parts + parts, 1.0)
            entropy = likelihood.cross_entropy(images, reconstructions, floor)
            plain = likelihood.cross_entropy(images, parts, floor)
            total = entropy + plain
        return entropy, plain, tape.gradient(total, parts)

    entropy, plain, gradient = (value.numpy() for value in run(parts))
    assert np.all(np.isfinite(entropy)) and np.all(np.isfinite(gradient))
    expected = [
        -x * math.log(max(float(r), 1e-10)) - (1 - x) * math.log(max(1 - r, 1e-10))
        for x in ends
        for r in beside.astype(np.float64)
    ]
    # At r = 1e-10 the two forms differ by log 2 times x.
    np.testing.assert_allclose(plain, expected, rtol=1e-5, atol=math.log(2) + 1e-6)
