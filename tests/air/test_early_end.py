"""The object loop's dynamic end: the same step, and only where it is the same."""

import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr

STEPS, COUNT = 5, 2
CERTAIN, ABSENT = 4.0, -20.0  # added to the log-odds


def model_of(ends, **options):
    """A model that finds COUNT objects and hardly ever more."""
    model = model_support.tiny_model(steps=STEPS, ends=ends, **options)
    model_support.noisy_weights(model)
    infer = model.recognition.infer

    def shifted(images, noise, first, *rest):
        latents, q, state = infer(images, noise, first, *rest)
        logits = q.presence_logits
        steps = first + np.arange(logits.shape[1])
        shift = np.where(steps < COUNT, CERTAIN, ABSENT)
        logits += tf.constant(shift, logits.dtype)
        return latents, q._replace(presence_logits=logits), state

    model.recognition.infer = shifted
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
    "boxes": (asr.overlap_regulariser(3, 5), STEPS),  # by validity: all objects
}


@pytest.mark.parametrize(
    "prior, regulariser, estimator",
    [
        *(("fixed", "none", estimator) for estimator in ESTIMATORS),
        *(
            ("learned", regulariser, estimator)
            for regulariser in REGULARISERS
            for estimator in ("exact", "concrete")
        ),
    ],
)
def test_results_are_the_whole_loops(float64, prior, regulariser, estimator):
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
