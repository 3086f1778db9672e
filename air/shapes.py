"""Sizes of the latent variables and networks, and the box a latent stands for."""

import dataclasses

import tensorflow as tf

LOCATION_SIZE = 2  # z_loc, section 2.1
SCALE_SIZE = 1  # z_scale: square boxes, section 4.2
SMALLEST_SIZE = 0.02  # floor of the box side; the write-back divides by it


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the networks, shared by the recognition and the generative model.

    Attributes:
      appearance: dimensions of z_app (released code).
      window: side of the square windows in pixels (released code).
      lstm: units of every LSTM (section 6).
      encoder: units of the encoder's hidden layers (section 6); the decoder's are
        the reverse.
      head: units of a head's hidden layer (released code).
    """

    appearance: int = 50
    window: int = 28
    lstm: int = 256
    encoder: tuple = (512, 256)
    head: int = 64

    @property
    def latent(self):
        """Dimensions of z = (z_loc, z_scale, z_app)."""
        return LOCATION_SIZE + SCALE_SIZE + self.appearance

    def get_config(self):
        """The sizes as a plain dict."""
        return {**dataclasses.asdict(self), "encoder": list(self.encoder)}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**{**config, "encoder": tuple(config["encoder"])})


PAPER_SIZES = Sizes()


def box_centre(location):
    """z_loc to the box centre: tanh. Shape [..., 2], (x, y) in [-1, 1]."""
    return tf.tanh(location)


def box_size(scale):
    """z_scale to the box side as a fraction of the canvas side. Shape [..., 1].

    sigmoid, with a floor of `SMALLEST_SIZE` (this project's choice). On the floor no
    gradient passes through the box, F6's included; KL(z_scale) under the fixed prior
    leads away from it.
    """
    return tf.maximum(tf.sigmoid(scale), SMALLEST_SIZE)


def pixel_centre(location, canvas_side):
    """Box centre in pixels from the left and top edge: (tanh + 1) S/2."""
    return (box_centre(location) + 1) * (canvas_side / 2)


def pixel_side(scale, canvas_side):
    """Box side in pixels: `box_size` S. Shape [...], the last axis removed."""
    return box_size(scale)[..., 0] * canvas_side


def pixel_boxes(location, scale, canvas_side):
    """Boxes (x, y, width, height) in pixels, x and y of the top-left corner.

    Args:
      location: z_loc. Shape [..., 2].
      scale: z_scale. Shape [..., 1].
      canvas_side: S in pixels.

    Returns:
      Shape [..., 4].
    """
    side = pixel_side(scale, canvas_side)[..., None]
    corner = pixel_centre(location, canvas_side) - side / 2
    return tf.concat([corner, side, side], axis=-1)


def batch_size(images):
    """The batch size: an int where it is static, else an int32 tensor."""
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
