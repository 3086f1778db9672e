"""The number constraints of section 4.1 against values worked out by hand."""

import itertools
import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import asr

CERTAIN = 1000.0  # log-odds; e^-1000 is 0 in double precision


def logits_of(count, steps=3):
    """Log-odds of a q that is certain of `count` objects."""
    return [CERTAIN if t < count else -CERTAIN for t in range(steps)]


def logits_for(distribution):
    """Log-odds whose q(n) is the distribution given, n = 0..K, all above 0."""
    tails = np.cumsum(np.asarray(distribution)[::-1])[::-1]
    p = tails[1:] / tails[:-1]
    return np.log(p / (1 - p))


def value_and_gradient(functional, logits):
    """F(q) and its gradient with respect to the log-odds, as arrays.

    The posterior is built from `air`'s log q(n), through which a model
    differentiates.
    """
    from air import stick_breaking

    logits = tf.constant(np.asarray(logits, float))
    plain = model_support.posterior(logits.numpy())
    with tf.GradientTape() as tape:
        tape.watch(logits)
        q = plain._replace(
            log_count=stick_breaking.log_count(logits), presence_logits=logits
        )
        value = functional(q)
    return value.numpy(), tape.gradient(value, logits).numpy()


@given(
    hnp.arrays(np.float64, (4, 3), elements=st.floats(-200, 200)),
    st.sets(st.integers(0, 3), min_size=1),
)
def test_posterior_forms_equal_kl_sums(logits, allowed):
    """Both divergences as sums over all n, with 0 log 0 = 0."""
    allowed = tuple(sorted(allowed))
    q = model_support.posterior(logits)
    counts = np.exp(q.log_count.numpy())

    def kl(p, q):
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)

    each = [min(kl(np.eye(4)[i], row) for i in allowed) for row in counts]
    np.testing.assert_allclose(asr.AllowedCount(allowed)(q), each, atol=1e-12)
    uniform = [1 / len(allowed) if n in allowed else 0.0 for n in range(4)]
    expected = kl(uniform, counts.mean(axis=0))  # the mean over images comes first
    marginal = asr.MarginalCount(allowed)(q)
    assert marginal.shape == ()
    np.testing.assert_allclose(marginal, expected, atol=1e-12)


@given(
    hnp.arrays(np.float64, (4, 3), elements=st.floats(-30, 30)),
    st.sets(st.integers(0, 3), min_size=1),
    st.sampled_from([None, 1, 2, 3]),
)
def test_unary_forms_equal_cross_entropies_summed_by_hand(logits, allowed, steps_run):
    """Of the objects that were looked at: the others' log-odds play no part."""
    allowed = tuple(sorted(allowed))
    q = model_support.posterior(logits, steps_run=steps_run)
    p = 1 / (1 + np.exp(-logits))[:, :steps_run]
    each, marginal = numpy_model.unary_penalties(allowed, p)
    np.testing.assert_allclose(asr.UnaryAllowedCount(allowed)(q), each, rtol=1e-6)
    np.testing.assert_allclose(asr.UnaryMarginalCount(allowed)(q), marginal, rtol=1e-6)


def test_unary_forms_by_hand():
    q = model_support.posterior(np.log([[0.9 / 0.1, 0.2 / 0.8, 0.5 / 0.5]]))
    # Code of 1 is (1, 0, 0), of 3 (1, 1, 1).
    first = -math.log(0.9) - math.log(0.8) - math.log(0.5)
    assert asr.UnaryAllowedCount((1, 3))(q).numpy()[0] == pytest.approx(first)
    third = -math.log(0.9) - math.log(0.2) - math.log(0.5)
    assert asr.UnaryAllowedCount((3,))(q).numpy()[0] == pytest.approx(third)
    # The mean code is (1, 1/2, 1/2).
    marginal = -math.log(0.9) - 0.5 * math.log(0.2 * 0.8) - 0.5 * math.log(0.25)
    assert asr.UnaryMarginalCount((1, 3))(q).numpy() == pytest.approx(marginal)
    # Certain of an object that is denied: log 1e-8 and no more, and no slope.
    value, gradient = value_and_gradient(asr.UnaryAllowedCount((0,)), [[CERTAIN] * 3])
    assert value[0] == pytest.approx(-3 * math.log(1e-8))
    np.testing.assert_array_equal(gradient, 0)


def test_gradients_vanish_inside_the_valid_set_only():
    balanced = [logits_of(1), logits_of(3)]
    for functional in (asr.AllowedCount((1, 3)), asr.MarginalCount((1, 3))):
        value, gradient = value_and_gradient(functional, balanced)
        np.testing.assert_allclose(value, 0, atol=1e-15)
        np.testing.assert_allclose(gradient, 0, atol=1e-15)
        value, gradient = value_and_gradient(functional, [logits_of(2)] * 2)
        assert np.max(value) > 100 and np.max(np.abs(gradient)) > 0.1
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    "functional",
    [
        asr.AllowedCount((1, 3)),
        asr.MarginalCount((1, 3)),
        asr.UnaryAllowedCount((1, 3)),
        asr.UnaryMarginalCount((1, 3)),
    ],
    ids=lambda functional: type(functional).__name__,
)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_every_form_is_finite_on_degenerate_q(functional, scale):
    patterns = list(itertools.product([-scale, 0.0, scale], repeat=3))
    for rows in (patterns, patterns[:1], patterns[-1:]):
        value, gradient = value_and_gradient(functional, rows)
        assert np.all(np.isfinite(value)) and np.all(np.isfinite(gradient))
        assert np.all(value >= -1e-7)


def test_regulariser_has_the_papers_weights_and_averages_images():
    regulariser = asr.number_regulariser((1, 3))
    assert [(c.name, c.weight) for c in regulariser.constraints] == [
        ("allowed_count", 10.0),
        ("marginal_count", 100.0),
    ]
    rows = [[0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.1, 0.2]]
    q = model_support.posterior([logits_for(row) for row in rows])
    penalty, violations = regulariser(q)
    image, marginal = -math.log(0.4), math.log(0.5 / 0.3)
    assert violations["allowed_count"].numpy() == pytest.approx(image)
    assert violations["marginal_count"].numpy() == pytest.approx(marginal)
    # The marginal's term is added once, not once an image.
    assert penalty.numpy() == pytest.approx(10 * image + 100 * marginal)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"allowed": ()}, "allowed counts"),
        ({"allowed": (1, 1)}, "distinct"),
        ({"allowed": (-1, 2)}, "integers >= 0"),
        ({"allowed": (1.5,)}, "integers"),
        ({"allowed": (1, 3), "form": "binary"}, "form 'binary'"),
        ({"allowed": (1, 3), "image_weight": -1.0}, "weight -1.0"),
        ({"allowed": (1, 3), "marginal_weight": math.inf}, "weight inf"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        asr.number_regulariser(**arguments)


def test_unary_form_is_a_choice_and_counts_may_be_numpys():
    regulariser = asr.number_regulariser(np.array([2, 4]), 3.0, 0.0, form="unary")
    assert [(c.functional, c.weight) for c in regulariser.constraints] == [
        (asr.UnaryAllowedCount((2, 4)), 3.0),
        (asr.UnaryMarginalCount((2, 4)), 0.0),
    ]
    for constraint in regulariser.constraints:
        assert {type(n) for n in constraint.functional.allowed} == {int}


@pytest.mark.parametrize("form", ["posterior", "unary"])
def test_a_count_beyond_the_steps_is_refused(form):
    regulariser = asr.number_regulariser((1, 4), form=form)
    with pytest.raises(ValueError, match="at most 3 objects"):
        regulariser(model_support.posterior([logits_of(1)]))
