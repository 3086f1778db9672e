"""The fixed count and the Concrete relaxation, against loops from the definitions."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from elbo_support import TERMS, pass_of, random_parameters
from scipy import integrate

import air
from air import stick_breaking


def made_up_pass(batch=5, steps=4, seed=4, uniforms=None):
    """A `Pass` of random canvases, normals, logits and uniforms, float64."""
    stream = np.random.default_rng(seed)
    images = stream.random((batch, 6, 6)).round(1)
    canvases = stream.random((batch, steps, 6, 6)) * stream.integers(
        0, 2, (batch, steps, 6, 6)
    )
    logits, prior_logits = stream.normal(0.5, 1.5, (2, batch, steps))
    if uniforms is None:
        uniforms = stream.uniform(0.02, 0.98, (batch, steps))
    parameters = random_parameters(batch, steps, seed)
    inference = pass_of(
        *map(tf.constant, (images, canvases, logits, prior_logits)),
        parameters,
        tf.constant(uniforms),
    )
    divergences = {
        name: np.array(
            [
                [
                    numpy_model.normal_divergence(
                        *((mean[b, t], s[b, t] ** 2) for mean, s in pair)
                    )
                    for t in range(steps)
                ]
                for b in range(batch)
            ]
        )
        for name, pair in parameters.items()
    }
    return inference, (images, canvases, logits, prior_logits, uniforms), divergences


def test_fixed_count_takes_every_object():
    inference, (images, canvases, *_), divergences = made_up_pass()
    terms = air.FixedCountEstimator().terms(inference)
    assert set(terms) == set(TERMS)
    for b, image in enumerate(images):
        full = np.clip(canvases[b].sum(axis=0), 0, 1)
        expected = numpy_model.cross_entropy(image, full)
        assert terms["reconstruction"].numpy()[b] == pytest.approx(expected)
    for name, each in divergences.items():
        np.testing.assert_allclose(terms[f"kl_{name}"], each.sum(axis=1), rtol=1e-10)
    np.testing.assert_array_equal(terms["kl_presence"], 0)


def test_fixed_count_tells_a_regulariser_that_all_objects_exist():
    inference, *_ = made_up_pass()
    logits = air.FixedCountEstimator().presence_logits(inference)
    assert logits.shape == (5, 4)
    np.testing.assert_array_equal(tf.exp(stick_breaking.log_validity(logits)), 1)
    np.testing.assert_array_equal(tf.exp(stick_breaking.log_count(logits))[:, -1], 1)


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


@pytest.mark.parametrize("relaxed", [True, False])
@pytest.mark.parametrize(
    "temperature, threshold", [(1.0, 0.99), (0.4, 0.9), (2.0, 1.0)]
)
def test_concrete_equals_a_loop_over_steps(temperature, threshold, relaxed):
    """The running sum of 1 - y stops the count; masks, not weights, on the KLs."""
    inference, arrays, divergences = made_up_pass(batch=12)
    images, canvases, logits, prior_logits, uniforms = arrays
    estimator = air.ConcreteEstimator(temperature, threshold)
    terms = estimator.terms(inference, relaxed)
    stops = set()
    for b, image in enumerate(images):
        expected = dict.fromkeys(TERMS, 0.0)
        canvas, running, counted = np.zeros((6, 6)), 0.0, 0
        for t in range(4):
            logistic = np.log((1 - uniforms[b, t]) / uniforms[b, t])
            y = numpy_model.sigmoid((logits[b, t] + logistic) / temperature)
            if running >= threshold:
                break
            expected["kl_presence"] += log_binary_concrete(
                y, logits[b, t], temperature
            ) - log_binary_concrete(y, prior_logits[b, t], temperature)
            if not relaxed:
                y = float(y > 0.5)
            running += 1 - y
            if running >= threshold:
                break
            counted += 1
            canvas += y * canvases[b, t]
            for name, each in divergences.items():
                expected[f"kl_{name}"] += each[b, t]
        stops.add(counted)
        expected["reconstruction"] = numpy_model.cross_entropy(image, canvas.clip(0, 1))
        for name in TERMS:
            found = terms[name].numpy()[b]
            assert found == pytest.approx(expected[name], rel=1e-7, abs=1e-9), name
    assert len(stops) >= 3  # the chains stop at different steps


def test_evaluation_scores_the_scene_that_it_counts(float64):
    """With a Concrete z_pres too: -ELBO, SE and boxes are of one scene."""
    model = model_support.tiny_model(
        estimator=air.ConcreteEstimator(1.0, 0.99), count_rule="sampled"
    )
    model_support.noisy_weights(model)
    images = model.grey(model_support.random_images(20))
    scene = model(images)
    assert len(set(scene["counts"].numpy())) > 1
    for image, reconstruction, nats in zip(
        *(images, scene["reconstructions"], scene["reconstruction"]), strict=True
    ):
        expected = numpy_model.cross_entropy(image.numpy(), reconstruction.numpy())
        assert nats.numpy() == pytest.approx(expected, rel=1e-9)
    model_support.compiled(model)
    logged = model.evaluate(images, batch_size=20, return_dict=True, verbose=0)
    mean = np.mean(scene["reconstruction"])
    assert logged["reconstruction"] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_concrete_divergence_averages_to_the_true_one(temperature):
    """At equal T it is the divergence of two logistics, here by quadrature."""
    samples = 200_000
    log_odds, prior_log_odds = 1.3, -0.4

    def integrand(v):
        q = np.exp(-abs(v - log_odds) - 2 * np.log1p(np.exp(-abs(v - log_odds))))
        p = -abs(v - prior_log_odds) - 2 * np.log1p(np.exp(-abs(v - prior_log_odds)))
        return q * (np.log(q) - p)

    expected, _ = integrate.quad(integrand, -40, 40)
    uniforms = np.random.default_rng(0).random((samples, 1))
    inference = pass_of(
        tf.zeros([samples, 1, 1], tf.float64),
        tf.zeros([samples, 1, 1, 1], tf.float64),
        tf.fill([samples, 1], tf.constant(log_odds, tf.float64)),
        tf.fill([samples, 1], tf.constant(prior_log_odds, tf.float64)),
        uniforms=tf.constant(uniforms),
    )
    terms = air.ConcreteEstimator(temperature, 0.9).terms(inference)
    estimates = terms["kl_presence"].numpy()
    five_errors = 5 * estimates.std() / math.sqrt(samples)
    assert 0.3 < expected < 2 and five_errors < 0.05
    assert estimates.mean() == pytest.approx(expected, abs=five_errors)


def test_concrete_at_temperature_zero_is_exact_sampling():
    """y is 0 or 1: the canvas and the divergences of the leading objects.

    z_pres^t = 1 where uniform < p_t, as where a count is sampled.
    """
    inference, arrays, divergences = made_up_pass(batch=40)
    images, canvases, logits, _, uniforms = arrays
    terms = air.ConcreteEstimator(1e-6, 0.5).terms(inference)
    present = uniforms < numpy_model.sigmoid(logits)
    counts = np.cumprod(present, axis=1).sum(axis=1)
    assert set(counts) == {0, 1, 2, 3, 4}
    for b, n in enumerate(counts):
        canvas = canvases[b, :n].sum(axis=0).clip(0, 1)
        expected = numpy_model.cross_entropy(images[b], canvas)
        assert terms["reconstruction"].numpy()[b] == pytest.approx(expected)
        for name, each in divergences.items():
            found = terms[f"kl_{name}"].numpy()[b]
            assert found == pytest.approx(each[b, :n].sum(), rel=1e-9)


def test_concrete_at_temperature_zero_averages_to_the_exact_terms():
    """Over many draws of the same image: E over n, up to the samples' error."""
    stream = np.random.default_rng(7)
    samples, steps = 20_000, 3
    one = made_up_pass(1, steps)[1]
    images, canvases, logits, prior_logits = (
        np.repeat(array, samples, axis=0) for array in one[:4]
    )
    inference = pass_of(
        *map(tf.constant, (images, canvases, logits, prior_logits)),
        uniforms=tf.constant(stream.random((samples, steps))),
    )
    sampled = air.ConcreteEstimator(1e-6, 0.5).terms(inference)["reconstruction"]
    exact = air.ExactEstimator().terms(inference)["reconstruction"].numpy()
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
            inference = pass_of(images, canvases, logits, contrary, uniforms=uniforms)
            terms = air.ConcreteEstimator(0.1, 0.9).terms(inference)
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
