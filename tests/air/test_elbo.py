"""The exact negative ELBO and its divergences, against NumPy from the definitions."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from elbo_support import TERMS, pass_of, random_parameters
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import air
from air import elbo, noise


def grey(count, seed=0):
    return tf.constant(model_support.random_images(count, seed) / 255)


def noise_of(model, images, seed=3):
    return model.draw_noise(noise.run_seed(seed), images.shape[0])


# The exact ELBO.


@pytest.mark.parametrize(
    "prior_kind, options",
    [
        ("fixed", {}),
        ("fixed", {"reads_latents": False, "scale_sees_location": False}),
        ("learned", {}),
        ("learned", {"scale": "learned"}),
        ("learned", {"scale": "learned", "hidden_sees_location": True}),
        ("learned", {"decoder_noise": 0.3}),
        ("lagged", {}),
    ],
)
def test_exact_elbo_equals_brute_force(float64, prior_kind, options):
    """Everything from the weights up, against a second implementation."""
    iteration = tf.constant(9_000, tf.int64)
    if prior_kind == "lagged":
        kind = air.LearnedPrior(presence_lag=True, sizes=model_support.SIZES)
    else:
        kind = prior_kind
    model = model_support.noisy_weights(model_support.tiny_model(kind, **options))
    images = grey(3)
    draws = noise_of(model, images)
    _, inference = model.infer(images, draws, iteration)
    terms = model.estimator.terms(inference)
    assert set(terms) == set(TERMS)
    for index, image in enumerate(images.numpy()):
        objects = numpy_model.recognise(model, image, draws, index)
        if prior_kind == "fixed":
            # 1e4 * 0.1^(9000 / 3000) = 10: log-odds ln 10.
            given_prior = numpy_model.fixed_prior(math.log(10), objects)
        else:
            given_prior = numpy_model.learned_prior(model.prior, objects)
        logit_noise = np.zeros(model.steps)
        if "decoder_noise" in options:
            logit_noise = options["decoder_noise"] * draws.decoder.numpy()[index]
        canvases = [
            numpy_model.draw(model, z, logit_noise[t]) for t, z in enumerate(objects)
        ]
        expected = numpy_model.negative_elbo(image, canvases, objects, given_prior)
        for name in TERMS:
            found = terms[name].numpy()[index]
            assert found == pytest.approx(expected[name], rel=1e-8), name


def test_objective_is_the_mean_over_images_of_the_sum_of_terms(float64):
    model = model_support.noisy_weights(model_support.tiny_model())
    images = grey(4)
    draws = noise_of(model, images)
    parts = model.objective(images, draws, model.iteration)
    _, inference = model.infer(images, draws, model.iteration)
    terms = model.estimator.terms(inference)
    total = sum(terms[name].numpy() for name in TERMS)
    assert parts["nelbo"].numpy() == pytest.approx(total.mean(), rel=1e-12)
    assert parts["loss"].numpy() == parts["nelbo"].numpy()


@pytest.mark.parametrize("scale", ["fixed", "learned"])
def test_gradients_agree_with_finite_differences(float64, scale):
    """A random direction in each variable, three in all of them, single weights."""
    model = model_support.noisy_weights(model_support.tiny_model(scale=scale))
    images = grey(3, seed=1)
    draws = noise_of(model, images)
    variables = model.trainable_variables

    @tf.function
    def objective():
        return model.objective(images, draws, model.iteration)["loss"]

    @tf.function
    def gradient_of_objective():
        with tf.GradientTape() as tape:
            loss = model.objective(images, draws, model.iteration)["loss"]
        return tape.gradient(loss, variables)

    gradients = [gradient.numpy() for gradient in gradient_of_objective()]
    stream = np.random.default_rng(5)
    directions = []
    for index, variable in enumerate(variables):
        one = [np.zeros(v.shape) for v in variables]
        one[index] = stream.standard_normal(variable.shape)
        directions.append(one)
    for index in stream.integers(0, len(variables), 12):
        one = [np.zeros(v.shape) for v in variables]
        one[index][tuple(stream.integers(0, side) for side in one[index].shape)] = 1.0
        directions.append(one)
    for _ in range(3):
        directions.append([stream.standard_normal(v.shape) for v in variables])

    start = [variable.numpy() for variable in variables]
    step = 2e-8  # short, so that no kink of the hat functions lies within it

    def moved(direction, distance):
        for variable, at, along in zip(variables, start, direction, strict=True):
            variable.assign(at + distance * along)
        return objective().numpy()

    moving = 0
    for direction in directions:
        slope = (moved(direction, step) - moved(direction, -step)) / (2 * step)
        expected = sum(
            np.sum(gradient * along)
            for gradient, along in zip(gradients, direction, strict=True)
        )
        # A loss of some 1e3 is rounded by 1e-12, the slope therefore by 5e-5.
        assert slope == pytest.approx(expected, rel=2e-6, abs=3e-4)
        moving += abs(slope) > 1e-3
    assert moving > len(directions) / 2  # most of them do change the loss


def test_exact_elbo_is_finite_at_extreme_logits():
    """All logits +-1e4, under both the fixed and a contrary prior; compiled."""
    patterns = tf.constant([[a, b] for a in (-1e4, 0.0, 1e4) for b in (-1e4, 1e4)])
    batch = patterns.shape[0]
    canvases = tf.ones([batch, 2, 4, 4])
    images = tf.tile(tf.constant([[[0.0, 0.5, 1.0, 1.0]] * 4]), [batch, 1, 1])

    @tf.function(jit_compile=True)
    def run(logits, contrary):
        with tf.GradientTape() as tape:
            tape.watch([logits, contrary])
            inference = pass_of(images, canvases, logits, contrary)
            terms = air.ExactEstimator().terms(inference)
            total = tf.add_n([terms[name] for name in TERMS])
        return terms, tape.gradient(total, [logits, contrary])

    for contrary in (tf.zeros_like(patterns), -patterns, patterns):
        terms, gradients = run(patterns, contrary)
        for value in (*terms.values(), *gradients):
            assert np.all(np.isfinite(value.numpy()))
        assert np.all(terms["kl_presence"].numpy() >= 0)


# The divergences.


@pytest.mark.parametrize("fixed_prior", [False, True])
def test_attribute_divergences_have_their_closed_form(fixed_prior):
    parameters = random_parameters(4, 3, fixed_prior=fixed_prior)
    logits = tf.zeros([4, 3], tf.float64)
    found = elbo.attribute_divergences(pass_of(None, None, logits, logits, parameters))
    for name, ((m, s), (mp, sp)) in parameters.items():
        each = np.log(sp / s) + (s**2 + (m - mp) ** 2) / (2 * sp**2) - 0.5
        expected = each.sum(axis=-1)
        np.testing.assert_allclose(found[f"kl_{name}"], expected, rtol=1e-10)


@given(hnp.arrays(np.float64, (2, 5), elements=st.floats(-15, 15)))
def test_presence_divergence_has_its_closed_form(logits):
    q, p = numpy_model.sigmoid(logits)
    expected = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    found = elbo.presence_divergence(*tf.constant(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_presence_divergence_by_hand():
    """Certain presence under AIR's last prior log-odds costs about 20 nats."""
    q, p = tf.constant([100.0, -100.0, 0.0]), tf.constant([-20.03, -20.03, 0.0])
    found = elbo.presence_divergence(q, p).numpy()
    np.testing.assert_allclose(found, [20.03, math.exp(-20.03), 0], rtol=1e-5)


def test_presence_terms_are_the_divergence_of_the_counts():
    """sum_t S_{t-1} KL(Bern || Bern) = KL(q(n) || p(n)): the chain rule."""
    stream = np.random.default_rng(2)
    logits, prior_logits = stream.normal(0, 2, (2, 6, 4))
    inference = pass_of(
        tf.zeros([6, 2, 2], tf.float64),
        tf.zeros([6, 4, 2, 2], tf.float64),
        tf.constant(logits),
        tf.constant(prior_logits),
    )
    found = air.ExactEstimator().terms(inference)["kl_presence"].numpy()
    for value, a, b in zip(found, logits, prior_logits, strict=True):
        q, p = map(numpy_model.count_distribution, (a, b))
        assert value == pytest.approx(np.sum(q * np.log(q / p)), rel=1e-10)
