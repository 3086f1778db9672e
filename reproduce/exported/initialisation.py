"""Initial weights as Keras's GlorotUniform draws them, by NumPy alone.

TensorFlow's stateless uniform numbers come from Philox 4x32-10 (Salmon et al.,
2011), ten rounds over a counter of four 32-bit words. It is written out here so
that a run needs 8 bytes of seed for each kernel, and no file of weights.
"""

import math

import numpy as np

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_SCRAMBLING_KEY = (0x3EC8F720, 0x02461E29)  # TensorFlow's, for seeds
_ROUNDS = 10
_WORD = np.uint64(0xFFFFFFFF)


def glorot_uniform(seed, shape, first=None):
    """`keras.initializers.GlorotUniform(seed)` of a kernel.

    Args:
      seed: integer in [0, 2^31 - 2).
      shape: (inputs, outputs).
      first: how many values to draw, in the order of memory; None for all.

    Returns:
      float32 of shape `shape`, or [first].
    """
    limit = math.sqrt(3.0 / max(1.0, sum(shape) / 2.0))
    low, high = np.float32(-limit), np.float32(limit)
    values = uniform(seed, math.prod(shape) if first is None else first)
    values = values * (high - low) + low
    return values.reshape(shape) if first is None else values


def uniform(seed, count):
    """TensorFlow's stateless uniform numbers of the seed [seed, 0] on a processor.

    Args:
      seed: integer in [0, 2^31).
      count: how many.

    Returns:
      float32 in [0, 1). Shape [count].
    """
    scrambled = _philox(
        [np.array([word], np.uint64) for word in (seed, 0, 0, 0)], _SCRAMBLING_KEY
    )
    key = [int(word[0]) for word in scrambled[:2]]
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    zero = np.zeros_like(blocks)
    words = _philox([blocks, zero, zero + scrambled[2], zero + scrambled[3]], key)
    bits = np.stack(words, axis=1).reshape(-1)[:count].astype(np.uint32)
    # 23 random bits as the fraction of a number in [1, 2).
    ones = (bits & np.uint32(0x7FFFFF)) | np.uint32(0x3F800000)
    return ones.view(np.float32) - np.float32(1)


def _philox(counter, key):
    """Philox 4x32-10 of many counters.

    Args:
      counter: four uint64 arrays that hold 32-bit words.
      key: two integers of 32 bits.

    Returns:
      Four uint64 arrays that hold 32-bit words.
    """
    first, second, third, fourth = counter
    shift = np.uint64(32)
    for step in range(_ROUNDS):
        keys = [
            np.uint64((k + step * add) & 0xFFFFFFFF)
            for k, add in zip(key, _KEY_STEPS, strict=True)
        ]
        low = first * np.uint64(_MULTIPLIERS[0])
        high = third * np.uint64(_MULTIPLIERS[1])
        first, second, third, fourth = (
            (high >> shift) ^ second ^ keys[0],
            high & _WORD,
            (low >> shift) ^ fourth ^ keys[1],
            low & _WORD,
        )
    return first, second, third, fourth
