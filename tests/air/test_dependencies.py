"""What the models rely on from TensorFlow Probability and XLA, and their noise."""

import math

import model_support
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from air import networks, noise
from air.likelihood import FLOORS

tfd = tfp.distributions
SIZES, STEPS = model_support.SIZES, model_support.STEPS


def test_tfp_classes_work_under_xla():
    """Values by hand and finite gradients of each class that is used."""
    value = tf.constant([[0.3, -1.2], [2.0, 0.1]])

    @tf.function(jit_compile=True)
    def run(value):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(value)
            q = networks.normal(value, tf.exp(value))
            p = networks.normal(tf.zeros([2]), tf.ones([2]))
            found = {
                "independent_kl": tfd.kl_divergence(q, p),
                "bernoulli_kl": tfd.kl_divergence(
                    tfd.Bernoulli(logits=value), tfd.Bernoulli(logits=0.5)
                ),
                "logistic": tfd.Logistic(value, tf.ones_like(value)).log_prob(0.7),
            }
        return found, {name: tape.gradient(v, value) for name, v in found.items()}

    found, gradients = run(value)
    m = value.numpy().astype(np.float64)
    each = 0.5 * (np.exp(2 * m) + m**2 - 1) - m
    np.testing.assert_allclose(found["independent_kl"], each.sum(axis=1), rtol=1e-5)
    q, p = 1 / (1 + np.exp(-m)), 1 / (1 + math.exp(-0.5))
    each = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    np.testing.assert_allclose(found["bernoulli_kl"], each, rtol=1e-4, atol=1e-6)
    z = 0.7 - m
    expected = -z - 2 * np.log1p(np.exp(-z))
    np.testing.assert_allclose(found["logistic"], expected, rtol=1e-5)
    for gradient in gradients.values():
        assert np.all(np.isfinite(gradient.numpy()))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_noise_follows_its_seed_and_differs_by_variable(jit_compile):
    """Functions built apart draw equal numbers (XLA others than TensorFlow)."""

    def draw(number):
        seed = noise.fold_in(noise.run_seed(7), number)
        return noise.draw(seed, 50, STEPS, SIZES, decoder=True)

    number = tf.constant(3, tf.int64)

    def apart(number):
        return draw(number)

    first, again = (
        tf.function(function, jit_compile=jit_compile, autograph=False)
        for function in (draw, apart)
    )
    draws = first(number)
    for a, b in zip(draws, again(number), strict=True):
        np.testing.assert_array_equal(a, b)
    parts = [v.numpy().ravel()[:10] for v in (*draws, *first(number + 1))]
    for i, one in enumerate(parts):
        for other in parts[:i]:
            assert not np.array_equal(one, other)
    uniform = draws.presence.numpy()
    assert uniform.min() >= 0 and uniform.max() < 1
    # Five standard errors of means and standard deviations.
    assert uniform.mean() == pytest.approx(0.5, abs=5 * 0.29 / math.sqrt(150))
    normal = draws.decoder.numpy()
    error = 5 / math.sqrt(normal.size)
    assert normal.mean() == pytest.approx(0, abs=error)
    assert normal.std() == pytest.approx(1, abs=error)


def test_likelihood_floors_are_both_models_options():
    images = model_support.random_images(2)
    found = [
        model_support.tiny_model(likelihood_floor=form)(images)["reconstruction"]
        for form in FLOORS
    ]
    np.testing.assert_allclose(*found, rtol=1e-3)
