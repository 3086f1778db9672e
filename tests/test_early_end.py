"""Early end of the object loop: the same step, and only where it is the same."""

import elbo_support
import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from air import early_end, likelihood, noise, stick_breaking
from reproduce import build, training
from reproduce.configuration import preset_configuration

STEPS, END = 5, 2
CERTAIN, ABSENT = 4.0, -16.0  # log-odds


class Presence(keras.layers.Layer):
    """A head for z_pres that finds END objects and hardly ever more."""

    def __init__(self, absent):
        super().__init__()
        self.log_odds = np.repeat([CERTAIN, absent], [END, STEPS - END])
        self.weight = self.add_weight(shape=(), initializer="ones")

    def call(self, hidden):
        log_odds = tf.constant(self.log_odds[: hidden.shape[1]], hidden.dtype)
        logits = log_odds + self.weight * tf.reduce_mean(hidden, axis=-1)
        return logits[..., None]


def model_of(absent=ABSENT, **options):
    options = {"regulariser": asr.number_regulariser((1, END))} | options
    model = model_support.tiny_model(steps=STEPS, early_end=END, **options)
    model_support.noisy_weights(model)
    model.recognition.presence = Presence(absent)
    model.compile(keras.optimizers.Adam(1e-3, epsilon=1e-8, clipnorm=1.0))
    return model


@pytest.mark.parametrize("prior", ["learned", "fixed"])
@pytest.mark.parametrize(
    "options",
    [{}, {"reads_latents": False}, {"decoder_noise": 0.3}],
    ids=["paper", "x_alone", "noise"],
)
def test_results_are_the_whole_loops(float64, prior, options):
    model = model_of(prior=prior, **options)
    images = tf.constant(model_support.random_images(4))
    whole, gradients = model._gradients(images, early=False)
    early, early_gradients = model._gradients(images, early=True)
    assert whole["ended_early"].numpy() == early["ended_early"].numpy() == 1
    assert list(whole) == list(early)
    for name in whole:
        expected = whole[name].numpy()
        assert early[name].numpy() == pytest.approx(expected, rel=1e-5), name
    variables = model.trainable_variables
    apart, whole_size, with_gradient = 0.0, 0.0, 0
    for variable, one, other in zip(variables, gradients, early_gradients, strict=True):
        if one is None:  # the replaced head's
            assert other is None
            continue
        size = np.linalg.norm(one)
        distance = np.linalg.norm(one - other)
        assert distance <= 1e-4 * size, variable.path
        apart, whole_size = np.hypot(apart, distance), np.hypot(whole_size, size)
        with_gradient += size > 0
    assert apart <= 1e-5 * whole_size
    assert with_gradient > 0.8 * len(variables)


def test_every_larger_count_is_charged_the_scene_that_is_drawn(float64):
    """sum_n q(n) CE(n) of the whole loop, with CE(m) for n > m; its gradients too.

    Were q(n > m) left out, a lower q(m) would seem to save the whole of CE(m).
    """
    stream = np.random.default_rng(0)
    images = tf.constant(stream.random((3, 6, 6)))
    canvases = tf.constant(0.4 * stream.random((3, END, 6, 6)))
    logits = tf.constant(stream.standard_normal((3, STEPS)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ahead = elbo_support.pass_of(
            images,
            canvases,
            logits[:, : END + 1],
            tf.zeros([3, END + 1], tf.float64),
            elbo_support.random_parameters(3, END),
        )
        found = air.ExactEstimator().terms(ahead)["reconstruction"]
        count = tf.exp(stick_breaking.log_count(logits))
        scenes = [tf.reduce_sum(canvases[:, :n], axis=1) for n in range(END + 1)]
        entropies = [likelihood.cross_entropy(images, scene) for scene in scenes]
        entropies += [entropies[END]] * (STEPS - END)
        expected = tf.reduce_sum(count * tf.stack(entropies, axis=1), axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(
        tape.gradient(found, logits), tape.gradient(expected, logits), atol=1e-9
    )


def test_the_look_ahead_is_needed(float64):
    """KL(z_pres) of object END + 1 is far from nothing, unlike the object itself."""
    model = model_of()
    images = tf.constant(model_support.random_images(4))
    parts, _ = model._gradients(images, early=True)
    grey = tf.cast(images, tf.float64) / 255
    draws = noise.draw(
        noise.fold_in(noise.run_seed(model.seed), model.iteration),
        len(images),
        STEPS,
        model.sizes,
        dtype=tf.float64,
    )
    _, blind = model.infer(grey, draws, model.iteration, early=True)
    cut = blind.recognition._replace(
        presence_logits=blind.recognition.presence_logits[:, :END]
    )
    prior = blind.prior._replace(presence_logits=blind.prior.presence_logits[:, :END])
    terms = model.estimator.terms(blind._replace(recognition=cut, prior=prior))
    missing = parts["kl_presence"] - tf.reduce_mean(terms["kl_presence"])
    assert missing.numpy() > 1e-5 * parts["kl_presence"].numpy()


@pytest.mark.parametrize(
    # Equal log-odds l at every step: S_3 = sigmoid(l)^3.
    "log_odds, ended",
    [(-4.85, 1), (-4.3, 0), (0.0, 0), (9.0, 0)],
)
def test_flag_says_whether_object_after_the_end_may_exist(log_odds, ended):
    logits = np.full((3, STEPS), log_odds, np.float32)
    assert early_end.loop_may_end(tf.constant(logits), END).numpy() == ended
    # One image is enough to forbid it.
    logits[1] = 9.0
    assert early_end.loop_may_end(tf.constant(logits), END).numpy() == 0


def test_config_keeps_it():
    model = model_support.tiny_model(steps=STEPS, early_end=END)
    assert air.AIR.from_config(model.get_config()).early_end == END


@pytest.mark.parametrize(
    "experiment, changes, expected",
    [
        ("table1/asr-13", {}, 3),
        ("table1/asr-24", {}, 4),
        ("table1/asr-14", {"steps": 4}, None),
        ("table1/asr-13", {"early_end": False}, None),
        ("table1/asr-13", {"number_penalty": "unary"}, None),
        ("table1/asr-13", {"presence": "concrete"}, None),
        ("table1/pprior-13", {}, None),
        ("table1/air-13", {}, None),
        ("table2/asr-mnist", {}, None),
    ],
)
def test_runs_that_end_early(experiment, changes, expected):
    configuration = preset_configuration(experiment, **changes)
    assert build._early_end(configuration) == expected


def test_constraints_of_ones_own_may_read_every_object():
    configuration = preset_configuration("table1/asr-13")
    own = asr.Constraint("own", lambda posterior: tf.nn.relu(posterior.side[:, 5]), 1.0)
    assert build.build_model(configuration, [own]).early_end is None


class Steps:
    """A `Training` as far as `_step` knows it, that counts what it is asked for."""

    def __init__(self, share, possible):
        self.model = model_support.tiny_model(steps=STEPS, early_end=END)
        self.model.trackers["ended_early"].update_state(share)
        self.possible, self.asked = possible, []

    def train_step(self, images):
        self.asked.append("whole")

    def _early_train_step(self, images):
        self.asked.append("early")
        return tf.constant(self.possible), {}


@pytest.mark.parametrize(
    "share, possible, asked",
    [
        (0.7, 1.0, ["whole"]),
        (0.8, 1.0, ["early"]),
        (0.8, 0.0, ["early", "whole"]),
    ],
)
def test_a_step_tries_it_where_it_was_often_possible(share, possible, asked):
    steps = Steps(share, possible)
    training.Training._step(steps, None)
    assert steps.asked == asked


def test_training_with_it_follows_training_without():
    """Five Adam steps, both ways."""
    images = tf.constant(model_support.random_images(4))
    models = [model_of() for _ in range(2)]
    for _ in range(5):
        models[0].train_step(images)
        taken, means = models[1].early_train_step(images)
        assert taken.numpy() == 1 and list(means) == list(models[1].trackers)
    assert models[0].iteration.numpy() == models[1].iteration.numpy() == 5
    for one, other in zip(*(m.trainable_variables for m in models), strict=True):
        # Adam may have moved each by 5e-3.
        np.testing.assert_allclose(one, other, atol=5e-4)
    for name in models[0].trackers:
        one, other = (float(m.trackers[name].result()) for m in models)
        assert one == pytest.approx(other, rel=1e-4), name


def test_a_step_that_may_not_end_early_changes_nothing():
    images = tf.constant(model_support.random_images(4))
    model = model_of(absent=1.0)
    step = tf.function(model.early_train_step)
    state = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in state]
    taken, means = step(images)
    assert taken.numpy() == 0 and list(means) == list(model.trackers)
    for variable, value in zip(state, before, strict=True):
        np.testing.assert_array_equal(variable, value)
