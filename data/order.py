"""The order in which an epoch visits the training images."""

import numpy as np

from data.errors import DataError
from data.randomness import generator, random_order


def epoch_order(images, batch_size, seed, epoch):
    """Returns which images make up the batches of one epoch.

    The order follows from (seed, epoch) alone, so a run that is resumed visits the
    images as one that was not interrupted. The images left over after the last full
    batch are dropped; they differ from epoch to epoch.

    Args:
      images: Number of training images.
      batch_size: Images per batch, at most `images`.
      seed: Seed of the run, at least 0.
      epoch: Number of the epoch, at least 0.

    Returns:
      int32 [steps, batch_size], steps = images // batch_size; no index occurs twice.

    Raises:
      DataError: If there is not one full batch, or a number is negative.
    """
    if not 1 <= batch_size <= images:
        raise DataError(
            f"batch_size: {batch_size} given, 1 to {images} (the training images) is "
            "allowed"
        )
    if epoch < 0:
        raise DataError(f"epoch: {epoch} given, at least 0 is allowed")
    steps = images // batch_size
    order = random_order(generator(seed, "order", int(epoch)), images)
    return order[: steps * batch_size].astype(np.int32).reshape(steps, batch_size)
