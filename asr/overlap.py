"""Constraints on the objects' boxes (section 4.2), all in pixels.

l(v) = max(v, 0); s_i and (x_i, y_i) are side and centre of box i; S is the
canvas side. The expectation over q is taken at the one sample of z. Where the
number of objects is random, object i counts with the probability that it exists
(`Posterior.validity`) and a pair with that of its later object; with a fixed count
these are 1.
Sums over i != j run over ordered pairs, so each pair counts twice, as in the
paper and in the released code. Every functional has shape [batch].

With `every_step`, the released code's form, the object of every inference step that was
run counts in full, whether it exists or not: the one at which an image stops as well.
"""

import dataclasses

import keras
import tensorflow as tf

from asr.constraint import Constraint, Functional
from asr.regulariser import Regulariser

EDGES = ("left", "right", "top", "bottom")


class _BoxFunctional(Functional):
    """A functional of the boxes; subclasses have a field `every_step`."""

    @property
    def least_objects(self):
        """All K, unless the steps that were run are all that count."""
        return 0 if self.every_step else None

    @property
    def reads_stop(self):
        """With `every_step`: the object at which an image stops counts too."""
        return self.every_step

    def weights(self, posterior):
        """How much every object counts. Shape [batch, K], or [K]."""
        return posterior.step_mask() if self.every_step else posterior.validity


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class PairOverlap(_BoxFunctional):
    """F1 = sum_{i != j} l((s_i + s_j)/2 - max(|x_i - x_j|, |y_i - y_j|))."""

    every_step: bool = False

    def __call__(self, posterior):
        reach = (posterior.side[:, :, None] + posterior.side[:, None, :]) / 2
        offsets = posterior.centre[:, :, None] - posterior.centre[:, None, :]
        # Not tf.reduce_max: its gradient divides by the number of entries that equal
        # the maximum, which XLA may round in two ways, so that there are none.
        distance = tf.maximum(*tf.unstack(tf.abs(offsets), axis=3))
        return _sum_over_pairs(tf.nn.relu(reach - distance), self.weights(posterior))


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class InsideCanvas(_BoxFunctional):
    """F2 to F5: how far boxes reach over one edge of the canvas.

    left: sum_i l(s_i/2 - x_i); right: sum_i l(x_i + s_i/2 - S); top and bottom
    the same in y.
    """

    edge: str
    every_step: bool = False

    def __post_init__(self):
        if self.edge not in EDGES:
            raise ValueError(f"edge {self.edge!r}: use one of {EDGES}")

    def __call__(self, posterior):
        half = posterior.side / 2
        x, y = tf.unstack(posterior.centre, axis=2)
        excess = {
            "left": half - x,
            "right": x + half - posterior.canvas_side,
            "top": half - y,
            "bottom": y + half - posterior.canvas_side,
        }[self.edge]
        return tf.reduce_sum(self.weights(posterior) * tf.nn.relu(excess), axis=1)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class BoundedSide(_BoxFunctional):
    """F6 = sum_i l(c_min - s_i) + l(s_i - c_max), or the released code's form.

    With `every_step` it is the mean over the steps that were run in place of the sum,
    and c_min and c_max are exchanged, so that a side between the bounds costs c_max -
    c_min instead of 0. Of n objects that is (F6 + n (c_max - c_min)) / n: a constant,
    and F6's gradient divided by n.
    """

    minimum: float
    maximum: float
    every_step: bool = False

    def __call__(self, posterior):
        side, weights = posterior.side, self.weights(posterior)
        if self.every_step:
            excess = tf.nn.relu(self.maximum - side) + tf.nn.relu(side - self.minimum)
            return tf.reduce_sum(weights * excess, axis=1) / tf.reduce_sum(weights)
        excess = tf.nn.relu(self.minimum - side) + tf.nn.relu(side - self.maximum)
        return tf.reduce_sum(weights * excess, axis=1)


@keras.saving.register_keras_serializable("asr")
@dataclasses.dataclass(frozen=True)
class SideDifference(_BoxFunctional):
    """F7 = sum_{i != j} l(|s_i - s_j| - tolerance)."""

    tolerance: float = 3.0  # pixels, released code
    every_step: bool = False

    def __call__(self, posterior):
        difference = tf.abs(posterior.side[:, :, None] - posterior.side[:, None, :])
        excess = tf.nn.relu(difference - self.tolerance)
        return _sum_over_pairs(excess, self.weights(posterior))


def overlap_regulariser(
    minimum_side,
    maximum_side,
    overlap_weight=1.0,
    inside_weight=1.0,
    side_weight=20.0,
    side_difference_weight=10.0,
    tolerance=3.0,
    side_penalty="sum",
):
    """R^o of section 4.2 (equation 12) with the weights of section 6.2.

    Args:
      minimum_side: c_min of F6, in pixels.
      maximum_side: c_max of F6, in pixels.
      overlap_weight: lambda_1.
      inside_weight: lambda_2 to lambda_5.
      side_weight: lambda_6.
      side_difference_weight: lambda_7.
      tolerance: e of F7, in pixels.
      side_penalty: "sum", the paper's form, or "mean", the released code's: F6 is a
        mean, and every step that was run counts in full in all of F1 to F7.

    Returns:
      A `Regulariser` with seven constraints, named by what they forbid.

    Raises:
      ValueError: if the bounds are not 0 <= c_min <= c_max, the tolerance is
        negative, or `side_penalty` is unknown.
    """
    if not 0 <= minimum_side <= maximum_side:
        raise ValueError(
            f"side bounds {minimum_side} to {maximum_side} are not allowed; use "
            "0 <= minimum <= maximum"
        )
    if tolerance < 0:
        raise ValueError(f"tolerance {tolerance} is not allowed; use a number >= 0")
    if side_penalty not in ("sum", "mean"):
        raise ValueError(f"side_penalty {side_penalty!r}: use 'sum' or 'mean'")
    every = side_penalty == "mean"
    bounded = BoundedSide(minimum_side, maximum_side, every)
    difference = SideDifference(tolerance, every)
    return Regulariser(
        [
            Constraint("pair_overlap", PairOverlap(every), overlap_weight),
            *(
                Constraint(f"outside_{edge}", InsideCanvas(edge, every), inside_weight)
                for edge in EDGES
            ),
            Constraint("side_bounds", bounded, side_weight),
            Constraint("side_difference", difference, side_difference_weight),
        ]
    )


def _sum_over_pairs(excess, weights):
    """Sum over ordered pairs i != j, weighted as the later object is.

    Args:
      excess: shape [batch, K, K].
      weights: shape [batch, K], or [K].

    Returns:
      Shape [batch].
    """
    steps = range(excess.shape[1])
    total = tf.zeros_like(excess[:, 0, 0])
    for i in steps:
        for j in steps:
            if i != j:
                total += weights[..., max(i, j)] * excess[:, i, j]
    return total
