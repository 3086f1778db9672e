"""The priors p(z, n) of the generative model: AIR's fixed one, AIR-pPrior's."""

import math

import keras
import tensorflow as tf

from air import shapes
from air.latents import Latents, ObjectDistributions
from air.networks import LSTM, GaussianHead, Head, kernel_seeds, normal
from air.shapes import PAPER_SIZES, Sizes

SCALE_MEAN, SCALE_VARIANCE = -1.0, 0.05  # AIR's prior of z_scale, released code


def _standard_normal(size, dtype):
    return normal(tf.zeros([size], dtype), tf.ones([size], dtype))


def _fixed_scale(dtype):
    """N(-1, variance 0.05): boxes about 0.27 of the canvas side."""
    mean = tf.constant([SCALE_MEAN], dtype)
    return normal(mean, tf.sqrt(tf.constant([SCALE_VARIANCE], dtype)))


def annealed_log_odds(iteration, dtype=tf.float32):
    """AIR's prior log-odds of z_pres, annealed over training iterations.

    ln(max(1e4 * 0.1^(t / 3000), 1e-9) + 1e-9): 9.2 at first, 0 at t = 12,000, its
    floor of -20.03 from t = 39,000 on. From the released code.

    Args:
      iteration: training iterations so far, t. An integer tensor of shape [].
      dtype: floating type of the result.

    Returns:
      Shape [].
    """
    # In logarithms, since 1e4 * 0.1^(t / 3000) underflows for large t.
    exponent = math.log(1e4) - math.log(10) * tf.cast(iteration, dtype) / 3000
    return tf.math.log(tf.exp(tf.maximum(exponent, math.log(1e-9))) + 1e-9)


@keras.saving.register_keras_serializable("air")
class FixedPrior(keras.layers.Layer):
    """AIR's prior: all objects independent, nothing learned (section 2.1).

    z_pres has annealed log-odds, the same at every step; z_loc ~ N(0, 1); z_scale
    ~ N(-1, variance 0.05); z_app ~ N(0, 1).
    """

    def __init__(self, count_log_odds=0.0, count=None, sizes=PAPER_SIZES, name="prior"):
        """Sets the prior of z_pres.

        Args:
          count_log_odds: added to the log-odds of the first `count` steps and
            subtracted from the later ones' (released code, runs with a known
            count); 0 for none.
          count: that number of objects, or None.
          sizes: the model's `Sizes`.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.count_log_odds, self.count = count_log_odds, count
        self.sizes, self.infers_presence = sizes, True
        self.built = True

    def distributions(self, latents, iteration, look_ahead=False):
        """p's `ObjectDistributions`; see `LearnedPrior.distributions`."""
        batch, steps = shapes.batch_size(latents.location), latents.location.shape[1]
        steps += look_ahead
        dtype = latents.location.dtype
        logits = self._presence_logits(steps, iteration, dtype)
        return ObjectDistributions(
            tf.broadcast_to(logits, [batch, steps]),
            _standard_normal(shapes.LOCATION_SIZE, dtype),
            _fixed_scale(dtype),
            _standard_normal(self.sizes.appearance, dtype),
        )

    def sample(self, noise, iteration):
        """Samples z of K objects.

        Args:
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].

        Returns:
          latents: a `Latents`.
          presence_logits: log-odds of z_pres^t. Shape [batch, K].
        """
        batch, steps = shapes.batch_size(noise.presence), noise.presence.shape[1]
        logits = self._presence_logits(steps, iteration, noise.scale.dtype)
        scale = SCALE_MEAN + math.sqrt(SCALE_VARIANCE) * noise.scale
        latents = Latents(noise.location, scale, noise.appearance)
        return latents, tf.broadcast_to(logits, [batch, steps])

    def get_config(self):
        """The settings, for Keras's saving."""
        return {
            "count_log_odds": self.count_log_odds,
            "count": self.count,
            "sizes": self.sizes.get_config(),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**{**config, "sizes": Sizes.from_config(config["sizes"])})

    def _presence_logits(self, steps, iteration, dtype):
        shift = _count_shift(self.count_log_odds, self.count, steps, dtype)
        return annealed_log_odds(iteration, dtype) + shift


@keras.saving.register_keras_serializable("air")
class LearnedPrior(keras.layers.Layer):
    """AIR-pPrior's prior p(z, n) (equation 5).

    An LSTM reads z^{t-1} (z^0 = 0); its output gives p(z_pres^t | z^{<t}),
    p(z_loc^t | z^{<t}) and, if learned, p(z_scale^t | z^{<t}, z_loc^t). z_app ~
    N(0, 1), independent.
    """

    def __init__(
        self,
        scale="fixed",
        presence_lag=False,
        count_log_odds=0.0,
        count=None,
        infers_presence=True,
        scale_sees_location=True,
        hidden_sees_location=False,
        sizes=PAPER_SIZES,
        seed=0,
        name="prior",
    ):
        """Builds the networks.

        Args:
          scale: "fixed", N(-1, variance 0.05), or "learned".
          presence_lag: whether p(z_pres^t) reads the LSTM's output of the step
            before, so that it sees z^{<t-1} only (released code).
          count_log_odds: as in `FixedPrior`; where it is not 0 it takes the place
            of the learned log-odds of z_pres.
          count: as in `FixedPrior`.
          infers_presence: whether there is a head for z_pres.
          scale_sees_location: whether a learned p(z_scale^t) depends on z_loc^t.
          hidden_sees_location: see `AIR`; for a learned p(z_scale^t).
          sizes: the model's `Sizes`.
          seed: integer seed of the initialisation.
          name: Keras's name of the layer.

        Raises:
          ValueError: if `scale` is neither "fixed" nor "learned".
        """
        super().__init__(name=name)
        if scale not in ("fixed", "learned"):
            raise ValueError(f"scale prior {scale!r}: use 'fixed' or 'learned'")
        self._settings = {
            "scale": scale,
            "presence_lag": presence_lag,
            "count_log_odds": count_log_odds,
            "count": count,
            "infers_presence": infers_presence,
            "scale_sees_location": scale_sees_location,
            "hidden_sees_location": hidden_sees_location,
            "sizes": sizes.get_config(),
            "seed": seed,
            "name": name,
        }
        self.presence_lag, self.infers_presence = presence_lag, infers_presence
        self.count_log_odds, self.count = count_log_odds, count
        self.scale_sees_location, self.sizes = scale_sees_location, sizes
        seeds = kernel_seeds([seed, 1])
        self.lstm = LSTM(0, sizes.latent, sizes.lstm, seeds, name="lstm")
        learns_presence = infers_presence and not count_log_odds
        self.presence = (
            Head(sizes, 1, seeds, name="presence") if learns_presence else None
        )
        self.location = GaussianHead(
            sizes, shapes.LOCATION_SIZE, seeds, name="location"
        )
        extra = shapes.LOCATION_SIZE if scale_sees_location else 0
        self.scale = None
        if scale == "learned":
            self.scale = GaussianHead(
                *(sizes, shapes.SCALE_SIZE, seeds, extra, "scale"),
                hidden_sees_extra=hidden_sees_location,
            )
        self.built = True

    def distributions(self, latents, iteration, look_ahead=False):
        """p's `ObjectDistributions` along a sample of z.

        Args:
          latents: the sample of z, a `Latents`.
          iteration: unused; priors share one signature.
          look_ahead: whether to give z_pres of one object more.

        Returns:
          An `ObjectDistributions`. Looking ahead, its `presence_logits` have shape
          [batch, K + 1].
        """
        batch, steps = shapes.batch_size(latents.location), latents.location.shape[1]
        objects = latents.joined()
        previous = tf.zeros_like(objects[:, 0])
        step, state = self.lstm.start(batch)
        outputs = []
        for t in range(steps):
            hidden, state = step(previous, state)
            previous = objects[:, t]
            outputs.append(hidden)
        # `hidden` has shape [batch, K, units].
        hidden = tf.stack(outputs, axis=1)
        if look_ahead:
            outputs.append(step(previous, state)[0])
        dtype = hidden.dtype
        return ObjectDistributions(
            self._presence_logits(tf.stack(outputs, axis=1)),
            normal(*self.location(hidden)),
            normal(*self._scale(hidden, latents.location)),
            _standard_normal(self.sizes.appearance, dtype),
        )

    def sample(self, noise, iteration):
        """Samples z of K objects, each given those before it.

        Args:
          noise: a `Noise`.
          iteration: unused; priors share one signature.

        Returns:
          latents: a `Latents`.
          presence_logits: log-odds of z_pres^t, or None. Shape [batch, K].
        """
        batch, steps = shapes.batch_size(noise.presence), noise.presence.shape[1]
        previous = tf.zeros([batch, self.sizes.latent], noise.scale.dtype)
        step, state = self.lstm.start(batch)
        outputs, objects = [], []
        for t in range(steps):
            hidden, state = step(previous, state)
            mean, deviation = self.location(hidden)
            location = mean + deviation * noise.location[:, t]
            mean, deviation = self._scale(hidden, location)
            scale = mean + deviation * noise.scale[:, t]
            appearance = noise.appearance[:, t]
            previous = tf.concat([location, scale, appearance], axis=1)
            outputs.append(hidden)
            objects.append((location, scale, appearance))
        latents = Latents(*(tf.stack(z, axis=1) for z in zip(*objects, strict=True)))
        return latents, self._presence_logits(tf.stack(outputs, axis=1))

    def get_config(self):
        """The settings, for Keras's saving."""
        return dict(self._settings)

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**{**config, "sizes": Sizes.from_config(config["sizes"])})

    def _presence_logits(self, hidden):
        """Log-odds of z_pres^t. Shape [batch, K], or None without z_pres."""
        if self.count_log_odds:
            batch, steps = shapes.batch_size(hidden), hidden.shape[1]
            shift = _count_shift(self.count_log_odds, self.count, steps, hidden.dtype)
            return tf.broadcast_to(shift, [batch, steps])
        if self.presence is None:
            return None
        if self.presence_lag:
            hidden = tf.pad(hidden, [[0, 0], [1, 0], [0, 0]])[:, :-1]
        return self.presence(hidden)[..., 0]

    def _scale(self, hidden, location):
        """Mean and standard deviation of z_scale. Shape [..., 1] or [1] each."""
        if self.scale is None:
            fixed = _fixed_scale(hidden.dtype).distribution
            return fixed.loc, fixed.scale
        return self.scale(hidden, location if self.scale_sees_location else None)


def _count_shift(count_log_odds, count, steps, dtype):
    """+count_log_odds for the first `count` steps, - for the others. Shape [K]."""
    known = steps if count is None else count
    signs = [1.0 if t < known else -1.0 for t in range(steps)]
    return tf.constant([count_log_odds * sign for sign in signs], dtype)
