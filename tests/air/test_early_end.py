"""The object loop's dynamic end: the same step, and only where it is the same."""

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr

STEPS, COUNT = 5, 2
CERTAIN, ABSENT = 4.0, -18.0  # log-odds


class Presence(keras.layers.Layer):
    """A head for z_pres that finds COUNT objects and hardly ever more.

    It tells the step from a mark that `marked` leaves in the LSTM's output.
    """

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=(), initializer="ones")

    def call(self, hidden):
        step = tf.round(hidden[..., 0] / 100)
        log_odds = tf.where(step < COUNT, CERTAIN, ABSENT)
        log_odds = tf.cast(log_odds, hidden.dtype)
        rest = tf.reduce_mean(hidden[..., 1:], axis=-1)
        return (log_odds + self.weight * rest)[..., None]


def marked(lstm):
    """An LSTM whose first output counts the steps in hundreds."""
    begin, step = lstm.begin, lstm.step

    def mark(state, t):
        output = state.output
        first = 0 * output[:, :1] + 100.0 * t
        return state._replace(output=tf.concat([first, output[:, 1:]], 1))

    def next_step(moving, state):
        t = tf.round(state.output[:1, :1] / 100)
        return mark(step(moving, mark(state, 0.0)), t + 1)

    lstm.begin = lambda *inputs: mark(begin(*inputs), 0.0)
    lstm.step = next_step


def model_of(ends, **options):
    model = model_support.tiny_model(steps=STEPS, ends=ends, **options)
    model_support.noisy_weights(model)
    model.recognition.presence = Presence()
    marked(model.recognition.lstm)
    return model


def gradients(model, images):
    images = model.grey(images)
    draws = model_support.draws_of(model, len(images), model.seed)
    return model.gradients(images, draws, model.iteration)


ESTIMATORS = {
    "exact": air.ExactEstimator(),
    "concrete": air.ConcreteEstimator(0.1, 0.9),
    "air_concrete": air.ConcreteEstimator(1.0, 0.99),
}
REGULARISERS = {
    "none": (None, 2),
    "number": (asr.number_regulariser((1, COUNT)), 2),
    "more_allowed": (asr.number_regulariser((1, 4)), 4),
    "unary": (asr.number_regulariser((1, COUNT), form="unary"), 2),
    "all boxes": (asr.overlap_regulariser(3, 5, side_penalty="mean"), 3),
    "boxes": (asr.overlap_regulariser(3, 5), STEPS),  # by validity: all objects
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "prior, regulariser",
    [("fixed", "none"), *(("learned", name) for name in REGULARISERS)],
)
def test_results_are_the_whole_loops(float64, prior, estimator, regulariser):
    penalty, taken = REGULARISERS[regulariser]
    options = {
        "prior": prior,
        "estimator": ESTIMATORS[estimator],
        "regulariser": penalty,
        "decoder_noise": 0.3,
    }
    images = model_support.random_images(4)
    model = model_of((1, 2, 3, 4), **options)
    early, early_gradients = gradients(model, images)
    model.ends = ()
    whole, whole_gradients = gradients(model, images)
    if estimator != "air_concrete":  # which draws its counts
        assert early["objects_taken"].numpy() == taken
    if regulariser in ("unary", "all boxes"):  # sums over the objects looked at
        assert early["loss"].numpy() != whole["loss"].numpy()
        return
    for name in set(whole) - {"objects_taken"}:
        expected = whole[name].numpy()
        assert early[name].numpy() == pytest.approx(expected, rel=1e-5), name
    apart = size = 0.0
    for one, other in zip(whole_gradients, early_gradients, strict=True):
        apart = np.hypot(apart, np.linalg.norm(one - other))
        size = np.hypot(size, np.linalg.norm(one))
    assert apart <= 1e-5 * size


def test_every_kind_of_end_gives_the_same_loop(float64):
    """Ends at counts that no image stops at change nothing."""
    images = model_support.random_images(4)
    model = model_of((1, 2, 3, 4))
    expected, _ = gradients(model, images)
    for ends in [(2,), (2, 4), (1, 2)]:
        model.ends = ends
        found, _ = gradients(model, images)
        for name in expected:
            assert found[name].numpy() == expected[name].numpy(), name
    model.ends = (4,)
    assert gradients(model, images)[0]["objects_taken"].numpy() == 4


def test_a_constraint_of_ones_own_sees_all_objects():
    def spread(posterior):
        assert posterior.side.shape[1] == STEPS
        return tf.reduce_max(posterior.centre[:, :, 0], axis=1)

    own = asr.Regulariser([asr.Constraint("spread", spread)])
    model = model_of((1, 2, 3, 4), regulariser=own)
    parts, _ = gradients(model, model_support.random_images(4))
    assert parts["objects_taken"].numpy() == STEPS
