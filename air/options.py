"""What `air.AIR` refuses: options that would fail later."""

import math
import operator

import keras

COUNT_RULES = ("greedy", "sampled")
NONFINITE_GRADIENTS = ("keep", "zero")
PRECISIONS = ("float32", "float64")
LARGEST_SEED = 2**31 - 1  # seeds are int32


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


def check_seed(name, value):
    """A seed as an int; ValueError if it is no whole number of int32, at least 0."""
    return whole_number(name, value, 0, LARGEST_SEED)


def check_compiled(model):
    """Refuses what a Keras step of AIR has no meaning for.

    Raises:
      ValueError: if `compile` was given losses or metrics, since AIR has an objective
        of its own, or if there are several replicas: noise, constraints over the batch
        and the sum of gradients are those of one.
    """
    if model.distribute_strategy.num_replicas_in_sync > 1:
        raise ValueError("tf.distribute: not supported; AIR trains on one device")
    if model._compile_loss is not None or model._compile_metrics is not None:
        raise ValueError(
            "compile(loss=, metrics=): not allowed; AIR has an objective of its own, "
            "and logs its parts"
        )


def check_precision(policy):
    """Refuses a model's dtype policy in which its parts do not compute.

    Raises:
      ValueError: unless it is Keras's own policy, and float32 or float64 throughout.
    """
    if not policy.compute_dtype == policy.variable_dtype in PRECISIONS:
        raise ValueError(
            f"dtype policy {policy.name}: AIR computes in float32 or float64; call "
            'keras.config.set_dtype_policy("float32")'
        )
    if policy.name != keras.config.dtype_policy().name:
        raise ValueError(
            f"dtype {policy.name}: not allowed for one model; call "
            f'keras.config.set_dtype_policy("{policy.name}")'
        )


def check_options(
    *,
    canvas_side,
    steps,
    parts,
    regulariser,
    decoder_noise,
    count_rule,
    sizes,
    ends,
    nonfinite_gradients,
    seed,
    init_seed,
):
    """Refuses options of `air.AIR` that are not as its constructor says.

    Args:
      parts: what can be swapped, a dict from its name to the object and its base class.
      The others: the constructor's arguments, with their defaults filled in.

    Raises:
      ValueError: one line that names the option.
    """
    whole_number("canvas_side", canvas_side, 2)
    whole_number("steps", steps, 1)
    check_seed("seed", seed)
    if init_seed is not None:
        check_seed("init_seed", init_seed)
    if not 0 <= decoder_noise < math.inf:
        raise ValueError(f"decoder_noise {decoder_noise}: use 0 or more, finite")
    for name, value, allowed in (
        ("count_rule", count_rule, COUNT_RULES),
        ("nonfinite_gradients", nonfinite_gradients, NONFINITE_GRADIENTS),
    ):
        if value not in allowed:
            raise ValueError(f"{name} {value!r}: use one of {allowed}")
    for name, (part, base) in parts.items():
        if not isinstance(part, base):
            raise ValueError(f"{name} {part!r}: use an instance of air.{base.__name__}")
    if regulariser is not None and not hasattr(regulariser, "names"):
        raise ValueError(f"regulariser {regulariser!r}: use an asr.Regulariser")
    prior, estimator = parts["prior"][0], parts["estimator"][0]
    if prior.sizes != sizes:
        raise ValueError(f"sizes {sizes} differ from the prior's; leave them out")
    if estimator.infers_presence and not prior.infers_presence:
        raise ValueError(
            f"{type(estimator).__name__} needs a prior with z_pres: use "
            "LearnedPrior(infers_presence=True), or FixedCountEstimator"
        )
    for end in ends:
        whole_number("ends", end, 1)
    if ends and not estimator.infers_presence:
        raise ValueError(
            f"ends {tuple(ends)}: {type(estimator).__name__} takes all objects; use ()"
        )
