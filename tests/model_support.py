"""What the tests of the models share: tiny models, images and posteriors."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

import air
from air import noise
from asr import Posterior

CANVAS = 12  # pixels
STEPS = 3
SIZES = air.Sizes(appearance=3, window=6, lstm=8, encoder=(9, 7), head=5)


def tiny_model(prior="learned", scale="fixed", steps=STEPS, **options):
    """An uncompiled `air.AIR` of a few thousand weights."""
    estimator = options.setdefault("estimator", air.ExactEstimator())
    if prior == "learned":
        prior = air.LearnedPrior(
            scale=scale,
            infers_presence=estimator.infers_presence,
            hidden_sees_location=options.get("hidden_sees_location", False),
            sizes=SIZES,
        )
    elif prior == "fixed":
        prior = air.FixedPrior(sizes=SIZES)
    return air.AIR(canvas_side=CANVAS, steps=steps, prior=prior, sizes=SIZES, **options)


def released_model(prior="learned", **options):
    """A tiny model in the released code's form, in all that a model can be told."""
    sizes = dataclasses.replace(SIZES, bounded=False, joint_encoder_output=False)
    if prior == "learned":
        prior = air.LearnedPrior(
            scale="learned", presence_lag=True, hidden_sees_location=True, sizes=sizes
        )
    else:
        prior = air.FixedPrior(sizes=sizes)
    settings = {
        "steps": STEPS,
        "estimator": air.ConcreteEstimator(0.1, 0.9),
        "sampler": air.ClippedCornersSampler(),
        "likelihood": air.ReleasedLikelihood(),
        "hidden_sees_location": True,
        "sizes": sizes,
    }
    return air.AIR(canvas_side=CANVAS, prior=prior, **settings | options)


def draws_of(model, count, seed=3):
    """The noise of one pass of a model over `count` images."""
    return noise.draw(noise.run_seed(seed), count, **model.noise_options())


def grey(count, seed=0, dtype="float64"):
    """`random_images` as grey values, a tensor."""
    return tf.constant(random_images(count, seed) / 255, dtype)


def random_images(count, seed=0):
    """Grey values, a third of them exactly 0 and some exactly 1: uint8."""
    stream = np.random.default_rng(seed)
    values = stream.integers(-128, 384, (count, CANVAS, CANVAS))
    return np.clip(values, 0, 255).astype(np.uint8)


def noisy_weights(model, deviation=0.3, seed=0):
    """Moves all weights off their initial values (biases too), reproducibly."""
    stream = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(deviation * stream.standard_normal(variable.shape))
    return model


def posterior(
    logits=None,
    centre=None,
    side=None,
    canvas_side=50,
    validity=None,
    steps_run=None,
):
    """An `asr.Posterior` in double precision, from plain lists.

    log q(n) and validity are computed here from their definition, not by the
    project's code. What is not given is harmless.
    """
    if logits is None:
        shape = np.shape(side) if side is not None else np.shape(centre)[:2]
        logits = np.full(shape, 500.0)
    logits = np.asarray(logits, float)
    batch, steps = logits.shape
    # log sigmoid, in the form that does not overflow.
    log_present, log_absent = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
    log_count = np.zeros((batch, steps + 1))
    for n in range(steps + 1):
        log_count[:, n] = log_present[:, :n].sum(axis=1)
        if n < steps:
            log_count[:, n] += log_absent[:, n]
    if validity is None:
        validity = np.exp(np.cumsum(log_present, axis=1))
    if centre is None:
        centre = np.full((batch, steps, 2), canvas_side / 2)
    if side is None:
        side = np.full((batch, steps), 10.0)
    return Posterior(
        log_count=tf.constant(log_count),
        presence_logits=tf.constant(logits),
        validity=tf.constant(np.asarray(validity, float)),
        centre=tf.constant(np.asarray(centre, float)),
        side=tf.constant(np.asarray(side, float)),
        canvas_side=canvas_side,
        steps_run=steps_run,
    )


def compiled(model, learning_rate=1e-3, run_eagerly=True):
    """Eager by default: a few steps take less time than tracing them."""
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8, clipnorm=1.0)
    model.compile(optimizer=optimizer, run_eagerly=run_eagerly, jit_compile=False)
    return model


def squares(count, seed=0):
    """Scenes of one bright square each: uint8."""
    stream = np.random.default_rng(seed)
    images = np.zeros((count, CANVAS, CANVAS), np.uint8)
    for image in images:
        x, y = stream.integers(1, CANVAS - 4, 2)
        image[y : y + 3, x : x + 3] = 255
    return images


def weights(model):
    """The trainable weights as arrays, a list."""
    return [variable.numpy() for variable in model.trainable_variables]


def equal(first, second):
    """Whether two lists of arrays are the same, bit for bit."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
