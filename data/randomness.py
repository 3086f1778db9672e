"""Random streams that depend on a seed and a purpose, and on nothing else."""

import hashlib

import numpy as np

from data.errors import DataError


def generator(seed, *purpose):
    """Returns the random stream of one purpose.

    Streams of different purposes are independent, so that, for example, asking for
    more test scenes leaves the training scenes as they were. This package draws only
    uniform doubles (`Generator.random`) from a stream, the part of NumPy's
    generators that is least likely to change between versions.

    Args:
      seed: Non-negative int.
      *purpose: Words or non-negative ints that name what the numbers are for.

    Returns:
      A `numpy.random.Generator` over PCG64.

    Raises:
      DataError: If the seed is not a non-negative int.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise DataError(
            f"seed: {seed!r} given, a whole number of at least 0 is allowed"
        )
    text = "/".join(str(part) for part in purpose)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), "<u4")
    sequence = np.random.SeedSequence([int(seed), *words.tolist()])
    return np.random.Generator(np.random.PCG64(sequence))


def random_order(stream, length):
    """Returns the numbers 0 .. length - 1 in random order, int64 [length]."""
    return np.argsort(stream.random(length), kind="stable")


def random_whole_numbers(stream, limits):
    """Returns uniform whole numbers from 0 up to, not including, `limits`.

    Args:
      stream: A `numpy.random.Generator`.
      limits: Positive ints of any shape.

    Returns:
      int64 of the shape of `limits`. A double has 53 random bits, so the departure
      from uniform is below 1e-11 for the limits used here.
    """
    limits = np.asarray(limits)
    return (stream.random(limits.shape) * limits).astype(np.int64)
