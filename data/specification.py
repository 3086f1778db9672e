"""What scenes are wanted: every choice that the paper or its released code made."""

import dataclasses

import numpy as np

from data.datasets import DATASETS
from data.errors import DataError
from data.placement import LARGEST_CANVAS, SEPARATIONS

TEST_SPLITS = ("extra", "shuffled")
SMALLEST_CANVAS = 28  # pixels, the side of MNIST's images


@dataclasses.dataclass(frozen=True)
class SceneSpecification:
    """Everything that determines a set of scenes, apart from the objects' pixels.

    Attributes:
      dataset: Of `data.datasets`: "multi_mnist" or "multi_dsprites".
      counts: Allowed numbers of objects a scene, for example (1, 3). Each count gets
        an equal share of the scenes (to within one scene).
      canvas_side: Side of the square canvas in pixels, 28 to 64. The released code
        has 50 (Multi-MNIST) and 64 (Multi-dSprites).
      object_scale: Factor by which objects are scaled, above 0 and at most 1. The
        released code has 1 in the number experiments (paper section 6.1) and 0.6 in
        the overlap experiments (6.2).
      separation: What may not meet between two objects: "ink" (here in 6.1), "boxes"
        (6.2, paper) or "columns" (6.2, released code: the boxes' intervals in x are
        disjoint).
      train_images: Training scenes (for test_split "shuffled": all scenes).
      test_images: Test scenes.
      digits: Source of the digits, "mnist" or "rendered"; None for sprites.
      seed: Seed of the scenes; 0 for every run of the paper's tables.
      test_split: "extra" (test scenes are made in addition; the paper's text) or
        "shuffled" (the first test_images of the train_images shuffled scenes are the
        test set and the others train; released code).

    Raises:
      DataError: If a field has a value that is not allowed.
    """

    dataset: str
    counts: tuple
    canvas_side: int
    object_scale: float
    separation: str
    train_images: int
    test_images: int
    digits: str | None
    seed: int = 0
    test_split: str = "extra"

    def __post_init__(self):
        _one_of("dataset", self.dataset, DATASETS)
        _one_of("separation", self.separation, SEPARATIONS)
        _one_of("test_split", self.test_split, TEST_SPLITS)
        _one_of("digits", self.digits, DATASETS[self.dataset].sources)
        try:
            counts = tuple(self.counts)
        except TypeError:
            counts = ()
        for count in counts:
            _whole("counts", count, 0)
        if not counts or len(set(counts)) < len(counts):
            raise DataError(
                f"counts: {self.counts!r} given, one or more different whole numbers "
                "are allowed"
            )
        _whole("canvas_side", self.canvas_side, SMALLEST_CANVAS, LARGEST_CANVAS)
        _whole("train_images", self.train_images, 1)
        _whole("test_images", self.test_images, 0)
        _whole("seed", self.seed, 0)
        scale = self.object_scale
        if (
            isinstance(scale, bool)
            or not isinstance(scale, (int, float))
            or not (0 < scale <= 1)
        ):
            raise DataError(
                f"object_scale: {scale!r} given, a number above 0 and at most 1 is "
                "allowed"
            )
        if self.test_split == "shuffled" and self.test_images >= self.train_images:
            raise DataError(
                f"test_images: {self.test_images} given, but the test set is split off "
                f"the {self.train_images} training images; fewer are allowed"
            )
        # Plain Python values, so that equal specifications are written equally.
        object.__setattr__(self, "counts", tuple(sorted(int(c) for c in counts)))
        object.__setattr__(self, "object_scale", float(scale))
        for name in ("canvas_side", "train_images", "test_images", "seed"):
            object.__setattr__(self, name, int(getattr(self, name)))

    @property
    def total_images(self):
        """Number of scenes in both sets together."""
        if self.test_split == "shuffled":
            return self.train_images
        return self.train_images + self.test_images


def _one_of(name, value, allowed):
    if value not in allowed:
        raise DataError(
            f"{name}: {value!r} given, allowed: {', '.join(map(str, allowed))}"
        )


def _whole(name, value, least, most=None):
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        span = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise DataError(f"{name}: {value!r} given, a whole number {span} is allowed")
