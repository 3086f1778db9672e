"""The divergences of the ELBO and its exact sum, from their definitions."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from elbo_support import terms_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

import air
from air import elbo, networks
from air.elbo import TERMS
from air.latents import Latents, ObjectDistributions

tfd = tfp.distributions
LOG_ODDS = hnp.arrays(np.float64, (2, 5), elements=st.floats(-20, 20))


def value_and_slopes(logits, prior_logits, slope):
    """KL(z_pres) and its derivatives by the two log-odds."""
    log_odds = [tf.convert_to_tensor(v) for v in (logits, prior_logits)]
    with tf.GradientTape() as tape:
        tape.watch(log_odds)
        value = elbo.presence_divergence(*log_odds, slope)
    return value, *tape.gradient(value, log_odds)


# KL(z_pres).


@pytest.mark.parametrize("slope", elbo.SLOPES)
@given(LOG_ODDS)
def test_presence_divergence_has_its_closed_form_whatever_its_slope(slope, logits):
    q, p = numpy_model.sigmoid(logits)
    expected = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    found = elbo.presence_divergence(*tf.constant(logits), slope)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def logistic_divergence(d):
    """KL between logistics of scale 1 whose means are d apart."""
    return d / np.tanh(d / 2) - 2


@pytest.mark.parametrize("distance", [0.05, 0.4, 2.0, 11.0])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_the_relaxations_diverge_by_that_of_two_logistics(distance, temperature):
    """At temperature T a relaxed sample's logit is logistic: mean a / T, scale 1/T."""
    q, p = (stats.logistic(m / temperature, 1 / temperature) for m in (distance, 0.0))
    value, _ = integrate.quad(
        lambda v: q.pdf(v) * (q.logpdf(v) - p.logpdf(v)),
        *((distance + side * 40) / temperature for side in (-1, 1)),
        limit=200,
    )
    found = elbo._logistic_divergence(tf.constant(distance, tf.float64))
    assert found.numpy() == pytest.approx(value, rel=1e-6)


def other_slopes(name, a, m):
    """The slopes by a and by m that a form promises, from finite differences of the
    function that it names, or its formula."""
    if name == "floored":
        q, p = numpy_model.sigmoid(a), numpy_model.sigmoid(m)
        return np.maximum(q * (1 - q), 0.01) * (a - m), p - q
    if name == "concrete":
        function = lambda a, m: logistic_divergence(a - m)  # noqa: E731
    else:
        function = lambda a, m: (  # noqa: E731
            numpy_model.sigmoid(a) * (np.logaddexp(0, -m) - np.logaddexp(0, -a))
            + numpy_model.sigmoid(-a) * (np.logaddexp(0, m) - np.logaddexp(0, a))
        )
    h = 1e-4
    return (
        (function(a + h, m) - function(a - h, m)) / (2 * h),
        (function(a, m + h) - function(a, m - h)) / (2 * h),
    )


@pytest.mark.parametrize("slope", elbo.SLOPES)
@given(LOG_ODDS)
def test_presence_slopes_are_those_of_their_definitions(slope, logits):
    a, m = logits
    m = np.where(np.abs(a - m) < 1e-2, a + 0.5, m)  # the reference divides by d
    _, by_a, by_m = value_and_slopes(a, m, slope)
    expected = other_slopes(slope, a, m)
    np.testing.assert_allclose(by_a, expected[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(by_m, expected[1], rtol=1e-4, atol=1e-6)


def test_the_concrete_slope_near_zero_is_its_series():
    """d / 3, also on either side of where the series takes over."""
    d = np.array([-0.101, -0.099, -1e-5, 0.0, 1e-9, 0.05, 0.0999, 0.1001])
    value, slope, _ = value_and_slopes(d, 0 * d, "concrete")
    # d coth(d / 2) - 2 = d^2 / 6 - d^4 / 360 + ...
    np.testing.assert_allclose(slope, d / 3 - d**3 / 90, rtol=1e-6, atol=1e-12)
    assert np.all(np.isfinite(value))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_presence_divergence_is_finite_at_extreme_log_odds(jit_compile):
    values = np.array([-1e4, -100.0, 0.0, 100.0, 1e4], np.float32)
    a, m = (grid.ravel() for grid in np.meshgrid(values, values))
    # Certain of what is denied: |m|; of what is as likely as not: log 2.
    expected = np.where(a * m > 0, 0, np.where(m == 0, math.log(2), np.abs(m)))
    uncertain = np.where(m == 0, 0, math.log(0.5) + np.abs(m) / 2)
    expected = np.where(a == 0, uncertain, expected)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def run(a, m):
        return [value_and_slopes(a, m, slope) for slope in elbo.SLOPES]

    for value, *slopes in run(a, m):
        # The other form's value, up to 2e6, passes through the sum.
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=0.3)
        assert all(np.all(np.isfinite(each)) for each in slopes)


def test_the_exact_elbo_is_finite_at_extreme_logits():
    """All logits +-1e4, under both the fixed and a contrary prior; compiled."""
    patterns = tf.constant([[a, b] for a in (-1e4, 0.0, 1e4) for b in (-1e4, 1e4)])
    canvases = tf.ones([6, 2, 4, 4])
    images = tf.tile(tf.constant([[[0.0, 0.5, 1.0, 1.0]] * 4]), [6, 1, 1])

    def terms_and_slopes(logits, contrary, slope):
        with tf.GradientTape() as tape:
            tape.watch([logits, contrary])
            estimator = air.ExactEstimator(slope)
            terms = terms_of(estimator, images, canvases, logits, contrary)
            total = tf.add_n([terms[name] for name in TERMS])
        return terms, tape.gradient(total, [logits, contrary])

    @tf.function(jit_compile=True, autograph=False)
    def run(logits, contrary):
        return [terms_and_slopes(logits, contrary, slope) for slope in elbo.SLOPES]

    for contrary in (tf.zeros_like(patterns), -patterns, patterns):
        for terms, gradients in run(patterns, contrary):
            for value in (*terms.values(), *gradients):
                assert np.all(np.isfinite(value))
            assert np.all(terms["kl_presence"] >= -0.3)  # rounding, as above


def test_an_unknown_slope_is_refused():
    with pytest.raises(ValueError, match="slope 'steep': use one of"):
        air.ExactEstimator("steep")


# Attributes.


class MixturePrior(air.FixedPrior):
    """AIR's prior, but for locations from a learned mixture of three normals."""

    def __init__(self, **options):
        super().__init__(**options)
        means = [[-0.5, 0.3], [0.4, 0.4], [0.0, -0.6]]
        self.means = self.add_weight(
            shape=(3, 2), initializer=lambda shape, dtype: tf.constant(means, dtype)
        )

    def mixture(self):
        means = tf.convert_to_tensor(self.means)
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.constant([0.2, -0.3, 0.5], means.dtype)),
            networks.normal(means, 0.4 * tf.ones_like(means)),
        )

    def infer(self, latents, state, iteration, first, final):
        p, state = super().infer(latents, state, iteration, first, final)
        return p._replace(location=self.mixture()), state

    sample = air.Prior.sample  # not asked for here


def test_the_estimated_divergence_from_a_mixture_is_unbiased(float64):
    """Over many samples, against quadrature in two dimensions."""
    prior, samples = MixturePrior(sizes=model_support.SIZES), 100_000
    mean, deviation = np.array([0.2, -0.1]), np.array([0.5, 0.7])
    draws = np.random.default_rng(0).standard_normal((samples, 1, 2))
    other = networks.normal(np.zeros(1), np.ones(1))
    q = ObjectDistributions(None, networks.normal(mean, deviation), other, other)
    p = q._replace(location=prior.mixture())
    sample = tf.constant(mean + deviation * draws)
    found = elbo.attribute_divergences(q, p, Latents(sample, None, None))
    estimates = found["kl_location"].numpy()
    assert estimates.shape == (samples, 1)

    weights = np.exp([0.2, -0.3, 0.5]) / np.sum(np.exp([0.2, -0.3, 0.5]))
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(60)
    z = np.stack(np.meshgrid(nodes, nodes), axis=-1) * deviation + mean
    q_density = np.prod(stats.norm.pdf(z, mean, deviation), axis=-1)
    p_density = sum(
        w * np.prod(stats.norm.pdf(z, m, 0.4), axis=-1)
        for w, m in zip(weights, prior.means.numpy(), strict=True)
    )
    total = np.outer(node_weights, node_weights) * np.log(q_density / p_density)
    expected = np.sum(total) / (2 * math.pi)
    five_errors = 5 * estimates.std() / math.sqrt(samples)
    assert 0.1 < expected and five_errors < 0.02
    assert estimates.mean() == pytest.approx(expected, abs=five_errors)


def test_a_model_with_a_prior_of_ones_own_trains():
    """Its own weights too; and with a loop that may end early."""
    prior = MixturePrior(sizes=model_support.SIZES)
    model = model_support.tiny_model(prior, ends=(1,))
    before = prior.means.numpy().copy()
    model_support.compiled(model, 1e-2)
    model.fit(model_support.squares(16), batch_size=8, verbose=0)
    assert np.all(prior.means.numpy() != before)
