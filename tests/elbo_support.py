"""An `ElboInputs` made of plain arrays, for tests of what an ELBO is made of."""

import numpy as np
import tensorflow as tf

import air
from air.elbo import TERMS


def pass_of(
    estimator,
    images,
    canvases,
    logits,
    prior_logits,
    uniforms=None,
    divergences=None,
    training=False,
    likelihood=None,
):
    """`air.ElboInputs` of all objects; divergences that are not given are 0."""
    images, canvases, logits, prior_logits = map(
        tf.convert_to_tensor, (images, canvases, logits, prior_logits)
    )
    if divergences is None:
        divergences = dict.fromkeys(TERMS[1:4], tf.zeros_like(logits))
    likelihood = air.BernoulliLikelihood() if likelihood is None else likelihood
    drawing = air.LikelihoodInputs(
        images, canvases, logits, uniforms, likelihood, training
    )
    return air.ElboInputs(
        estimator.reconstruction(drawing),
        logits,
        prior_logits,
        {name: tf.convert_to_tensor(each) for name, each in divergences.items()},
        uniforms,
        training,
    )


def terms_of(estimator, *arguments, **named):
    """The estimator's terms of a `pass_of` these."""
    return estimator.terms(pass_of(estimator, *arguments, **named))


def made_up(batch=5, steps=4, seed=4):
    """The arguments of `pass_of` as random arrays in double precision, a dict."""
    stream = np.random.default_rng(seed)
    shape = (batch, steps)
    logits, prior_logits = stream.normal(0.5, 1.5, (2, *shape))
    return {
        "images": stream.random((batch, 6, 6)).round(1),
        "canvases": stream.random((*shape, 6, 6))
        * stream.integers(0, 2, (*shape, 6, 6)),
        "logits": logits,
        "prior_logits": prior_logits,
        "uniforms": stream.uniform(0.02, 0.98, shape),
        "divergences": {name: stream.exponential(3, shape) for name in TERMS[1:4]},
    }
