"""A `Pass` made of plain tensors, for tests of what an ELBO is made of."""

import numpy as np
import tensorflow as tf

from air import elbo, networks, noise
from air.latents import ObjectDistributions

TERMS = ("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence")


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
