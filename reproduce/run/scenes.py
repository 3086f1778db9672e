"""Loads the scenes that a configuration trains on."""

import dataclasses

import numpy as np

import data
from reproduce import REPOSITORY
from reproduce.errors import UsageError
from reproduce.flags import written
from reproduce.records import folders

ALLOWED = (
    "images [N, S, S], uint8 or grey values in [0, 1]; where known, counts [N], "
    "integers, and boxes [N, n, 4]; test_images, test_counts and test_boxes likewise"
)


def load(configuration, mnist=None):
    """The `data.Scenes` of a run.

    Those of --scenes have None for counts and boxes that the file does not contain. If
    it contains no test images, its last tenth is the test set, at most 1,000 of them.

    Args:
      configuration: a `Configuration`.
      mnist: MNIST's file, None for the search of `data.load_mnist`.

    Raises:
      DataError: if MNIST cannot be obtained.
      UsageError: if the file of --scenes is not as in `ALLOWED`.
    """
    if configuration.scenes is None:
        names = {field.name for field in dataclasses.fields(data.SceneSpecification)}
        options = {name: getattr(configuration, name) for name in names - {"seed"}}
        specification = data.SceneSpecification(**options, seed=configuration.data_seed)
        return data.load(specification, mnist_path=mnist)
    file = REPOSITORY / configuration.scenes
    try:
        arrays = folders.read_arrays(file, UsageError)
        train = _scene_set(arrays, "")
        test = _scene_set(arrays, "test_") if "test_images" in arrays else None
    except UsageError as error:
        raise UsageError(f"--scenes: {file}: {error}; allowed: {ALLOWED}") from None
    if test is None:
        first = len(train.images) - min(len(train.images) // 10, 1_000)
        test = train._make(part if part is None else part[first:] for part in train)
        train = train._make(part if part is None else part[:first] for part in train)
    if not len(test.images) or len(train.images) < configuration.batch_size:
        raise UsageError(
            f"--scenes: {file}: {len(train.images)} training and {len(test.images)} "
            f"test images; at least one batch of {configuration.batch_size} and one "
            "test image are needed"
        )
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UsageError(f"--scenes: {file}: images and test_images differ in size")
    known = [part.counts for part in (train, test) if part.counts is not None]
    found = set(np.concatenate(known).tolist()) if known else set()
    if others := sorted(found - set(configuration.counts)):
        others, allowed = written(others), written(configuration.counts)
        reason = f"scenes of {others} objects; --counts {allowed} leaves them out"
        raise UsageError(f"--scenes: {file}: {reason}")
    return data.Scenes(train, test, configuration.scenes_digest)


def statistics(scene_set):
    """`data.describe` of a set of scenes; without boxes only size and mean ink."""
    if scene_set.counts is not None and scene_set.boxes is not None:
        return data.describe(scene_set)
    return {
        "images": len(scene_set.images),
        "mean_ink": float(scene_set.images.mean() / 255),
    }


def _scene_set(arrays, prefix):
    """The training or test scenes in a file's arrays; images become uint8."""
    images, counts, boxes = (
        arrays.get(prefix + name) for name in ("images", "counts", "boxes")
    )
    if images is None:
        raise UsageError(f"no array {prefix}images, but {', '.join(arrays)}")
    if images.ndim != 3 or images.shape[1] != images.shape[2] or not images.size:
        raise UsageError(f"{prefix}images: of shape {list(images.shape)}")
    if images.dtype != np.uint8:
        low, high = float(np.min(images)), float(np.max(images))
        if not 0 <= low <= high <= 1:  # NaN is neither
            raise UsageError(f"{prefix}images: values from {low:g} to {high:g}")
        images = np.round(images * 255).astype(np.uint8)
    number = len(images)
    if counts is not None:
        if counts.shape != (number,) or counts.dtype.kind not in "iu":
            kind = f"{counts.dtype} of shape {list(counts.shape)}"
            raise UsageError(f"{prefix}counts: {kind}")
        if counts.min(initial=0) < 0:
            raise UsageError(f"{prefix}counts: {counts.min()} is negative")
    if boxes is not None:
        fits = boxes.ndim == 3 and boxes.shape[::2] == (number, 4)
        if counts is None:
            raise UsageError(f"{prefix}boxes: without {prefix}counts")
        if not fits or boxes.shape[1] < counts.max(initial=0):
            raise UsageError(f"{prefix}boxes: of shape {list(boxes.shape)}")
    return data.SceneSet(images, counts, boxes)
