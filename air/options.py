"""What `air.AIR` refuses: options that would fail later."""

import math
import operator

from air.elbo import ExactEstimator
from air.likelihood import FLOORS

COUNT_RULES = ("greedy", "sampled")


def whole_number(name, value, least, most=None):
    """The value of an option that must be a whole number in a range.

    Args:
      name: of the option, for the message.
      value: Python's or NumPy's integer, or an integer tensor of shape [].
      least: the smallest allowed value.
      most: the largest allowed value; None for no bound.

    Returns:
      The value as an int.

    Raises:
      ValueError: if it is no integer, or not from `least` to `most`.
    """
    try:
        number = int(operator.index(value))
    except TypeError:  # also of 2.0, a number that is not a count
        number = None
    if number is None or number < least or (most is not None and number > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} {value}: use a whole number {wanted}")
    return number


def check_options(
    *,
    canvas_side,
    steps,
    prior,
    estimator,
    decoder_noise,
    likelihood_floor,
    count_rule,
    sizes,
    early_end,
):
    """Refuses options of `air.AIR` that are not as its constructor says.

    Args:
      Those of the constructor, no default left open.

    Raises:
      ValueError: one line that names the option.
    """
    whole_number("canvas_side", canvas_side, 2)
    whole_number("steps", steps, 1)
    if not 0 <= decoder_noise < math.inf:
        raise ValueError(f"decoder_noise {decoder_noise}: use 0 or more, finite")
    if likelihood_floor not in FLOORS:
        raise ValueError(f"likelihood_floor {likelihood_floor!r}: use one of {FLOORS}")
    if count_rule not in COUNT_RULES:
        raise ValueError(f"count_rule {count_rule!r}: use one of {COUNT_RULES}")
    if prior.sizes != sizes:
        raise ValueError(f"sizes {sizes} differ from the prior's")
    if estimator.infers_presence and not prior.infers_presence:
        raise ValueError(
            f"{type(estimator).__name__} needs a prior with z_pres: use "
            "LearnedPrior(infers_presence=True), or FixedCountEstimator"
        )
    if early_end is None:
        return
    if steps == 1:
        raise ValueError(f"early_end {early_end}: one step cannot end early; use None")
    whole_number("early_end", early_end, 1, steps - 1)
    # The others' terms take no z_pres of an object that is not drawn.
    if not isinstance(estimator, ExactEstimator):
        raise ValueError(
            f"early_end {early_end}: needs ExactEstimator, not "
            f"{type(estimator).__name__}"
        )
