"""The priors: AIR's annealed z_pres, and what the learned prior sees."""

import math

import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
from air import noise, prior, stick_breaking

SIZES = model_support.SIZES


# AIR's annealed prior.


@pytest.mark.parametrize("dtype, atol", [("float32", 5e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_annealed_log_odds_fall_until_the_floor(jit_compile, dtype, atol):
    """Single precision of ln 10 * t / 3000, up to 30, leaves about 2e-6."""

    @tf.function(jit_compile=jit_compile)
    def run(iteration):
        return prior.annealed_log_odds(iteration, dtype)

    t = np.array([*range(0, 45_000, 500), 1_000_000, 100_000_000])
    found = run(tf.constant(t)).numpy()
    expected = np.log(np.maximum(1e4 * 0.1 ** (t / 3000), 1e-9) + 1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=atol)
    assert np.all(np.diff(found[t <= 39_000]) < 0)
    assert np.ptp(found[t >= 39_000]) == 0
    by_hand = [math.log(1e4), 0.0, math.log(2e-9)]
    np.testing.assert_allclose(found[[0, 24, 78]], by_hand, atol=5e-6)


# The learned prior.


def along(prior, latents, iteration=0, blocks=((0, 4),)):
    """p of all objects of a sample of z, inferred in blocks: a list, or the one."""
    state, found = prior.begin(len(latents.scale), latents.scale.dtype), []
    for first, last in blocks:
        part = air.Latents(*(value[:, first:last] for value in latents))
        final = last == latents.scale.shape[1]
        p, state = prior.infer(part, state, iteration, first, final)
        found.append(p)
    return found[0] if len(blocks) == 1 else found


def dependence(prior, steps=4):
    """Which parameters of p at step t move with z^s: a table name -> [t, s]."""
    model_support.noisy_weights(prior)
    stream = np.random.default_rng(0)
    shapes = {"location": 2, "scale": 1, "appearance": SIZES.appearance}
    start = {
        name: stream.standard_normal((20, steps, size)).astype(np.float32)
        for name, size in shapes.items()
    }

    def parameters(values):
        p = along(prior, air.Latents(**values))
        found = {"presence": p.presence_logits[..., None]}
        for name in ("location", "scale")[: 2 if prior.scale is not None else 1]:
            normal = getattr(p, name).distribution
            found |= {name: normal.loc, f"{name}_deviation": normal.scale}
        return {name: value.numpy() for name, value in found.items()}

    before = parameters(start)
    tables = {
        (n, part): np.zeros((steps, steps), bool) for n in before for part in shapes
    }
    for part in shapes:
        for s in range(steps):
            values = {name: array.copy() for name, array in start.items()}
            values[part][:, s] += 1.0
            for name, value in parameters(values).items():
                moved = np.any(value != before[name], axis=(0, 2))
                tables[name, part][:, s] = moved
    return tables


@pytest.mark.parametrize("lag", [False, True])
def test_learned_prior_sees_earlier_objects_only(lag):
    """p at step t reads z^{<t}; with a lag z_pres reads z^{<t-1}.

    The scale sees the location of its own step as well.
    """
    prior = air.LearnedPrior(scale="learned", presence_lag=lag, sizes=SIZES)
    before = np.tril(np.ones((4, 4), bool), -1)
    for (name, part), table in dependence(prior).items():
        expected = before
        if name == "presence" and lag:
            expected = np.tril(before, -2)
        elif name.startswith("scale") and part == "location":
            expected = before | np.eye(4, dtype=bool)
        np.testing.assert_array_equal(table, expected, err_msg=f"{name} of {part}")


def test_scale_prior_need_not_see_its_location():
    prior = air.LearnedPrior(scale="learned", scale_sees_location=False, sizes=SIZES)
    table = dependence(prior)["scale", "location"]
    np.testing.assert_array_equal(table, np.tril(np.ones((4, 4), bool), -1))


@pytest.mark.parametrize("lag", [False, True])
@pytest.mark.parametrize("scale", ["fixed", "learned"])
def test_sampling_step_by_step_agrees_with_the_distributions_along_it(scale, lag):
    prior = air.LearnedPrior(scale=scale, presence_lag=lag, sizes=SIZES, seed=3)
    model_support.noisy_weights(prior)
    draws = noise.draw(tf.constant([3, 4]), 5, 4, SIZES)
    latents, logits = prior.sample(draws, 0)
    p = along(prior, latents)
    np.testing.assert_allclose(logits, p.presence_logits, rtol=1e-5, atol=1e-6)
    for name in ("location", "scale", "appearance"):
        normal = getattr(p, name).distribution
        expected = normal.loc + normal.scale * getattr(draws, name)
        np.testing.assert_allclose(getattr(latents, name), expected, atol=1e-5)


def test_fixed_prior_samples_what_it_says():
    prior = air.FixedPrior(sizes=SIZES)
    draws = noise.draw(tf.constant([3, 4]), 5, 4, SIZES)
    latents, logits = prior.sample(draws, tf.constant(15_000))
    np.testing.assert_array_equal(latents.location, draws.location)
    np.testing.assert_array_equal(latents.appearance, draws.appearance)
    expected = -1 + math.sqrt(0.05) * draws.scale.numpy()
    np.testing.assert_allclose(latents.scale, expected, rtol=1e-6)
    np.testing.assert_allclose(logits, np.full((5, 4), math.log(0.1)), rtol=1e-5)
    p = along(prior, latents, tf.constant(15_000))
    np.testing.assert_array_equal(p.presence_logits, logits)
    assert p.scale.distribution.loc.numpy() == [-1.0]
    assert p.scale.distribution.scale.numpy()[0] == pytest.approx(math.sqrt(0.05))


def test_constant_log_odds_give_a_geometric_count_at_any_iteration():
    prior = air.FixedPrior(log_odds=-1.0, sizes=SIZES)
    draws = noise.draw(tf.constant([3, 4]), 5, 4, SIZES)
    latents, logits = prior.sample(draws, tf.constant(15_000))
    p = along(prior, latents, tf.constant(50_000)).presence_logits
    np.testing.assert_array_equal(p, logits)
    present = 1 / (1 + math.e)
    expected = [*((1 - present) * present ** np.arange(4)), present**4]
    found = np.exp(stick_breaking.log_count(logits)[0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_known_count_shifts_the_log_odds():
    """+100 for the first `count` steps, -100 after; annealed for AIR only."""
    signs = np.array([1, 1, -1, -1])
    options = {"count_log_odds": 100.0, "count": 2, "sizes": SIZES}
    draws = noise.draw(tf.constant([3, 4]), 5, 4, SIZES)
    _, logits = air.FixedPrior(**options).sample(draws, tf.constant(15_000))
    np.testing.assert_allclose(logits[0], math.log(0.1) + 100 * signs, rtol=1e-5)
    none = air.FixedPrior(**{**options, "count": 0})
    _, logits = none.sample(draws, tf.constant(15_000))
    np.testing.assert_allclose(logits[0], math.log(0.1) - 100, rtol=1e-5)
    learned = air.LearnedPrior(**options)
    assert learned.presence is None
    latents, logits = learned.sample(draws, 0)
    np.testing.assert_array_equal(logits, np.tile(100 * signs, (5, 1)))
    np.testing.assert_array_equal(along(learned, latents)[0], logits)


KINDS = {
    "fixed": lambda: air.FixedPrior(sizes=SIZES),
    "learned": lambda: air.LearnedPrior(scale="learned", sizes=SIZES),
    "lagged": lambda: air.LearnedPrior(presence_lag=True, sizes=SIZES),
    "counted": lambda: air.LearnedPrior(count_log_odds=100.0, count=2, sizes=SIZES),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blocks", [((0, 1), (1, 4)), ((0, 1), (1, 3), (3, 4))])
def test_blocks_of_objects_have_the_prior_of_the_whole(kind, blocks):
    """And the log-odds of the object after each block, where one may follow."""
    prior = model_support.noisy_weights(KINDS[kind]())
    draws = noise.draw(tf.constant([3, 4]), 5, 4, SIZES)
    latents, _ = prior.sample(draws, 0)
    whole = along(prior, latents)
    for (first, last), p in zip(blocks, along(prior, latents, 0, blocks), strict=True):
        ahead = slice(first, last + 1)
        expected = whole.presence_logits[:, ahead]
        np.testing.assert_allclose(p.presence_logits, expected, atol=1e-6)
        for name in ("location", "scale"):
            one, other = (getattr(d, name).distribution.loc for d in (p, whole))
            if len(one.shape) > 1:  # one row an object, not the same for all
                np.testing.assert_allclose(one, other[:, first:last], atol=1e-6)


def test_training_and_evaluation_anneal_the_prior_by_the_models_iteration():
    """KL(z_pres) at iteration 39,000, where an object costs 20 nats, and at 0."""
    model = model_support.compiled(model_support.tiny_model("fixed"))
    images = model_support.squares(4)
    grey = model.grey(images)
    found = {}
    for iteration in (0, 39_000):
        model.iteration.assign(iteration)
        now = tf.constant(iteration, tf.int64)
        _, inference, _ = model.infer(grey, model.evaluation_noise(grey), now)
        expected = model.estimator.terms(inference)["kl_presence"].numpy()
        shown = model(images)["kl_presence"].numpy()
        np.testing.assert_allclose(shown, expected, rtol=1e-5)
        seed = noise.fold_in(noise.run_seed(model.seed), model.iteration)
        draws = noise.draw(seed, 4, **model.noise_options())
        part = model.objective(grey, draws, now, training=True)
        trained = model.train_step(images)["kl_presence"]
        assert float(trained) == pytest.approx(float(part["kl_presence"]), rel=1e-5)
        model.reset_metrics()
        found[iteration] = expected.mean()
    assert found[39_000] > found[0] + 5
