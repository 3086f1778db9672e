"""The stick-breaking distribution over the number of objects.

With p_t = sigmoid(logit_t) and S_t = p_1 ... p_t (S_0 = 1):

    q(n) = S_n (1 - p_{n+1}) for n < K,     q(K) = S_K.

Equations 1 and 6, with z_pres^t the event that object t exists.
"""

import tensorflow as tf


def log_validity(presence_logits):
    """log S_t, the log-probability that object t exists, t = 1..K.

    Args:
      presence_logits: log-odds of p_t. Shape [batch, K].

    Returns:
      Shape [batch, K].
    """
    # Written as sums: a cumulative sum is slow in XLA for so few steps.
    totals = [tf.math.log_sigmoid(presence_logits[:, 0])]
    for step in range(1, presence_logits.shape[1]):
        totals.append(totals[-1] + tf.math.log_sigmoid(presence_logits[:, step]))
    return tf.stack(totals, axis=1)


def log_count(presence_logits):
    """log q(n) for n = 0..K. Shape [batch, K + 1]; finite for finite logits.

    Args:
      presence_logits: log-odds of p_t. Shape [batch, K].
    """
    validity = log_validity(presence_logits)
    validity_before = tf.pad(validity, [[0, 0], [1, 0]])[:, :-1]
    stops = validity_before + tf.math.log_sigmoid(-presence_logits)
    return tf.concat([stops, validity[:, -1:]], axis=1)


def leading_count(present):
    """Number of leading steps that are present: the chain stops at the first 0.

    Args:
      present: booleans. Shape [batch, K].

    Returns:
      int32. Shape [batch].
    """
    chain = tf.math.cumprod(tf.cast(present, tf.int32), axis=1)
    return tf.reduce_sum(chain, axis=1)


def greedy_count(presence_logits):
    """The greedy chain's count: leading steps with p_t > 0.5. Shape [batch]."""
    return leading_count(presence_logits > 0)


def sampled_count(presence_logits, uniforms):
    """A sample of n ~ q(n): each step is present where its uniform < p_t.

    Args:
      presence_logits: log-odds of p_t. Shape [batch, K].
      uniforms: uniform noise in [0, 1). Shape [batch, K].

    Returns:
      int32. Shape [batch].
    """
    return leading_count(uniforms < tf.sigmoid(presence_logits))
