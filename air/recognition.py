"""The recognition model q(z, n | x) (equation 6).

At every step an LSTM reads the image x and the previous object's z^{t-1}. Its
output gives q(z_pres^t) and z_loc^t; z_scale^t also sees z_loc^t; the window at
(z_loc^t, z_scale^t) gives z_app^t. Steps share all weights.
"""

import keras
import tensorflow as tf

from air import shapes
from air.latents import Latents, ObjectDistributions
from air.networks import LSTM, GaussianHead, Head, Perceptron, check_network, normal


class RecognitionModel(keras.layers.Layer):
    """q(z, n | x), equation 6."""

    def __init__(
        self,
        canvas_side,
        sizes,
        seeds,
        sampler,
        infers_presence=True,
        reads_latents=True,
        scale_sees_location=True,
        hidden_sees_location=False,
        encoder=None,
        name="recognition",
    ):
        """Builds the networks.

        Args:
          canvas_side: S in pixels.
          sizes: the networks' `Sizes`.
          seeds: stream of kernel seeds.
          sampler: reads the windows, such as `HatSampler`.
          infers_presence: whether there is a head for z_pres.
          reads_latents: whether the LSTM reads z^{t-1} besides x.
          scale_sees_location: whether q(z_scale^t) depends on z_loc^t.
          hidden_sees_location, encoder: see `AIR`.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.sampler, self.sizes = sampler, sizes
        self.reads_latents = reads_latents
        self.scale_sees_location = scale_sees_location
        self.hidden_sees_location = hidden_sees_location
        moving = sizes.latent if reads_latents else 0
        with keras.name_scope(self.name):
            self.lstm = LSTM(canvas_side**2, moving, sizes.lstm, seeds, name="lstm")
            self.presence = (
                Head(sizes, 1, seeds, name="presence") if infers_presence else None
            )
            self.location = GaussianHead(
                sizes, shapes.LOCATION_SIZE, seeds, name="location"
            )
            self.scale = GaussianHead(
                sizes,
                shapes.SCALE_SIZE,
                seeds,
                extra=shapes.LOCATION_SIZE if scale_sees_location else 0,
                name="scale",
                hidden_sees_extra=hidden_sees_location,
            )
            pixels, outputs = sizes.window**2, [sizes.appearance] * 2
            if encoder is None:
                layers = [sum(outputs)] if sizes.joint_encoder_output else outputs
                encoder = Perceptron(pixels, sizes.encoder, layers, seeds, "encoder")
            else:
                check_network("encoder", encoder, pixels, sum(outputs))
            self.encoder = encoder
        self.built = True

    def begin(self, images):
        """The LSTM's state that the first object is inferred from.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
        """
        batch = shapes.batch_size(images)
        return self.lstm.begin(batch, tf.reshape(images, [batch, -1]))

    def infer(self, images, noise, first, last, state, final):
        """Infers the objects first, ..., last - 1, numbered from 0.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise` of at least `last` objects.
          first, last: integers.
          state: the LSTM's state that object `first` is inferred from.
          final: whether no object may follow. If one may, z_pres of it is inferred.

        Returns:
          latents: the sample of z, a `Latents`.
          distributions: q's `ObjectDistributions` along that sample. If an object may
            follow, its `presence_logits` have shape [batch, last - first + 1].
          state: the LSTM's state that object `last` is inferred from.
        """
        batch, bounded = shapes.batch_size(images), self.sizes.bounded
        hidden, samples, parameters = [state.output], [], []
        for t in range(first, last):
            location_parameters = self.location(state.output)
            location = _sample(location_parameters, noise.location[:, t])
            scale_parameters = self.scale(
                state.output, location if self.scale_sees_location else None
            )
            scale = _sample(scale_parameters, noise.scale[:, t])

            centre = shapes.box_centre(location)
            size = shapes.box_size(scale, bounded)
            window = self.sampler.read(images, centre, size, self.sizes.window)
            mean, log_variance = tf.split(
                self.encoder(tf.reshape(window, [batch, -1])), 2, axis=1
            )
            deviation = shapes.standard_deviation(log_variance, bounded)
            appearance_parameters = (mean, deviation)
            appearance = _sample(appearance_parameters, noise.appearance[:, t])

            samples.append((location, scale, appearance))
            parameters.append(
                (location_parameters, scale_parameters, appearance_parameters)
            )
            if not (final and t == last - 1):
                read = samples[-1] if self.reads_latents else (location[:, :0],)
                state = self.lstm.step(tf.concat(read, axis=1), state)
                hidden.append(state.output)

        logits = None
        if self.presence is not None:
            logits = self.presence(tf.stack(hidden, axis=1))[..., 0]
        latents = Latents(*(tf.stack(z, axis=1) for z in zip(*samples, strict=True)))
        distributions = ObjectDistributions(
            logits,
            *(
                normal(*(tf.stack(values, axis=1) for values in zip(*z, strict=True)))
                for z in zip(*parameters, strict=True)
            ),
        )
        return latents, distributions, state


def _sample(parameters, noise):
    """The reparameterised sample mean + standard deviation * noise."""
    mean, deviation = parameters
    return mean + deviation * noise
