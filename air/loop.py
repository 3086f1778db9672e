"""The loop over the objects of an image, which may end before all K are taken.

XLA compiles programs of fixed shapes, so the loop is unrolled in blocks of objects:
those up to the first count at which it may end, those up to the second, and so on. A
block is computed only if some image of the batch may have an object in it, by nested
conditionals. What follows the blocks, the loss and the way back to their inputs, is
inside the conditionals too, so that an object that is not taken costs next to nothing.
"""

import tensorflow as tf


def gradients(block, loss, may_continue, variables, state, steps, ends=(), first=0):
    """The loss and its gradients, of no more objects than a batch needs.

    Args:
      block: a function (first, last, state) -> state that takes the objects first,
        ..., last - 1, numbered from 0. Every tensor that the result depends on and that
        depends on a variable must be in the state.
      loss: a function (state) -> a dict of tensors with "loss", shape [], from the
        objects that were taken.
      may_continue: a function (state) -> whether an image may have another object, [].
      variables: the variables that `block` and `loss` read.
      state: a nested structure of tensors, before object `first`.
      steps: K.
      ends: the counts, integers, at which the loop may end. Empty: it never does.
      first: the first object.

    Returns:
      parts: what `loss` returned.
      by_state: the loss's gradients with respect to the floating tensors of the state,
        a list.
      by_variables: those with respect to the variables, a list; 0 where it does not
        depend on one.
    """
    last = min((end for end in ends if first < end < steps), default=steps)
    with tf.GradientTape() as tape:
        tape.watch(floating(state))
        after = block(first, last, state)
        parts = loss(after) if last == steps else None
    if last == steps:
        return parts, *_backward(tape, parts["loss"], state, variables)

    def stop():
        with tf.GradientTape() as tape:
            tape.watch(floating(after))
            parts = loss(after)
        return parts, *_backward(tape, parts["loss"], after, variables)

    def proceed():
        return gradients(
            block, loss, may_continue, variables, after, steps, ends, first=last
        )

    parts, by_after, later = tf.cond(may_continue(after), proceed, stop)
    by_state, here = _backward(tape, floating(after), state, variables, by_after)
    return parts, by_state, [a + b for a, b in zip(here, later, strict=True)]


def floating(state):
    """The floating tensors of a nested structure, a list: those with a gradient."""
    return [tensor for tensor in tf.nest.flatten(state) if tensor.dtype.is_floating]


def _backward(tape, target, state, variables, by_target=None):
    """Gradients with respect to a state's floating tensors, and to variables: lists."""
    sources = floating(state), list(variables)
    found = tape.gradient(target, sources, output_gradients=by_target)
    return [
        [
            tf.zeros_like(tf.convert_to_tensor(source))
            if gradient is None
            else gradient
            for source, gradient in zip(*pair, strict=True)
        ]
        for pair in zip(sources, found, strict=True)
    ]
