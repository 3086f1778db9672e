"""A tighter bound on the likelihood: importance-weighted, the count summed out.

With objects z_1, ..., z_K drawn from q as if all of them existed, the weight

    w = sum_n p(n | z) p(x | z_1..n, n) prod_{t <= n} p(z_t | z_<t) / q(z_t | z_<t, x)

has the mean p(x), so that the mean of log (1/L) sum_l w_l is at most log p(x); it grows
with L (Burda, Grosse and Salakhutdinov, 2016). q(z_pres) has no part in it.
"""

import tensorflow as tf
import tensorflow_probability as tfp

from air import noise as noises
from air import stick_breaking
from air.elbo import LikelihoodInputs


def negative_bound(model, images, samples=50, seed=0):
    """-log (1/L) sum_l w_l of each image, at least -log p(x) on average.

    Args:
      model: an `AIR`.
      images: uint8, or grey values in [0, 1]. Shape [batch, S, S].
      samples: L.
      seed: an integer. Beside it the noise follows from each image alone.

    Returns:
      In nats. Shape [batch].
    """
    grey, run = model.grey(images), noises.run_seed(seed)

    def one(sample):
        seeds = noises.fold_in(run, sample)
        noise = noises.draw_by_image(grey, seeds, **model.noise_options())
        return log_weight(model, grey, noise)

    weights = tf.map_fn(one, tf.range(samples), fn_output_signature=grey.dtype)
    return -tfp.math.reduce_logmeanexp(weights, axis=0)


def log_weight(model, images, noise):
    """log w.

    Args:
      model: an `AIR`.
      images: grey values in [0, 1]. Shape [batch, S, S].
      noise: a `Noise`, that of z under q.

    Returns:
      In nats. Shape [batch].
    """
    start, steps = model.begin(images), model.steps
    latents, q, _ = model.recognition.infer(
        images, noise, 0, steps, start.recognition, final=True
    )
    p, _ = model.prior.infer(latents, start.prior, model.iteration, 0, final=True)
    ratios = tf.add_n(
        [
            getattr(p, name).log_prob(z) - getattr(q, name).log_prob(z)
            for name, z in latents._asdict().items()
        ]
    )
    canvases = model.decoder.draw(latents, noise.decoder)
    inputs = LikelihoodInputs(images, canvases, None, None, model.likelihood, False)
    entropies = inputs.cross_entropies()
    if not model.estimator.infers_presence:  # K objects in every image
        return tf.reduce_sum(ratios, axis=1) - entropies[:, -1]
    joint = stick_breaking.log_count(p.presence_logits) - entropies
    sums = tf.pad(tf.cumsum(ratios, axis=1), [[0, 0], [1, 0]])  # none for no object
    return tf.reduce_logsumexp(joint + sums, axis=1)
