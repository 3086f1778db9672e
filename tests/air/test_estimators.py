"""The fixed count and the Concrete relaxation, against loops from the definitions."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from elbo_support import made_up, pass_of, terms_of

import air
from air import stick_breaking
from air.elbo import TERMS


def test_fixed_count_takes_every_object():
    arrays = made_up()
    terms = terms_of(air.FixedCountEstimator(), **arrays)
    assert set(terms) == set(TERMS)
    canvas = np.clip(arrays["canvases"].sum(axis=1), 0, 1)
    expected = list(map(numpy_model.cross_entropy, arrays["images"], canvas))
    np.testing.assert_allclose(terms["reconstruction"], expected, rtol=1e-10)
    for name, each in arrays["divergences"].items():
        np.testing.assert_allclose(terms[name], each.sum(axis=1), rtol=1e-10)
    np.testing.assert_array_equal(terms["kl_presence"], 0)


def test_fixed_count_tells_a_regulariser_that_all_objects_exist():
    estimator = air.FixedCountEstimator()
    logits = estimator.presence_logits(pass_of(estimator, **made_up()))
    assert logits.shape == (5, 4)
    np.testing.assert_array_equal(tf.exp(stick_breaking.log_validity(logits)), 1)
    np.testing.assert_array_equal(tf.exp(stick_breaking.log_count(logits))[:, -1], 1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "temperature, threshold", [(1.0, 0.99), (0.4, 0.9), (2.0, 1.0)]
)
def test_concrete_equals_a_loop_over_steps(temperature, threshold, training):
    """The running sum of 1 - y stops the count; masks, not weights, on the KLs."""
    arrays = made_up(batch=30)
    estimator = air.ConcreteEstimator(temperature, threshold)
    terms = terms_of(estimator, **arrays, training=training)
    stops = set()
    for b in range(30):
        divergences = [
            {name: each[b, t] for name, each in arrays["divergences"].items()}
            for t in range(4)
        ]
        names = ("images", "canvases", "logits", "prior_logits")
        expected, counted = numpy_model.concrete_elbo(
            *(arrays[name][b] for name in names),
            divergences,
            arrays["uniforms"][b],
            estimator,
            training,
        )
        stops.add(counted)
        for name in TERMS:
            found = terms[name].numpy()[b]
            assert found == pytest.approx(expected[name], rel=1e-7, abs=1e-9), name
        for n in range(1, 5) if training else ():
            may_continue = estimator.may_continue(
                *(arrays[name][b : b + 1, :n] for name in ("logits", "uniforms"))
            )
            assert may_continue.numpy()[0] == (counted >= n)
    assert len(stops) >= 3  # the chains stop at different steps


def log_binary_concrete(y, log_odds, temperature):
    """Log-density of the binary Concrete distribution (Maddison et al. 2017).

    T a y^(-T-1) (1 - y)^(-T-1) / (a y^-T + (1 - y)^-T)^2 with a = exp(log-odds).
    """
    log_y, log_rest = np.log(y), np.log1p(-y)
    return (
        np.log(temperature)
        + log_odds
        - (temperature + 1) * (log_y + log_rest)
        - 2 * np.logaddexp(log_odds - temperature * log_y, -temperature * log_rest)
    )


def kl_of_one(logits, prior_logits, uniforms, temperature):
    """KL(z_pres) of one object an image, as estimated. Shape [batch]."""
    size = len(uniforms)
    terms = terms_of(
        air.ConcreteEstimator(temperature, 0.9),
        np.zeros([size, 1, 1]),
        np.zeros([size, 1, 1, 1]),
        *(np.broadcast_to(v, size)[:, None] for v in (logits, prior_logits)),
        np.asarray(uniforms)[:, None],
    )
    return terms["kl_presence"].numpy()


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.0])
def test_concrete_divergence_is_that_of_the_published_density(temperature):
    u, a, b = np.random.default_rng(0).uniform(0.05, 0.95, (3, 50))
    y = numpy_model.sigmoid((a + np.log((1 - u) / u)) / temperature)
    expected = log_binary_concrete(y, a, temperature)
    expected -= log_binary_concrete(y, b, temperature)
    np.testing.assert_allclose(kl_of_one(a, b, u, temperature), expected, atol=1e-9)


def test_evaluation_scores_the_scene_that_it_counts(float64):
    """With a Concrete z_pres too: -ELBO, SE and boxes are of one scene."""
    model = model_support.tiny_model(
        estimator=air.ConcreteEstimator(1.0, 0.99), count_rule="sampled"
    )
    model_support.noisy_weights(model)
    images = model.grey(model_support.random_images(20))
    scene = model(images)
    assert len(set(scene["counts"].numpy())) > 1
    expected = list(
        map(numpy_model.cross_entropy, images.numpy(), scene["reconstructions"].numpy())
    )
    np.testing.assert_allclose(scene["reconstruction"], expected, rtol=1e-9)
    model_support.compiled(model)
    logged = model.evaluate(images, batch_size=20, return_dict=True, verbose=0)
    mean = np.mean(scene["reconstruction"])
    assert logged["reconstruction"] == pytest.approx(mean, rel=1e-6)


def test_concrete_at_temperature_zero_averages_to_the_exact_terms():
    """Over many draws of the same image: E over n, up to the samples' error."""
    samples, arrays = 20_000, made_up(1, 3)
    del arrays["divergences"]
    arrays = {name: np.repeat(v, samples, axis=0) for name, v in arrays.items()}
    arrays["uniforms"] = np.random.default_rng(7).random((samples, 3))
    sampled, exact = (
        terms_of(estimator, **arrays, training=True)["reconstruction"].numpy()
        for estimator in (air.ConcreteEstimator(1e-6, 0.5), air.ExactEstimator())
    )
    five_errors = 5 * np.std(sampled) / math.sqrt(samples)
    assert np.mean(sampled) == pytest.approx(exact[0], abs=five_errors)


def test_concrete_is_finite_at_the_ends_of_the_uniforms_and_logits():
    """Single precision, compiled: u = 0, the largest u below 1, logits +-100."""
    logits = tf.constant([[a, b] for a in (-100.0, 100.0) for b in (-100.0, 100.0)])
    uniforms = tf.constant([[0.0, 1 - 2.0**-24]] * 4)
    images, canvases = tf.ones([4, 3, 3]) / 2, tf.ones([4, 2, 3, 3])

    @tf.function(jit_compile=True)
    def run(logits, contrary):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            estimator = air.ConcreteEstimator(0.1, 0.9)
            terms = terms_of(
                estimator, images, canvases, logits, contrary, uniforms, training=True
            )
            total = tf.add_n([terms[name] for name in TERMS])
        return terms, tape.gradient(total, logits)

    for contrary in (logits, -logits):
        terms, gradient = run(logits, contrary)
        for value in (*terms.values(), gradient):
            assert np.all(np.isfinite(value.numpy()))


@pytest.mark.parametrize("arguments", [(0.0, 0.9), (-1.0, 0.9), (1.0, 0.0), (1.0, 1.5)])
def test_concrete_refuses_what_is_out_of_range(arguments):
    with pytest.raises(ValueError, match="positive"):
        air.ConcreteEstimator(*arguments)


def test_an_estimator_of_ones_own_ends_no_loop_unless_it_says_so():
    logits = tf.constant([[-100.0, -100.0], [0.0, 100.0]])
    assert air.Estimator().may_continue(logits, logits).numpy().tolist() == [True] * 2
