"""Checks of what enters and leaves a Keras step, made outside the compiled function."""

import math

import keras
import numpy as np
import tensorflow as tf

# Of grey values beyond [0, 1], by rounding; this project's choice.
OVERSHOOT = 1e-3
_RANGE = ("darkest", "brightest")
_SUMS = ("loss", "nelbo", "penalty")  # a faulty term makes these faulty too


class NonFiniteError(ArithmeticError):
    """A training or test step gave a value that is not finite."""


def images_of(data):
    """The images of a batch that Keras hands to a step.

    Args:
      data: images, or a tuple of images, targets and weights as Keras packs them.

    Returns:
      The images as a tensor. Shape [batch, S, S].

    Raises:
      ValueError: if there are targets or sample weights, which nothing would read, or
        if the images' rank is not known.
    """
    images, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
    if targets is not None:
        raise ValueError("targets are given: AIR learns from images alone")
    if weights is not None:
        raise ValueError("sample_weight is given: AIR weights all images equally")
    images = tf.convert_to_tensor(images)
    if images.shape.rank is None:
        raise ValueError(
            "images of unknown shape: give the dataset one, [batch, S, S], such as by "
            "tf.ensure_shape in its map"
        )
    return images


def grey_range(images):
    """What `watched` takes from a step: the least and greatest grey value.

    Args:
      images: as the user gives them. Shape [batch, S, S].

    Returns:
      A dict of two values of shape [1]; an empty one for uint8 images, whose range
      needs no check.
    """
    if not images.dtype.is_floating:
        return {}
    values = (tf.reduce_min(images), tf.reduce_max(images))
    return {name: value[None] for name, value in zip(_RANGE, values, strict=True)}


def watched(function):
    """One of Keras's step functions, that looks at what its step gives.

    A compiled step cannot raise; so it returns the `grey_range` of its images, which is
    taken out here.

    Args:
      function: takes Keras's iterator and returns a dict.

    Returns:
      The same function, without the range in what it returns.

    Raises:
      ValueError: if images are not grey values in [0, 1].
      NonFiniteError: naming the term, if a loss is not finite.
    """

    def run(iterator):
        measured = dict(function(iterator))
        darkest, brightest = (np.array(measured.pop(name, 0)) for name in _RANGE)
        if not (darkest.min() >= -OVERSHOOT and brightest.max() <= 1 + OVERSHOOT):
            raise ValueError(
                f"images of values from {darkest.min():g} to {brightest.max():g}: use "
                "uint8 (0 to 255) or grey values in [0, 1], such as images / 255"
            )
        sums = [measured.get(name, 0.0) for name in ("loss", "gradient_norm")]
        if not np.all(np.isfinite(sums)):
            bad = [n for n, value in measured.items() if not math.isfinite(value)]
            name = next(iter([n for n in bad if n not in _SUMS] or bad))
            raise NonFiniteError(f"{name} is not finite")
        return measured

    return run
