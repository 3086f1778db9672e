"""The datasets: what each is called, its canvas, and where its objects come from.

A further dataset is one more entry of `DATASETS`, and a module that makes its objects.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from data import mnist, rendered_digits, sprites


class Source(NamedTuple):
    """Where objects come from. Its functions take MNIST's path, as `data.load` does.

    Attributes:
      objects: gives them, uint8 [M, H, W], grey 0 to 255.
      fingerprint: gives a text that changes whenever they do; objects that are known
        by their text need not be read for it.
    """

    objects: Callable
    fingerprint: Callable


class Dataset(NamedTuple):
    """One dataset.

    Attributes:
      title: its name in the paper.
      noun: what its scenes hold, such as "digit".
      canvas_side: side of the released code's images, in pixels.
      sources: by the value of `SceneSpecification.digits`, which is None for a dataset
        that has one source.
    """

    title: str
    noun: str
    canvas_side: int
    sources: dict


def _mnist_digest(path):
    mnist.named_file(path)  # must exist; need not be read, its digest being fixed
    return mnist.TRAINING_DIGEST


def _sprites(path=None):
    return sprites.render_sprites().images * np.uint8(255)


_DIGITS = {
    "mnist": Source(lambda path: mnist.load_mnist(path)[0], _mnist_digest),
    "rendered": Source(
        lambda path: rendered_digits.render_digits()[0],
        lambda path: rendered_digits.fingerprint(),
    ),
}
_SPRITES = Source(
    _sprites, lambda path: hashlib.sha256(_sprites().tobytes()).hexdigest()
)
DATASETS = {
    "multi_mnist": Dataset("Multi-MNIST", "digit", 50, _DIGITS),
    "multi_dsprites": Dataset("Multi-dSprites", "object", 64, {None: _SPRITES}),
}
