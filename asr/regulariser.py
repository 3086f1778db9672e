"""The regulariser R(q) of equation 11: a weighted sum of constraint violations."""

import keras
import tensorflow as tf

from asr.constraint import Constraint, ConstraintError


@keras.saving.register_keras_serializable("asr")
class Regulariser:
    """R(q) = sum_i lambda_i max(F_i(q), 0), averaged over the batch (equation 11).

    F_i is taken at one sample of z per image. For F1 to F7, expectations under q of
    what is never negative, the penalty is an unbiased estimate of equation 11. The
    divergences of section 4.1 are not linear in q(n | x) = E_z q(n | x, z), nor the
    second one in the batch's mean, so that their estimates are biased; and for an
    expectation that changes sign the estimate is too large on average (Jensen's
    inequality).

    Example:
      def left_to_right(posterior):
          x = posterior.centre[:, :, 0]
          excess = tf.nn.relu(x[:, :-1] - x[:, 1:])
          return tf.reduce_sum(posterior.validity[:, 1:] * excess, axis=1)

      regulariser = Regulariser([Constraint("left_to_right", left_to_right, 1.0)])
    """

    def __init__(self, constraints):
        """Collects the constraints.

        Args:
          constraints: a sequence of `Constraint`, with distinct names.

        Raises:
          ValueError: if an entry is no `Constraint` or two share a name.
        """
        self.constraints = tuple(constraints)
        for constraint in self.constraints:
            if not isinstance(constraint, Constraint):
                raise ValueError(f"{constraint!r} is not an asr.Constraint")
        names = [constraint.name for constraint in self.constraints]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two constraints are named {name!r}")

    @property
    def names(self):
        """The constraints' names, in order."""
        return [constraint.name for constraint in self.constraints]

    @property
    def least_objects(self):
        """How many objects the constraints need, see `Functional`; None for all."""
        needed = [constraint.least_objects for constraint in self.constraints]
        return None if None in needed else max(needed, default=0)

    @property
    def reads_stop(self):
        """Whether a constraint reads the object at which an image's loop stops."""
        return any(constraint.reads_stop for constraint in self.constraints)

    def __call__(self, posterior):
        """Evaluates every constraint.

        Args:
          posterior: a `Posterior` for a batch of images.

        Returns:
          penalty: R(q). Shape [].
          violations: a dict from each constraint's name to its unweighted
            max(F_i(q), 0), averaged over the batch. Shape [] each.

        Raises:
          ConstraintError: if a functional returns no number of the posterior's type,
            or a shape other than [batch] or [].
        """
        batch = posterior.log_count.shape[0]
        penalty = tf.zeros([], posterior.log_count.dtype)
        violations = {}
        for constraint in self.constraints:
            value = _tensor(constraint, posterior)
            if value.shape.rank != 0 and not value.shape.is_compatible_with([batch]):
                raise ConstraintError(
                    f"constraint {constraint.name}: F(q) has shape {value.shape}; "
                    f"allowed are [{batch}] (one value per image) and []"
                )
            violation = tf.reduce_mean(tf.nn.relu(value))
            violations[constraint.name] = violation
            penalty += tf.cast(constraint.weight, value.dtype) * violation
        return penalty, violations

    def get_config(self):
        """The constraints' configurations, for Keras's saving."""
        return {"constraints": [c.get_config() for c in self.constraints]}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls([Constraint.from_config(c) for c in config["constraints"]])


def _tensor(constraint, posterior):
    """F(q) as a tensor of the posterior's type."""
    value, dtype = constraint.functional(posterior), posterior.log_count.dtype
    try:
        return tf.convert_to_tensor(value, dtype)
    except (TypeError, ValueError):
        found = value.dtype.name if tf.is_tensor(value) else repr(value)
        raise ConstraintError(
            f"constraint {constraint.name}: F(q) is {found}; allowed is a tensor of "
            f"{dtype.name}"
        ) from None
