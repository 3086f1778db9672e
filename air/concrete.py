"""Equation 10 as the released code treats z_pres: a binary Concrete relaxation."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air.elbo import Estimator

tfd = tfp.distributions

SMALLEST_UNIFORM = 1e-7  # keeps the logistic noise finite; this project's choice


@keras.saving.register_keras_serializable("air")
class ConcreteEstimator(Estimator):
    """One relaxed sample y_t in (0, 1) of each z_pres^t, at temperature T.

    y_t = sigmoid((logit_t + logistic noise) / T) multiplies object t's window. A
    step counts while the running sum of 1 - y stays under a threshold: canvas and
    attribute divergences by the sum that includes the step, z_pres's divergence by
    the sum before it, so that the stopping step's is included. KL(z_pres) is estimated
    from the same relaxed sample. Evaluation rounds y_t to 0 or 1, a Bernoulli sample
    of z_pres^t: the scene of `stick_breaking.sampled_count` is what is evaluated, while
    KL(z_pres) stays that of the relaxed sample. The defaults are the released code's
    for AIR; for AIR-pPrior and AIR-ASR it has a temperature of 0.1 and a threshold of
    0.9.
    """

    def __init__(self, temperature=1.0, stop_threshold=0.99):
        """Sets the relaxation.

        Args:
          temperature: T > 0.
          stop_threshold: threshold of the running sum, > 0 and at most 1 (so that
            the first rounded 0 ends the scene).

        Raises:
          ValueError: if one is out of range.
        """
        if not (temperature > 0 and 0 < stop_threshold <= 1):
            raise ValueError(
                f"temperature {temperature} must be positive, and stop_threshold "
                f"{stop_threshold} above 0 and at most 1"
            )
        self.temperature, self.stop_threshold = temperature, stop_threshold

    def reconstruction(self, inputs):
        """-log p(x | z, n) of the relaxed scene. In nats. Shape [batch]."""
        _, presence, running = self._sample(
            inputs.presence_logits, inputs.uniforms, inputs.training
        )
        drawn = presence * tf.cast(running < self.stop_threshold, presence.dtype)
        canvas = tf.einsum("bk,bkyx->byx", drawn, inputs.canvases)
        return inputs.cross_entropy(tf.minimum(canvas, 1.0))

    def terms(self, inference):
        """The terms of the estimated negative ELBO, by name. Shape [batch] each."""
        logits = inference.presence_logits
        before_sigmoid, _, running = self._sample(
            logits, inference.uniforms, inference.training
        )
        before = tf.concat([tf.zeros_like(running[:, :1]), running[:, :-1]], axis=1)
        counts = tf.cast(running < self.stop_threshold, logits.dtype)
        reached = tf.cast(before < self.stop_threshold, logits.dtype)

        terms = {"reconstruction": inference.reconstruction}
        for name, divergence in inference.divergences.items():
            terms[name] = tf.reduce_sum(counts * divergence, axis=1)
        log_ratio = self._log_density(before_sigmoid, logits) - self._log_density(
            before_sigmoid, inference.prior_logits
        )
        terms["kl_presence"] = tf.reduce_sum(reached * log_ratio, axis=1)
        return terms

    def may_continue(self, logits, uniforms):
        """Whether the running sum, object n included, is under the threshold: an
        object beyond it has no part in the objective. Shape [batch]."""
        running = self._sample(logits, uniforms, training=True)[2]
        return running[:, -1] < self.stop_threshold

    def _sample(self, logits, uniforms, training):
        """y_t before its sigmoid, where densities are logistic; y_t; the running sum
        of 1 - y_t. Shape [batch, n] each."""
        uniforms = tf.clip_by_value(uniforms, SMALLEST_UNIFORM, 1 - SMALLEST_UNIFORM)
        # y > 1/2 where uniform < p_t, as in `stick_breaking.sampled_count`.
        logistic = tf.math.log1p(-uniforms) - tf.math.log(uniforms)
        before_sigmoid = (logits + logistic) / self.temperature
        presence = tf.sigmoid(before_sigmoid)
        if not training:
            presence = tf.round(presence)
        return before_sigmoid, presence, tf.cumsum(1 - presence, axis=1)

    def get_config(self):
        """The settings, for Keras's saving."""
        return {
            "temperature": self.temperature,
            "stop_threshold": self.stop_threshold,
        }

    def _log_density(self, before_sigmoid, logits):
        """Log-density of the relaxed sample before its sigmoid. Same shape."""
        scale = tf.ones_like(logits) / self.temperature
        return tfd.Logistic(logits / self.temperature, scale).log_prob(before_sigmoid)
