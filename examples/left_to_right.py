"""A constraint of one's own, which is not in the paper: objects from left to right.

AIR infers objects in whatever order; here each is asked to lie left of the next.

    python -m reproduce.run --experiment table2/asr-mnist \
        --constraint examples/left_to_right.py:left_to_right --constraint_weight 10
"""

import tensorflow as tf


def left_to_right(posterior):
    """F(q) = sum_t l(x_t - x_{t+1}), in pixels; l(v) = max(v, 0).

    How far each object's centre lies right of the next one's. A pair counts with
    the probability that its later object exists.

    Args:
      posterior: an `asr.Posterior`.

    Returns:
      Shape [batch], one value an image.
    """
    x = posterior.centre[:, :, 0]  # [batch, K]
    too_far = tf.nn.relu(x[:, :-1] - x[:, 1:])
    return tf.reduce_sum(posterior.validity[:, 1:] * too_far, axis=1)
