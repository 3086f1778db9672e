"""The mean of p(x | z, n) in equation 5: the decoder, the canvas and its boxes."""

import keras
import tensorflow as tf

from air import shapes
from air.networks import Perceptron, check_network


class Decoder(keras.layers.Layer):
    """z_app to a window, and the window onto the canvas."""

    def __init__(
        self,
        canvas_side,
        sizes,
        seeds,
        sampler,
        logit_noise=0.0,
        network=None,
        name="decoder",
    ):
        """Builds the network.

        Args:
          canvas_side: S in pixels.
          sizes: the networks' `Sizes`.
          seeds: stream of kernel seeds.
          sampler: writes the windows, such as `HatSampler`.
          logit_noise: standard deviation of normal noise on the logits (released
            code, AIR: 0.3).
          network: `AIR`'s argument `decoder`.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.canvas_side, self.logit_noise = canvas_side, logit_noise
        self.sampler, self.sizes = sampler, sizes
        with keras.name_scope(self.name):
            inputs, pixels = sizes.appearance, sizes.window**2
            if network is None:
                hidden = sizes.encoder[::-1]
                network = Perceptron(inputs, hidden, [pixels], seeds, "network")
            else:
                check_network("decoder", network, inputs, pixels)
            self.network = network
        self.built = True

    def draw(self, latents, noise=None):
        """Draws every object on a canvas of its own.

        Args:
          latents: a `Latents` of n objects per image.
          noise: standard normal noise for their logits. Shape [batch, n, window^2];
            None where `logit_noise` is 0.

        Returns:
          Grey values in [0, 1], 0 further than one pixel of the window outside the
          object's box (to rounding, with a sampler that is not exact). Shape [batch, n,
          S, S].
        """
        batch, steps = shapes.batch_size(latents.location), latents.location.shape[1]
        flat = [tf.reshape(z, [batch * steps, z.shape[-1]]) for z in latents]
        location, scale, appearance = flat
        logits = self.network(appearance)
        if self.logit_noise:
            logits += self.logit_noise * tf.reshape(noise, tf.shape(logits))
        side = self.sizes.window
        windows = tf.reshape(tf.sigmoid(logits), [batch * steps, side, side])
        canvases = self.sampler.write(
            windows,
            shapes.box_centre(location),
            shapes.box_size(scale, self.sizes.bounded),
            self.canvas_side,
        )
        return tf.reshape(canvases, [batch, steps, self.canvas_side, self.canvas_side])


def compose(canvases, count):
    """The image of the first `count` objects: their sum, clipped to [0, 1].

    Args:
      canvases: one object each. Shape [batch, K, S, S].
      count: int32, shape [batch].

    Returns:
      Shape [batch, S, S].
    """
    drawn = tf.sequence_mask(count, canvases.shape[1], dtype=canvases.dtype)
    return tf.clip_by_value(tf.einsum("bk,bkyx->byx", drawn, canvases), 0.0, 1.0)


def drawn_boxes(latents, count, canvas_side, bounded=True):
    """The boxes of the first `count` objects.

    Args:
      latents: a `Latents` of K objects per image.
      count: int32, shape [batch].
      canvas_side: S in pixels.
      bounded: as in `shapes.box_size`.

    Returns:
      (x, y, width, height) in pixels, 0 beyond the count. Shape [batch, K, 4].
    """
    boxes = shapes.pixel_boxes(latents.location, latents.scale, canvas_side, bounded)
    drawn = tf.sequence_mask(count, boxes.shape[1], dtype=boxes.dtype)
    return boxes * drawn[..., None]
