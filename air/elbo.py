"""The negative ELBO (equation 10) given one sample of z, its terms by name.

    -ELBO = reconstruction + kl_location + kl_scale + kl_appearance + kl_presence

An estimator says how the number of objects n enters. Here it is exact (a finite
sum over n) or fixed; `air.concrete` has the released code's relaxation.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air import likelihood, stick_breaking

tfd = tfp.distributions

CERTAIN_LOG_ODDS = 100.0  # log-odds that stand for "certainly present"


class Pass(NamedTuple):
    """What one pass of inference and generation leaves for an estimator.

    Attributes:
      images: x. Shape [batch, S, S].
      canvases: each object on a canvas of its own. Shape [batch, K, S, S].
      recognition: q's `ObjectDistributions`.
      prior: p's `ObjectDistributions`.
      noise: the `Noise` of the pass.
      floor: how the likelihood is kept finite, see `air.likelihood`.
    """

    images: Any
    canvases: Any
    recognition: Any
    prior: Any
    noise: Any
    floor: str

    @property
    def steps(self):
        """K, the number of objects."""
        return self.canvases.shape[1]


def attribute_divergences(inference):
    """KL(q || p) of every object's location, scale and appearance.

    Args:
      inference: a `Pass`.

    Returns:
      A dict from "kl_location", "kl_scale", "kl_appearance" to nats. Shape [batch,
      K] each.
    """
    q, p = inference.recognition, inference.prior
    return {
        "kl_location": tfd.kl_divergence(q.location, p.location),
        "kl_scale": tfd.kl_divergence(q.scale, p.scale),
        "kl_appearance": tfd.kl_divergence(q.appearance, p.appearance),
    }


def presence_divergence(recognition_logits, prior_logits):
    """KL(Bern(p_t) || Bern(prior p_t)) from log-odds, in nats. Same shape."""
    return tfd.kl_divergence(
        tfd.Bernoulli(logits=recognition_logits), tfd.Bernoulli(logits=prior_logits)
    )


class Estimator:
    """How the number of objects n enters the ELBO; its subclasses are final.

    Attributes:
      infers_presence: whether the models have z_pres at all.
    """

    infers_presence = True

    def terms(self, inference, relaxed=True):
        """The terms of the negative ELBO of a `Pass`, by name. Shape [batch] each.

        `relaxed` tells an estimator that relaxes z_pres whether it may; the others
        have no use for it.
        """
        raise TypeError(f"{type(self).__name__} does not define the ELBO's terms")

    def presence_logits(self, inference):
        """Log-odds of p_t under q. Shape [batch, K]."""
        return inference.recognition.presence_logits

    def get_config(self):
        """The settings, for Keras's saving."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)


def partial_scenes(canvases):
    """The images of the first n objects, clip(sum_{t <= n} canvas_t), n = 1..K.

    Args:
      canvases: one object each. Shape [batch, K, S, S].

    Returns:
      Grey values in [0, 1]. Shape [batch, K, S, S].
    """
    # The running sum is a product with a triangle of ones: as additions, XLA would
    # work out every object's gradient from all the scenes it is part of anew.
    steps, side = canvases.shape[1], canvases.shape[2]
    triangle = tf.linalg.band_part(tf.ones([steps, steps], canvases.dtype), -1, 0)
    sums = tf.matmul(triangle, tf.reshape(canvases, [-1, steps, side * side]))
    return tf.minimum(tf.reshape(sums, [-1, steps, side, side]), 1.0)


@keras.saving.register_keras_serializable("air")
class ExactEstimator(Estimator):
    """The exact sum over n, given one sample of z (this project's default).

        sum_n q(n) CE(x, clip(sum_{t <= n} canvas_t))
        + sum_t S_t [KL(z_loc^t) + KL(z_scale^t) + KL(z_app^t)]
        + sum_t S_{t-1} KL(Bern(p_t) || Bern(prior p_t))

    No relaxation, no score-function estimator.
    """

    def terms(self, inference, relaxed=True):
        """The terms of the negative ELBO.

        Args:
          inference: a `Pass`.
          relaxed: unused; estimators share one signature.

        Returns:
          A dict from term to nats. Shape [batch] each.
        """
        # A pass that looks ahead has z_pres of one object more than it draws; the
        # scene of all that are drawn then stands for n = K and for every larger n.
        logits, steps = inference.recognition.presence_logits, inference.steps
        validity = tf.exp(stick_breaking.log_validity(logits))
        count = tf.exp(stick_breaking.log_count(logits[:, :steps]))

        scenes = partial_scenes(inference.canvases)
        entropies = likelihood.cross_entropy(
            inference.images[:, None], scenes, inference.floor
        )
        empty = likelihood.empty_cross_entropy(inference.images)
        entropies = tf.concat([empty[:, None], entropies], axis=1)
        reconstruction = tf.reduce_sum(count * entropies, axis=1)

        terms = {"reconstruction": reconstruction}
        for name, divergence in attribute_divergences(inference).items():
            terms[name] = tf.reduce_sum(validity[:, :steps] * divergence, axis=1)
        # No tf.pad: under tf.vectorized_map it takes 0 for any constant.
        reached = tf.concat([tf.ones_like(validity[:, :1]), validity[:, :-1]], axis=1)
        presence = presence_divergence(logits, inference.prior.presence_logits)
        terms["kl_presence"] = tf.reduce_sum(reached * presence, axis=1)
        return terms


@keras.saving.register_keras_serializable("air")
class FixedCountEstimator(Estimator):
    """Exactly K objects in every image: no z_pres at all (section 6.2)."""

    infers_presence = False

    def terms(self, inference, relaxed=True):
        """The terms of the negative ELBO; `kl_presence` is 0. Shape [batch] each."""
        canvas = tf.minimum(tf.reduce_sum(inference.canvases, axis=1), 1.0)
        reconstruction = likelihood.cross_entropy(
            inference.images, canvas, inference.floor
        )
        terms = {"reconstruction": reconstruction}
        for name, divergence in attribute_divergences(inference).items():
            terms[name] = tf.reduce_sum(divergence, axis=1)
        terms["kl_presence"] = tf.zeros_like(reconstruction)
        return terms

    def presence_logits(self, inference):
        """Constant log-odds that stand for certainty. Shape [batch, K]."""
        certain = tf.constant(CERTAIN_LOG_ODDS, inference.canvases.dtype)
        return tf.fill(tf.shape(inference.canvases)[:2], certain)
