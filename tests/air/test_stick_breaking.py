"""q(n) by stick breaking: sums to one, equals brute force, never overflows."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit as sigmoid

from air import stick_breaking


def log_odds(largest):
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5)
    return hnp.arrays(np.float64, shapes, elements=st.floats(-largest, largest))


LOGITS, MODERATE = log_odds(1e4), log_odds(8)


def chain(presence):
    """Objects before the chain of z_pres ends: the leading ones."""
    for n, present in enumerate(presence):
        if not present:
            return n
    return len(presence)


def brute_force_count(probabilities):
    """q(n) of one image, summed over all 2^K binary sequences z_pres.

    Bits after the first 0 do not matter to n; summing over them too must give 1.
    """
    steps = len(probabilities)
    count = np.zeros(steps + 1)
    for presence in itertools.product([0, 1], repeat=steps):
        weights = [
            p if bit else 1 - p for p, bit in zip(probabilities, presence, strict=True)
        ]
        count[chain(presence)] += math.prod(weights)
    return count


@given(LOGITS)
def test_sums_to_one_for_extreme_logits(logits):
    log_count = stick_breaking.log_count(tf.constant(logits)).numpy()
    assert log_count.shape == (logits.shape[0], logits.shape[1] + 1)
    assert np.all(np.isfinite(log_count)) and np.all(log_count <= 0)
    np.testing.assert_allclose(np.exp(log_count).sum(axis=1), 1, rtol=1e-12)


@given(MODERATE)
def test_counts_and_validity_equal_brute_force_over_binary_sequences(logits):
    """S_t = q(n >= t), the probability of reaching object t."""
    expected = np.array([brute_force_count(row) for row in sigmoid(logits)])
    count = np.exp(stick_breaking.log_count(tf.constant(logits)).numpy())
    np.testing.assert_allclose(count, expected, rtol=1e-9)
    validity = np.exp(stick_breaking.log_validity(tf.constant(logits)).numpy())
    tails = expected[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    np.testing.assert_allclose(validity, tails, rtol=1e-9)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_extreme_logits_have_finite_gradients(dtype, jit_compile):
    """All sign patterns of +-1e4 over three steps, and zeros; compiled as well."""
    patterns = itertools.product([-1e4, -30.0, 0.0, 30.0, 1e4], repeat=3)
    logits = tf.constant(list(patterns), dtype)

    @tf.function(jit_compile=jit_compile)
    def gradients(logits):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            log_count = stick_breaking.log_count(logits)
            total = tf.reduce_sum(tf.exp(log_count), axis=1)
            validity = tf.exp(stick_breaking.log_validity(logits))
        return (
            log_count,
            total,
            tape.gradient(log_count, logits),
            tape.gradient(total, logits),
            tape.gradient(validity, logits),
        )

    log_count, total, of_logs, of_total, of_validity = (
        value.numpy() for value in gradients(logits)
    )
    assert np.all(np.isfinite(log_count))
    np.testing.assert_allclose(total, 1, rtol=1e-5)
    assert np.all(np.isfinite(of_logs)) and np.all(np.isfinite(of_validity))
    # The sum is 1 everywhere, so it does not change with any logit.
    np.testing.assert_allclose(of_total, 0, atol=1e-6)


@given(
    hnp.arrays(np.int64, (4, 5), elements=st.integers(-6, 6)),
    hnp.arrays(np.float64, (4, 5), elements=st.floats(0, 1, exclude_max=True)),
    st.sampled_from([0.25, 1e4]),
)
def test_counts_are_the_leading_steps_that_are_present(quarters, uniforms, unit):
    """Greedy: p > 1/2, so not log-odds of 0; sampled: a uniform below p."""
    logits = unit * quarters
    p = sigmoid(logits)
    counts = stick_breaking.greedy_count(tf.constant(logits)).numpy()
    assert counts.tolist() == [chain(row > 0.5) for row in p]
    counts = stick_breaking.sampled_count(*map(tf.constant, (logits, uniforms)))
    assert counts.numpy().tolist() == [chain(row) for row in uniforms < p]
