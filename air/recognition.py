"""The recognition model q(z, n | x) (equation 6).

At every step an LSTM reads the image x and the previous object's z^{t-1}. Its
output gives q(z_pres^t) and z_loc^t; z_scale^t also sees z_loc^t; the window at
(z_loc^t, z_scale^t) gives z_app^t. Steps share all weights.
"""

import keras
import tensorflow as tf

from air import shapes
from air.latents import Latents, ObjectDistributions
from air.networks import (
    LSTM,
    GaussianHead,
    Head,
    Perceptron,
    normal,
    standard_deviation,
)
from air.spatial_transformer import read_window


class RecognitionModel(keras.layers.Layer):
    """q(z, n | x), equation 6."""

    def __init__(
        self,
        canvas_side,
        sizes,
        seeds,
        infers_presence=True,
        reads_latents=True,
        scale_sees_location=True,
        hidden_sees_location=False,
        name="recognition",
    ):
        """Builds the networks.

        Args:
          canvas_side: S in pixels.
          sizes: the networks' `Sizes`.
          seeds: stream of kernel seeds.
          infers_presence: whether there is a head for z_pres.
          reads_latents: whether the LSTM reads z^{t-1} besides x.
          scale_sees_location: whether q(z_scale^t) depends on z_loc^t.
          hidden_sees_location: see `AIR`.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.reads_latents = reads_latents
        self.scale_sees_location = scale_sees_location
        self.hidden_sees_location = hidden_sees_location
        self.sizes = sizes
        moving = sizes.latent if reads_latents else 0
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
        self.encoder = Perceptron(
            sizes.window**2,
            sizes.encoder,
            2 * sizes.appearance,
            seeds,
            name="encoder",
        )
        self.built = True

    def infer(self, images, noise, steps, look_ahead=False):
        """Infers K objects in each image.

        Args:
          images: grey values in [0, 1]. Shape [batch, S, S].
          noise: a `Noise` for at least `steps` steps, the first of which are read.
          steps: K.
          look_ahead: whether to infer z_pres of one object more.

        Returns:
          latents: the sample of z, a `Latents`.
          distributions: q's `ObjectDistributions` along that sample. Looking ahead,
            its `presence_logits` have shape [batch, K + 1].
        """
        batch = shapes.batch_size(images)
        step, state = self.lstm.start(batch, tf.reshape(images, [batch, -1]))
        previous = tf.zeros([batch, self.sizes.latent], images.dtype)
        outputs, samples, parameters = [], [], []
        for t in range(steps):
            moving = previous if self.reads_latents else previous[:, :0]
            hidden, state = step(moving, state)
            outputs.append(hidden)

            location_parameters = self.location(hidden)
            location = _sample(location_parameters, noise.location[:, t])
            scale_parameters = self.scale(
                hidden, location if self.scale_sees_location else None
            )
            scale = _sample(scale_parameters, noise.scale[:, t])

            centre, size = shapes.box_centre(location), shapes.box_size(scale)
            window = read_window(images, centre, size, self.sizes.window)
            mean, log_variance = tf.split(
                self.encoder(tf.reshape(window, [batch, -1])), 2, axis=1
            )
            appearance_parameters = (mean, standard_deviation(log_variance))
            appearance = _sample(appearance_parameters, noise.appearance[:, t])

            previous = tf.concat([location, scale, appearance], axis=1)
            samples.append((location, scale, appearance))
            parameters.append(
                (location_parameters, scale_parameters, appearance_parameters)
            )

        if look_ahead:
            moving = previous if self.reads_latents else previous[:, :0]
            outputs.append(step(moving, state)[0])
        logits = None
        if self.presence is not None:
            logits = self.presence(tf.stack(outputs, axis=1))[..., 0]

        latents = Latents(*(tf.stack(z, axis=1) for z in zip(*samples, strict=True)))
        distributions = ObjectDistributions(
            logits,
            *(
                normal(*(tf.stack(values, axis=1) for values in zip(*z, strict=True)))
                for z in zip(*parameters, strict=True)
            ),
        )
        return latents, distributions


def _sample(parameters, noise):
    """The reparameterised sample mean + standard deviation * noise."""
    mean, deviation = parameters
    return mean + deviation * noise
