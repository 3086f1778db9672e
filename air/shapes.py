"""Sizes of the latent variables and networks, and the box a latent stands for."""

import dataclasses

import tensorflow as tf

LOCATION_SIZE = 2  # z_loc, section 2.1
SCALE_SIZE = 1  # z_scale: square boxes, section 4.2
SMALLEST_SIZE = 0.02  # of a box side; the write-back divides by it. Our choice
LARGEST_LOG_VARIANCE = 10.0  # keeps variances finite; this project's choice


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes and bounds of the networks, shared by recognition and generation.

    Attributes:
      appearance: dimensions of z_app (released code).
      window: side of the square windows in pixels (released code).
      lstm: units of every LSTM (section 6).
      encoder: units of the encoder's hidden layers (section 6); the decoder's are
        the reverse.
      head: units of a head's hidden layer (released code).
      bounded: whether log-variances are kept within +-10 and box sides above 0.02 of
        the canvas (this project's choice); the released code bounds neither.
      joint_encoder_output: whether z_app's mean and log-variance come from one output
        layer (this project's choice) or from one each (released code), which
        initialisation and clipping then treat apart.
    """

    appearance: int = 50
    window: int = 28
    lstm: int = 256
    encoder: tuple = (512, 256)
    head: int = 64
    bounded: bool = True
    joint_encoder_output: bool = True

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


DEFAULT_SIZES = Sizes()


def standard_deviation(log_variance, bounded=True):
    """exp(log_variance / 2); bounded, the log-variance is clipped to +-10.

    Beyond the bound no gradient passes. Same shape.
    """
    if bounded:
        log_variance = tf.clip_by_value(
            log_variance, -LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE
        )
    return tf.exp(0.5 * log_variance)


def box_centre(location):
    """z_loc to the box centre: tanh. Shape [..., 2], (x, y) in [-1, 1]."""
    return tf.tanh(location)


def box_size(scale, bounded=True):
    """z_scale to the box side as a fraction of the canvas side. Shape [..., 1].

    sigmoid; bounded, with a floor of `SMALLEST_SIZE`. On the floor no gradient passes
    through the box, F6's included; KL(z_scale) under the fixed prior leads away from
    it.
    """
    size = tf.sigmoid(scale)
    return tf.maximum(size, SMALLEST_SIZE) if bounded else size


def pixel_centre(location, canvas_side):
    """Box centre in pixels from the left and top edge: (tanh + 1) S/2.

    Pixel i covers [i, i + 1]. The samplers align corners instead, which maps [-1, 1] to
    the S - 1 steps between the pixels' centres: at the edge of the canvas an object is
    drawn up to half a pixel from its box.
    """
    return (box_centre(location) + 1) * (canvas_side / 2)


def pixel_side(scale, canvas_side, bounded=True):
    """Box side in pixels: `box_size` S. Shape [...], the last axis removed."""
    return box_size(scale, bounded)[..., 0] * canvas_side


def pixel_boxes(location, scale, canvas_side, bounded=True):
    """Boxes (x, y, width, height) in pixels, x and y of the top-left corner.

    Args:
      location: z_loc. Shape [..., 2].
      scale: z_scale. Shape [..., 1].
      canvas_side: S in pixels.
      bounded: as in `box_size`.

    Returns:
      Shape [..., 4].
    """
    side = pixel_side(scale, canvas_side, bounded)[..., None]
    corner = pixel_centre(location, canvas_side) - side / 2
    return tf.concat([corner, side, side], axis=-1)


def batch_size(images):
    """The batch size: an int where it is static, else an int32 tensor."""
    return tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
