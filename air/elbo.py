"""The negative ELBO (equation 10) given one sample of z, its terms by name.

    -ELBO = reconstruction + kl_location + kl_scale + kl_appearance + kl_presence

An estimator says how the number of objects n enters. Here it is exact (a finite
sum over n) or fixed; `air.concrete` has the released code's relaxation.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air import stick_breaking
from air.part import Part

tfd = tfp.distributions

CERTAIN_LOG_ODDS = 100.0  # log-odds that stand for "certainly present"
NEGLIGIBLE_VALIDITY = 1e-6  # S_t that counts as no object; this project's choice
TERMS = ("reconstruction", "kl_location", "kl_scale", "kl_appearance", "kl_presence")
SLOPES = ("exact", "concrete", "floored")
SMALLEST_SLOPE = 0.01  # of p (1 - p), slope "floored"; this project's choice


class LikelihoodInputs(NamedTuple):
    """The image and the objects drawn for it: what an estimator reconstructs from.

    Attributes:
      images: x. Shape [batch, S, S].
      canvases: each of the n objects taken on a canvas of its own. Shape [batch, n, S,
        S].
      presence_logits: log-odds of z_pres^t under q, or None. Shape [batch, n].
      uniforms: the noise of z_pres, uniform in [0, 1). Shape [batch, n].
      likelihood: p(x | z, n), such as `BernoulliLikelihood`.
      training: whether this is a training step; evaluation relaxes nothing.
    """

    images: Any
    canvases: Any
    presence_logits: Any
    uniforms: Any
    likelihood: Any
    training: bool

    def cross_entropy(self, reconstructions):
        """-log p(x | z, n) of reconstructions [batch, S, S], or [] for an empty canvas,
        in nats. Shape [batch]."""
        return self.likelihood.cross_entropy(
            self.images, reconstructions, self.training
        )

    def cross_entropies(self):
        """-log p(x | z, n) of the scenes of 0, ..., n objects. Shape [batch, n + 1]."""
        drawn = self.likelihood.cross_entropy(
            self.images[:, None], partial_scenes(self.canvases), self.training
        )
        empty = self.cross_entropy(tf.zeros([], self.images.dtype))
        return tf.concat([empty[:, None], drawn], axis=1)


class ElboInputs(NamedTuple):
    """What one pass of inference and generation leaves for an estimator.

    Objects that the pass did not take have log-odds and divergences of 0, except that
    the first of them may have its log-odds.

    Attributes:
      reconstruction: the estimator's, in nats. Shape [batch].
      presence_logits: log-odds of z_pres^t under q, or None. Shape [batch, K].
      prior_logits: those under p, or None. Shape [batch, K].
      divergences: KL(q || p) of every object's "kl_location", "kl_scale" and
        "kl_appearance", a dict, in nats. Shape [batch, K] each.
      uniforms: the noise of z_pres, uniform in [0, 1). Shape [batch, K].
      training: whether this is a training step; evaluation relaxes nothing.
    """

    reconstruction: Any
    presence_logits: Any
    prior_logits: Any
    divergences: Any
    uniforms: Any
    training: bool


def attribute_divergences(q, p, latents):
    """KL(q || p) of every object's location, scale and appearance.

    In closed form where TFP has one; else its estimate log q(z) - log p(z) from the one
    sample of z, as for a mixture prior.

    Args:
      q: `ObjectDistributions` of n objects.
      p: theirs under the prior.
      latents: their sample of z under q, a `Latents`.

    Returns:
      A dict from "kl_location", "kl_scale", "kl_appearance" to nats. Shape [batch,
      n] each.
    """
    return {
        f"kl_{name}": _divergence(
            getattr(q, name), getattr(p, name), getattr(latents, name)
        )
        for name in ("location", "scale", "appearance")
    }


def _divergence(q, p, sample):
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:
        return q.log_prob(sample) - p.log_prob(sample)


def presence_divergence(logits, prior_logits, slope="exact"):
    """KL(Bern(p_t) || Bern(prior p_t)) from log-odds, in nats. Same shape.

    Its slope (derivative) with respect to the log-odds l is p (1 - p) (l - prior l),
    which vanishes where p saturates: once q is certain, the prior can no longer change
    it. Two other slopes leave the value as it is (straight-through; this project's
    choice):

      "concrete": the slope of d coth(d / 2) - 2 with d = l - prior l, the divergence
        between the binary Concrete relaxations of the two; for |d| >> 1 it is sign(d),
        whatever p. It does not depend on their temperature.
      "floored": p (1 - p) is replaced by max(p (1 - p), 0.01).

    Args:
      logits: l, log-odds of p_t.
      prior_logits: log-odds of the prior's p_t.
      slope: one of `SLOPES`.
    """
    present = tf.math.log_sigmoid(logits) - tf.math.log_sigmoid(prior_logits)
    absent = tf.math.log_sigmoid(-logits) - tf.math.log_sigmoid(-prior_logits)
    exact = tf.sigmoid(logits) * present + tf.sigmoid(-logits) * absent
    if slope == "exact":
        return exact
    if slope == "concrete":
        other = _logistic_divergence(logits - prior_logits)
    else:
        variance = tf.sigmoid(logits) * tf.sigmoid(-logits)
        by_logits = tf.maximum(variance, SMALLEST_SLOPE) * (logits - prior_logits)
        by_prior = tf.sigmoid(prior_logits) - tf.sigmoid(logits)
        other = (
            tf.stop_gradient(by_logits) * logits
            + tf.stop_gradient(by_prior) * prior_logits
        )
    return other + tf.stop_gradient(exact - other)


def _logistic_divergence(distance):
    """KL between two logistic distributions of scale 1 whose means are d apart.

    d coth(d / 2) - 2; near 0, where that is 0 / 0, its series.
    """
    near, square = tf.abs(distance) < 0.1, tf.square(distance)
    safe = tf.where(near, tf.ones_like(distance), distance)
    series = square / 6 - tf.square(square) / 360
    return tf.where(near, series, safe / tf.tanh(safe / 2) - 2)


class Estimator(Part):
    """How the number of objects n enters the ELBO. Subclass it to define another one.

    Attributes:
      infers_presence: whether the models have z_pres at all.
    """

    infers_presence = True

    def reconstruction(self, inputs):
        """The mean of -log p(x | z, n) over n, given `LikelihoodInputs`: objects beyond
        those drawn add nothing to the scene. In nats. Shape [batch]."""
        raise NotImplementedError(f"{type(self).__name__}.reconstruction")

    def terms(self, inference):
        """The terms of the negative ELBO, given `ElboInputs`: a dict with exactly the
        names `TERMS`, which the model sums and logs (for another objective override
        `AIR.measure`). In nats. Shape [batch] each."""
        raise NotImplementedError(f"{type(self).__name__}.terms")

    def presence_logits(self, inference):
        """Log-odds of p_t under q. Shape [batch, K]."""
        return inference.presence_logits

    def may_continue(self, logits, uniforms):
        """Whether an image may have the last of n objects; asked for in training, if
        the model has `ends`.

        Args:
          logits: log-odds of z_pres of the first n objects. Shape [batch, n].
          uniforms: their noise. Shape [batch, n].

        Returns:
          A bool per image; always true unless a subclass knows better. Shape [batch].
        """
        return tf.ones_like(logits[:, 0], tf.bool)


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
    """The exact sum over n, given one sample of z (this project's choice).

        sum_n q(n) CE(x, clip(sum_{t <= n} canvas_t))
        + sum_t S_t [KL(z_loc^t) + KL(z_scale^t) + KL(z_app^t)]
        + sum_t S_{t-1} KL(Bern(p_t) || Bern(prior p_t))

    No relaxation, no score-function estimator.
    """

    def __init__(self, slope="exact"):
        """Sets the slope of KL(z_pres).

        Args:
          slope: one of `SLOPES`, see `presence_divergence`. The preset `paper` has
            "floored", since AIR counted better with it (docs/deviations.md).

        Raises:
          ValueError: if it is none of them.
        """
        if slope not in SLOPES:
            raise ValueError(f"slope {slope!r}: use one of {SLOPES}")
        self.slope = slope

    def reconstruction(self, inputs):
        """The exact mean over n; see `Estimator`. Shape [batch]."""
        count = tf.exp(stick_breaking.log_count(inputs.presence_logits))
        return tf.reduce_sum(count * inputs.cross_entropies(), axis=1)

    def terms(self, inference):
        """The terms of the negative ELBO, by name. In nats. Shape [batch] each."""
        logits = inference.presence_logits
        validity = tf.exp(stick_breaking.log_validity(logits))
        terms = {"reconstruction": inference.reconstruction}
        for name, divergence in inference.divergences.items():
            terms[name] = tf.reduce_sum(validity * divergence, axis=1)
        reached = tf.concat([tf.ones_like(validity[:, :1]), validity[:, :-1]], axis=1)
        presence = presence_divergence(logits, inference.prior_logits, self.slope)
        terms["kl_presence"] = tf.reduce_sum(reached * presence, axis=1)
        return terms

    def may_continue(self, logits, uniforms):
        """S_n >= 1e-6: leaving object n out changes loss and gradient by less than
        1e-5 of their size. Shape [batch]."""
        return tf.exp(stick_breaking.log_validity(logits)[:, -1]) >= NEGLIGIBLE_VALIDITY

    def get_config(self):
        """The settings, for Keras's saving."""
        return {"slope": self.slope}


@keras.saving.register_keras_serializable("air")
class FixedCountEstimator(Estimator):
    """Exactly K objects in every image: no z_pres at all (section 6.2)."""

    infers_presence = False

    def reconstruction(self, inputs):
        """-log p(x | z, n) of all objects. In nats. Shape [batch]."""
        canvas = tf.minimum(tf.reduce_sum(inputs.canvases, axis=1), 1.0)
        return inputs.cross_entropy(canvas)

    def terms(self, inference):
        """The terms of the negative ELBO; `kl_presence` is 0. Shape [batch] each."""
        terms = {"reconstruction": inference.reconstruction}
        for name, divergence in inference.divergences.items():
            terms[name] = tf.reduce_sum(divergence, axis=1)
        terms["kl_presence"] = tf.zeros_like(inference.reconstruction)
        return terms

    def presence_logits(self, inference):
        """Constant log-odds that stand for certainty. Shape [batch, K]."""
        certain = tf.constant(CERTAIN_LOG_ODDS, inference.uniforms.dtype)
        return tf.fill(tf.shape(inference.uniforms), certain)
