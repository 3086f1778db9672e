"""The priors p(z, n) of the generative model: AIR's fixed one, AIR-pPrior's."""

import math

import keras
import tensorflow as tf

from air import shapes
from air.latents import Latents, ObjectDistributions
from air.networks import LSTM, GaussianHead, Head, kernel_seeds, normal
from air.shapes import DEFAULT_SIZES, Sizes

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
    # In logarithms, where nothing underflows.
    exponent = math.log(1e4) - math.log(10) * tf.cast(iteration, dtype) / 3000
    return tf.math.log(tf.exp(tf.maximum(exponent, math.log(1e-9))) + 1e-9)


class Prior(keras.layers.Layer):
    """What a model asks of its prior p(z, n). Subclass it to define another one.

    `infer` and `sample` must describe the same p: override both. A subclass that has to
    survive `model.save` is registered with `keras.saving.register_keras_serializable`,
    and adds its further arguments to `get_config`. Only the ELBO trains it: losses of
    the layer's own are not read. examples/placed_prior.py is one.

    Attributes:
      infers_presence: whether p has z_pres at all.
      sizes: the model's `Sizes`.
    """

    infers_presence = True
    sizes = DEFAULT_SIZES

    def begin(self, batch, dtype):
        """The state before the first object, a nested structure of tensors.

        A tensor that was computed from a weight for an earlier block reaches a later
        one in the state alone: kept on the layer it gets no gradient. Weights
        themselves may be used in any block.

        Args:
          batch: the number of images, an integer or a tensor of shape [].
          dtype: floating type of the state.
        """
        raise NotImplementedError(f"{type(self).__name__}.begin")

    def infer(self, latents, state, iteration, first, final):
        """p along a block of objects of a sample of z, given those before them.

        Args:
          latents: a `Latents` of the objects first, ..., first + n - 1.
          state: before object `first`.
          iteration: training iterations so far. Shape [].
          first: number of the block's first object, from 0.
          final: whether no object may follow.

        Returns:
          distributions: p's `ObjectDistributions`, any of TFP's. If an object may
            follow, its `presence_logits` have shape [batch, n + 1].
          state: before object first + n.
        """
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def sample(self, noise, iteration):
        """Samples z of K objects.

        Args:
          noise: a `Noise`.
          iteration: training iterations so far. Shape [].

        Returns:
          latents: a `Latents`.
          presence_logits: log-odds of z_pres^t, or None. Shape [batch, K].
        """
        raise NotImplementedError(f"{type(self).__name__}.sample")

    def get_config(self):
        """The settings that every prior has, `sizes`, `name` and whether it is
        trainable; a subclass adds its constructor's other arguments."""
        return {
            "sizes": self.sizes.get_config(),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`; a frozen prior stays frozen."""
        config = {**config, "sizes": Sizes.from_config(config["sizes"])}
        trainable = config.pop("trainable", True)
        prior = cls(**config)
        if not trainable:
            prior.trainable = False  # which reaches the layers in it
        return prior


@keras.saving.register_keras_serializable("air")
class FixedPrior(Prior):
    """AIR's prior: all objects independent, nothing learned (section 2.1).

    z_pres has log-odds that are the same at every step: annealed ones, unless others
    are given; z_loc ~ N(0, 1); z_scale ~ N(-1, variance 0.05); z_app ~ N(0, 1).
    """

    def __init__(
        self,
        log_odds=None,
        count_log_odds=0.0,
        count=None,
        sizes=DEFAULT_SIZES,
        name="prior",
    ):
        """Sets the prior of z_pres.

        Args:
          log_odds: those of z_pres throughout, a number: p(n) is then geometric, cut at
            K. None: `annealed_log_odds` (released code).
          count_log_odds: added to the log-odds of the first `count` steps and
            subtracted from the later ones' (released code, runs with a known
            count); 0 for none.
          count: that number of objects, or None.
          sizes: the model's `Sizes`.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.log_odds, self.sizes = log_odds, sizes
        self.count_log_odds, self.count = count_log_odds, count
        self.built = True

    def begin(self, batch, dtype):
        """No state: objects are independent."""
        return ()

    def infer(self, latents, state, iteration, first, final):
        """p's `ObjectDistributions`, and no state; see `Prior`."""
        batch, last = shapes.batch_size(latents.location), latents.location.shape[1]
        last += first + (not final)
        dtype = latents.location.dtype
        logits = self._presence_logits(last, iteration, dtype)[first:]
        distributions = ObjectDistributions(
            tf.broadcast_to(logits, [batch, last - first]),
            _standard_normal(shapes.LOCATION_SIZE, dtype),
            _fixed_scale(dtype),
            _standard_normal(self.sizes.appearance, dtype),
        )
        return distributions, state

    def sample(self, noise, iteration):
        """Samples z of K objects; see `Prior`."""
        batch, steps = shapes.batch_size(noise.presence), noise.presence.shape[1]
        logits = self._presence_logits(steps, iteration, noise.scale.dtype)
        scale = SCALE_MEAN + math.sqrt(SCALE_VARIANCE) * noise.scale
        latents = Latents(noise.location, scale, noise.appearance)
        return latents, tf.broadcast_to(logits, [batch, steps])

    def get_config(self):
        """The settings, for Keras's saving."""
        return {
            **super().get_config(),
            "log_odds": self.log_odds,
            "count_log_odds": self.count_log_odds,
            "count": self.count,
        }

    def _presence_logits(self, steps, iteration, dtype):
        shift = _count_shift(self.count_log_odds, self.count, steps, dtype)
        if self.log_odds is not None:
            return tf.constant(self.log_odds, dtype) + shift
        return annealed_log_odds(iteration, dtype) + shift


@keras.saving.register_keras_serializable("air")
class LearnedPrior(Prior):
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
        sizes=DEFAULT_SIZES,
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
            "seed": seed,
        }
        self.presence_lag, self.infers_presence = presence_lag, infers_presence
        self.count_log_odds, self.count = count_log_odds, count
        self.scale_sees_location, self.sizes = scale_sees_location, sizes
        seeds = kernel_seeds([seed, 1])
        learns_presence = infers_presence and not count_log_odds
        with keras.name_scope(self.name):
            self.lstm = LSTM(0, sizes.latent, sizes.lstm, seeds, name="lstm")
            self.presence = (
                Head(sizes, 1, seeds, name="presence") if learns_presence else None
            )
            self.location = GaussianHead(
                sizes, shapes.LOCATION_SIZE, seeds, name="location"
            )
            self.scale = None
            if scale == "learned":
                self.scale = GaussianHead(
                    sizes,
                    shapes.SCALE_SIZE,
                    seeds,
                    extra=shapes.LOCATION_SIZE if scale_sees_location else 0,
                    name="scale",
                    hidden_sees_extra=hidden_sees_location,
                )
        self.built = True

    def begin(self, batch, dtype):
        """The LSTM's output before its first step, zeros, and its state after it."""
        state = self.lstm.begin(batch)
        return tf.zeros_like(state.output), state

    def infer(self, latents, state, iteration, first, final):
        """p's `ObjectDistributions` along a sample of z; see `Prior`."""
        before, state = state
        objects = tf.unstack(latents.joined(), axis=1)
        outputs = [before, state.output]
        for z in objects[:-1] if final else objects:
            state = self.lstm.step(z, state)
            outputs.append(state.output)
        outputs = tf.stack(outputs, axis=1)
        # `hidden` has shape [batch, n, units].
        hidden = outputs[:, 1 : len(objects) + 1]
        distributions = ObjectDistributions(
            self._presence_logits(outputs, first),
            normal(*self.location(hidden)),
            normal(*self._scale(hidden, latents.location)),
            _standard_normal(self.sizes.appearance, hidden.dtype),
        )
        return distributions, (outputs[:, -2], state)

    def sample(self, noise, iteration):
        """Samples z of K objects, each given those before it; see `Prior`."""
        batch, steps = shapes.batch_size(noise.presence), noise.presence.shape[1]
        state = self.lstm.begin(batch)
        outputs, objects = [tf.zeros_like(state.output)], []
        for t in range(steps):
            mean, deviation = self.location(state.output)
            location = mean + deviation * noise.location[:, t]
            mean, deviation = self._scale(state.output, location)
            scale = mean + deviation * noise.scale[:, t]
            objects.append((location, scale, noise.appearance[:, t]))
            outputs.append(state.output)
            state = self.lstm.step(tf.concat(objects[-1], axis=1), state)
        latents = Latents(*(tf.stack(z, axis=1) for z in zip(*objects, strict=True)))
        return latents, self._presence_logits(tf.stack(outputs, axis=1))

    def get_config(self):
        """The settings, for Keras's saving."""
        return {**super().get_config(), **self._settings}

    def _presence_logits(self, outputs, first=0):
        """Log-odds of z_pres of n objects, or None without z_pres. Shape [batch, n].

        Args:
          outputs: the LSTM's, of the object before them and of each of them. Shape
            [batch, n + 1, units].
          first: number of the first of them, from 0.
        """
        if self.count_log_odds:
            batch, count = shapes.batch_size(outputs), outputs.shape[1] - 1
            shift = _count_shift(
                self.count_log_odds, self.count, first + count, outputs.dtype
            )
            return tf.broadcast_to(shift[first:], [batch, count])
        if self.presence is None:
            return None
        seen = outputs[:, :-1] if self.presence_lag else outputs[:, 1:]
        return self.presence(seen)[..., 0]

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
