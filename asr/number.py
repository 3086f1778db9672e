"""Constraints on the number of objects (section 4.1).

L is the set of allowed counts, for example {1, 3}: an image holds one of them,
and over the data all are equally frequent.
"""

import dataclasses
import math
import numbers

import keras
import tensorflow as tf

from asr.constraint import Constraint, ConstraintError, Functional
from asr.regulariser import Regulariser

SMALLEST = 1e-8  # in the logarithms of the unary form, released code


@dataclasses.dataclass(frozen=True)
class _CountFunctional(Functional):
    """A functional of the number of objects.

    Attributes:
      allowed: the allowed counts L, distinct non-negative integers.
    """

    allowed: tuple

    def __post_init__(self):
        allowed = tuple(self.allowed)
        if (
            not allowed
            or len(set(allowed)) != len(allowed)
            or any(not isinstance(n, numbers.Integral) or n < 0 for n in allowed)
        ):
            raise ValueError(
                f"allowed counts {allowed} are not allowed; use distinct integers >= 0"
            )
        object.__setattr__(self, "allowed", tuple(int(n) for n in allowed))

    @property
    def least_objects(self):
        """The largest allowed count, whose q(n | x) must be known."""
        return max(self.allowed)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class AllowedCount(_CountFunctional):
    """min over i in L of KL(delta_i || q(n | x)) = min_i -log q(n = i | x).

    Zero exactly where q(n | x) is certain of one allowed count. First term of
    R^num, section 4.1, taken at q(n | x, z). Shape [batch].
    """

    def __call__(self, posterior):
        counts = _checked(self.allowed, posterior)
        return -tf.reduce_max(tf.gather(posterior.log_count, counts, axis=1), axis=1)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class MarginalCount(_CountFunctional):
    """KL(uniform over L || mean_x q(n | x)), the mean taken over the batch.

    Zero exactly where the batch as a whole holds every allowed count equally
    often. Second term of R^num, section 4.1, taken at q(n | x, z). Shape [].
    """

    def __call__(self, posterior):
        counts = _checked(self.allowed, posterior)
        log_marginal = _log_mean_exp(tf.gather(posterior.log_count, counts, axis=1))
        return -math.log(len(counts)) - tf.reduce_mean(log_marginal)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class UnaryAllowedCount(_CountFunctional):
    """min over i in L of sum_t BCE(u^i_t, p_t): the released code's first term.

    u^i is the unary code of i, i ones and then zeros; t runs over the inference steps
    that were run; p_t is the conditional presence probability, and the cross-entropy
    takes log(p + 1e-8). Shape [batch].
    """

    least_objects = 0

    def __call__(self, posterior):
        # `codes` has shape [L, K]; logarithms and their sums [batch, L, K].
        codes = _unary_codes(self.allowed, posterior)
        logits = tf.expand_dims(posterior.presence_logits, 1)
        log_present = tf.math.log(tf.sigmoid(logits) + SMALLEST)
        log_absent = tf.math.log(tf.sigmoid(-logits) + SMALLEST)
        entropies = -(codes * log_present + (1 - codes) * log_absent)
        sums = tf.reduce_sum(posterior.step_mask() * entropies, axis=2)
        return tf.reduce_min(sums, axis=1)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class UnaryMarginalCount(_CountFunctional):
    """sum_t BCE(mean_i u^i_t, mean_x p_t): the released code's second term.

    Sum and cross-entropy are as in `UnaryAllowedCount`. Not zero at its minimum: a
    cross-entropy keeps the entropy of its target. Shape [].
    """

    least_objects = 0

    def __call__(self, posterior):
        target = tf.reduce_mean(_unary_codes(self.allowed, posterior), axis=0)
        logits = posterior.presence_logits
        present = tf.reduce_mean(tf.sigmoid(logits), axis=0)
        absent = tf.reduce_mean(tf.sigmoid(-logits), axis=0)
        log_present = tf.math.log(present + SMALLEST)
        log_absent = tf.math.log(absent + SMALLEST)
        entropies = -(target * log_present + (1 - target) * log_absent)
        return tf.reduce_sum(posterior.step_mask() * entropies)


def number_regulariser(
    allowed, image_weight=10.0, marginal_weight=100.0, form="posterior"
):
    """R^num of section 4.1 with the weights of section 6.1.

    Args:
      allowed: the allowed counts L, distinct non-negative integers.
      image_weight: lambda_1, on the constraint of each image.
      marginal_weight: lambda_2, on the constraint of the batch marginal.
      form: "posterior", the paper's divergences of q(n | x), or "unary", the
        released code's cross-entropies of the conditional probabilities.

    Returns:
      A `Regulariser` with the constraints `allowed_count` and `marginal_count`.

    Raises:
      ValueError: if a count is no integer >= 0 or given twice, there is none, or `form`
        is unknown.
    """
    forms = {
        "posterior": (AllowedCount, MarginalCount),
        "unary": (UnaryAllowedCount, UnaryMarginalCount),
    }
    if form not in forms:
        raise ValueError(f"form {form!r} is not allowed; use one of {sorted(forms)}")
    image, marginal = forms[form]
    return Regulariser(
        [
            Constraint("allowed_count", image(allowed), image_weight),
            Constraint("marginal_count", marginal(allowed), marginal_weight),
        ]
    )


def _checked(allowed, posterior):
    """`allowed` as a list; ConstraintError if one of them is above K."""
    largest = posterior.log_count.shape[1] - 1
    if max(allowed) > largest:
        raise ConstraintError(
            f"allowed counts {allowed}: at most {largest} objects are inferred"
        )
    return list(allowed)


def _unary_codes(allowed, posterior):
    """Unary codes of the allowed counts. Shape [L, K]."""
    steps = posterior.presence_logits.shape[1]
    counts = tf.constant(_checked(allowed, posterior))
    return tf.sequence_mask(counts, steps, dtype=posterior.presence_logits.dtype)


def _log_mean_exp(values):
    """log of the mean of exp(values) over the batch axis. Shape [..]."""
    batch = tf.cast(tf.shape(values)[0], values.dtype)
    return tf.reduce_logsumexp(values, axis=0) - tf.math.log(batch)
