"""What the models rely on from TensorFlow Probability, against SciPy."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

tfd = tfp.distributions
MEAN, SCALE = np.array([[0.3, -1.2], [2.0, 0.1]]), np.array([[0.5, 2.0], [1.0, 0.1]])
X = np.array([[0.1, -0.7], [1.4, 0.3]])
NORMAL = stats.norm(MEAN, SCALE).logpdf
CASES = {
    "Logistic": (
        lambda: tfd.Logistic(MEAN, SCALE),
        stats.logistic(MEAN, SCALE).logpdf(X),
    ),
    "Independent": (
        lambda: tfd.Independent(tfd.Normal(MEAN, SCALE), 1),
        NORMAL(X).sum(axis=1),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_log_densities_are_scipys(name, jit_compile):
    distribution, expected = CASES[name]

    @tf.function(jit_compile=jit_compile)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = distribution().log_prob(x)
        return value, tape.gradient(value, x)

    value, slope = run(tf.constant(X))
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    assert np.all(np.isfinite(slope.numpy()))
