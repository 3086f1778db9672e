"""Early end of the object loop: a training step with only the objects that may exist.

AIR-ASR learns that an image holds one of a few numbers of objects, at most m < K.
Once S_{m+1} < 1e-6 for every image of a batch, the objects after m change the
objective by less than 1e-5 of its size, and its gradient by less than 1e-5 of its norm,
and a step may leave them out. It still infers z_pres of object m + 1: that is how it
knows, and KL(z_pres) has a term for it.
"""

import tensorflow as tf

from air import stick_breaking

LARGEST_VALIDITY = 1e-6  # S_{m+1} that counts as none; this project's choice


def loop_may_end(presence_logits, steps):
    """Whether the batch's loop may end after `steps` objects, as 0.0 or 1.0.

    Args:
      presence_logits: log-odds of p_t. Shape [batch, more than `steps`].
      steps: m.

    Returns:
      1 if S_{m+1} < 1e-6 for every image, else 0. Shape [].
    """
    log_validity = stick_breaking.log_validity(presence_logits)[:, steps]
    ended = tf.reduce_max(tf.exp(log_validity)) < LARGEST_VALIDITY
    return tf.cast(ended, presence_logits.dtype)
