"""The negative ELBO and its parts against NumPy written from the definitions."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate

import air
from air import elbo, likelihood, networks, noise, prior, stick_breaking
from air.recognition import ObjectDistributions

tfd = tfp.distributions
TERMS = ("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence")


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


def pass_of(images, canvases, logits, prior_logits, parameters=None, uniforms=None):
    """A `Pass` from plain tensors; `parameters` are q's and p's normals."""
    dtype, shape = logits.dtype, logits.shape
    if parameters is None:
        size = [*shape, 1]
        unit = (tf.zeros(size, dtype), tf.ones(size, dtype))
        parameters = {
            name: (unit, unit) for name in ("location", "scale", "appearance")
        }
    q, p = (
        ObjectDistributions(
            presence,
            *(networks.normal(*parameters[name][side]) for name in parameters),
        )
        for side, presence in enumerate((logits, prior_logits))
    )
    draws = noise.Noise(None, None, None, uniforms)
    return elbo.Pass(images, canvases, q, p, draws, "maximum")


def random_parameters(batch, steps, seed=0, fixed_prior=False):
    """(mean, deviation) of q and p for each attribute, float64."""
    stream = np.random.default_rng(seed)
    found = {}
    for name, size in (("location", 2), ("scale", 1), ("appearance", 3)):
        q_shape = (batch, steps, size)
        p_shape = (size,) if fixed_prior else q_shape
        found[name] = tuple(
            (stream.standard_normal(shape), np.exp(stream.uniform(-2, 1, shape)))
            for shape in (q_shape, p_shape)
        )
    return found


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


# The likelihood.


@pytest.mark.parametrize("form", likelihood.FORMS)
def test_likelihood_by_hand(form):
    floor = -math.log(1e-10)
    images = tf.constant([[[1.0]], [[0.0]], [[1.0]], [[0.0]], [[0.3]], [[0.3]]])
    reconstructions = tf.constant(
        [[[0.0]], [[0.0]], [[1.0]], [[1.0]], [[0.2]], [[0.0]]]
    )
    expected = [
        *(floor, 0, 0, floor),
        -0.3 * math.log(0.2) - 0.7 * math.log(0.8),
        0.3 * floor,
    ]
    found = likelihood.cross_entropy(images, reconstructions, form).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("form", likelihood.FORMS)
def test_likelihood_sums_pixels(form):
    stream = np.random.default_rng(1)
    images, reconstructions = stream.random((2, 3, 5, 5))
    reconstructions[:, 0] = 0.0
    found = likelihood.cross_entropy(
        tf.constant(images), tf.constant(reconstructions), form
    ).numpy()
    expected = [
        numpy_model.cross_entropy(x, r)
        for x, r in zip(images, reconstructions, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    empty = likelihood.empty_cross_entropy(tf.constant(images)).numpy()
    expected = [numpy_model.cross_entropy(x, np.zeros((5, 5))) for x in images]
    np.testing.assert_allclose(empty, expected, rtol=1e-12)


@pytest.mark.parametrize("form", likelihood.FORMS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_likelihood_is_finite_at_the_ends(form, jit_compile):
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
            entropy = likelihood.cross_entropy(images, reconstructions, form)
            plain = likelihood.cross_entropy(images, parts, form)
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


# AIR's annealed prior.


@pytest.mark.parametrize(
    "iteration, expected",
    [
        (0, math.log(1e4)),
        (3_000, math.log(1e3)),
        (12_000, 0.0),
        (15_000, math.log(0.1)),
        (39_000, math.log(2e-9)),  # the floor: max(...) and + 1e-9, each 1e-9
        (1_000_000, math.log(2e-9)),
        (100_000_000, math.log(2e-9)),
    ],
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_annealed_log_odds(iteration, expected, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def run(iteration):
        return prior.annealed_log_odds(iteration)

    found = run(tf.constant(iteration, tf.int64)).numpy()
    # Single precision of ln 10 * t / 3000, up to 30, leaves about 2e-6.
    assert found == pytest.approx(expected, abs=5e-6)


def test_annealed_log_odds_fall_until_the_floor():
    times = tf.range(0, 45_000, 500, dtype=tf.int64)
    values = prior.annealed_log_odds(times, tf.float64).numpy()
    t = times.numpy()
    expected = np.log(np.maximum(1e4 * 0.1 ** (t / 3000), 1e-9) + 1e-9)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12)
    assert np.all(np.diff(values[t <= 39_000]) < 0)
    assert np.ptp(values[t >= 39_000]) == 0


# The fixed count and the Concrete relaxation.


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


@pytest.mark.parametrize(
    "temperature, threshold", [(1.0, 0.99), (0.4, 0.9), (2.0, 1.5)]
)
def test_concrete_equals_a_loop_over_steps(temperature, threshold):
    """The running sum of 1 - y stops the count; masks, not weights, on the KLs."""
    inference, arrays, divergences = made_up_pass(batch=12)
    images, canvases, logits, prior_logits, uniforms = arrays
    terms = air.ConcreteEstimator(temperature, threshold).terms(inference)
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


@pytest.mark.parametrize("arguments", [(0.0, 0.9), (-1.0, 0.9), (1.0, 0.0)])
def test_concrete_refuses_what_is_not_positive(arguments):
    with pytest.raises(ValueError, match="positive"):
        air.ConcreteEstimator(*arguments)
