"""The loop over the objects of an image, which may end before all K are taken.

XLA compiles programs of fixed shapes, so the loop is unrolled in blocks of objects:
those up to the first count at which it may end, those up to the second, and so on. A
block is computed only if some image of the batch may have an object in it, by nested
conditionals; every other object costs nothing, in gradients neither.
"""

import tensorflow as tf


def over_objects(block, rest, goes_on, state, steps, ends=(), first=0):
    """Runs blocks of objects until no image can have one more, or all K are taken.

    Args:
      block: a function (first, last, state) -> (outputs, state) that takes the objects
        first, ..., last - 1, numbered from 0. Outputs are a nested structure of
        tensors [batch, last - first, ...].
      rest: a function (first, outputs, state) -> what stands for the outputs of the
        objects first, ..., K - 1 where they are not taken, given the outputs of the
        block before them.
      goes_on: a function (state) -> whether an image may have another object, [].
      state: a nested structure of tensors, before object `first`.
      steps: K.
      ends: the counts, integers, at which the loop may end. Empty: it never does.
      first: the first object.

    Returns:
      outputs: of the objects first, ..., K - 1. Shape [batch, K - first, ...].
      taken: the number of objects taken, counted from object 0. An int32 tensor [].
    """
    last = min((end for end in ends if first < end < steps), default=steps)
    outputs, state = block(first, last, state)
    if last == steps:
        return outputs, tf.constant(steps)
    others, taken = tf.cond(
        goes_on(state),
        lambda: over_objects(block, rest, goes_on, state, steps, ends, last),
        lambda: (rest(last, outputs, state), tf.constant(last)),
    )
    return tf.nest.map_structure(_join, outputs, others), taken


def _join(first, second):
    return tf.concat([first, second], axis=1)
