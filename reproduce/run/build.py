"""From a configuration to a compiled model: the one place that builds `air.AIR`."""

import contextlib
import functools
import importlib.util
import sys

import keras
import tensorflow as tf

import air
import asr
from reproduce import REPOSITORY
from reproduce.errors import UsageError

_LIKELIHOODS = {"maximum": air.BernoulliLikelihood, "sum": air.ReleasedLikelihood}
_SAMPLERS = {"hat": air.HatSampler, "clipped_corners": air.ClippedCornersSampler}
_TRIAL_BATCH = 23  # images to try a constraint on; no other axis has this length


def build_model(configuration, canvas_side=None):
    """The compiled Keras model of a run.

    Args:
      configuration: a `Configuration`.
      canvas_side: side in pixels of scenes of your own; None for the dataset's.

    Returns:
      An `air.AIR`, compiled with Adam (beta 0.9 and 0.999, epsilon 1e-8) and gradients
      clipped by norm per variable.

    Raises:
      UsageError: if --model names no function that makes a model, or --constraint none
        that can be a constraint.
    """
    model = _model(configuration, canvas_side)
    if configuration.precision != keras.config.floatx():
        # Initial weights are drawn in single precision, to be the same in both.
        weights = model.get_weights()
        with precision(configuration.precision):
            model = _model(configuration, canvas_side)
            model.set_weights(weights)
    optimizer = keras.optimizers.Adam(
        configuration.learning_rate, epsilon=1e-8, clipnorm=configuration.clip_norm
    )
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=configuration.compiler == "xla")
    if configuration.constraint is not None:
        _try_constraint(model, configuration)
    return model


@contextlib.contextmanager
def precision(name):
    """Sets Keras's floating-point types within a `with` statement."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def _model(configuration, canvas_side):
    """The model of a run, not yet compiled."""
    own = configuration.model
    try:
        arguments = _arguments(configuration, canvas_side)
        if own is None:
            return air.AIR(**arguments)
    except ValueError as error:
        if configuration.constraint is None:
            raise
        raise UsageError(f"--constraint: {error}") from None  # its name is taken
    make = _load("model", own)
    keras.utils.set_random_seed(init_seed(configuration))  # for Keras's own layers
    try:
        model = make(**arguments)
    except Exception as error:  # a user's function may raise anything
        raise UsageError(f"--model: {own}: {_message(error)}") from None
    if not isinstance(model, air.AIR):
        raise UsageError(f"--model: {own} returns {type(model).__name__}, no air.AIR")
    return model


def _arguments(configuration, canvas_side):
    """The arguments of `air.AIR` that the options of a run make, a dict."""
    sizes = air.Sizes(
        bounded=configuration.bounds,
        joint_encoder_output=configuration.encoder_outputs == "joint",
    )
    likelihood = _LIKELIHOODS[configuration.likelihood_floor]
    zeroed = configuration.nonfinite_gradients == "zero"
    return {
        "canvas_side": canvas_side or configuration.canvas_side,
        "steps": configuration.fixed_count or configuration.steps,
        "prior": _prior(configuration, sizes),
        "regulariser": _regulariser(configuration),
        "estimator": _estimator(configuration),
        "sampler": _SAMPLERS[configuration.sampler](),
        "likelihood": likelihood(configuration.training_floor),
        "reads_latents": configuration.recognition_reads_latents,
        "scale_sees_location": configuration.scale_sees_location,
        "hidden_sees_location": configuration.hidden_sees_location,
        "decoder_noise": configuration.decoder_noise,
        "count_rule": configuration.count_rule,
        "sizes": sizes,
        "ends": _ends(configuration),
        "nonfinite_gradients": "zero" if zeroed else "keep",
        "seed": configuration.seed,
        "init_seed": init_seed(configuration),
    }


def init_seed(configuration):
    """The seed of a run's initial weights."""
    init_seed = configuration.init_seed
    return configuration.seed if init_seed is None else init_seed


def _prior(configuration, sizes):
    known_count = {
        "count_log_odds": configuration.fixed_count_log_odds,
        "count": configuration.counts[0],
    }
    if configuration.method == "air":
        return air.FixedPrior(sizes=sizes, **known_count)
    return air.LearnedPrior(
        scale=configuration.scale_prior,
        presence_lag=configuration.presence_prior_lag,
        infers_presence=configuration.fixed_count is None,
        scale_sees_location=configuration.scale_sees_location,
        hidden_sees_location=configuration.hidden_sees_location,
        sizes=sizes,
        seed=init_seed(configuration),
        **known_count,
    )


def _estimator(configuration):
    if configuration.fixed_count is not None:
        return air.FixedCountEstimator()
    if configuration.presence == "concrete":
        return air.ConcreteEstimator(
            configuration.temperature, configuration.stop_threshold
        )
    return air.ExactEstimator(configuration.presence_slope)


def _ends(configuration):
    """The counts at which the loop over the objects may end.

    Under XLA each costs three seconds of compilation, so there is only one, the largest
    number of objects in the data: batches hardly ever end after more.
    """
    if not (configuration.early_end and configuration.reads("early_end")):
        return ()
    steps, most = configuration.steps, max(configuration.counts)
    ends = range(1, steps) if configuration.compiler == "none" else (most,)
    return tuple(end for end in ends if 0 < end < steps)


def _regulariser(configuration):
    """Regularises the number of objects in Table 1, their boxes in Table 2."""
    constraints = []
    if configuration.reads("number_penalty"):
        constraints += asr.number_regulariser(
            configuration.counts,
            configuration.number_image_weight,
            configuration.number_marginal_weight,
            configuration.number_penalty,
        ).constraints
    if configuration.reads("overlap_weight"):
        constraints += asr.overlap_regulariser(
            configuration.side_minimum,
            configuration.side_maximum,
            overlap_weight=configuration.overlap_weight,
            inside_weight=configuration.inside_weight,
            side_weight=configuration.side_weight,
            side_difference_weight=configuration.side_difference_weight,
            side_penalty=configuration.side_penalty,
        ).constraints
    if configuration.constraint is not None:
        constraints.append(_own_constraint(configuration))
    return asr.Regulariser(constraints) if constraints else None


def _own_constraint(configuration):
    """The `asr.Constraint` of --constraint, called as the function is."""
    own, weight = configuration.constraint, configuration.constraint_weight
    return asr.Constraint(own.rpartition(":")[2], _load("constraint", own), weight)


def _load(option, value):
    """The function that an option of one's own names as "FILE.py:NAME"."""
    file, _, name = value.rpartition(":")
    try:
        function = getattr(_module(REPOSITORY / file), name, None)
    except Exception as error:  # a user's module may raise anything
        raise UsageError(f"--{option}: {file}: {_message(error)}") from None
    if not callable(function):
        raise UsageError(f"--{option}: {file} has no function {name}")
    return function


@functools.cache  # executed once: classes may be registered for Keras's saving
def _module(file):
    """The module of a user's file, a path."""
    name = f"own_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _try_constraint(model, configuration):
    """Calls a user's constraint and its gradient once, to report errors early."""
    own, side = configuration.constraint, model.canvas_side
    alone = asr.Regulariser([_own_constraint(configuration)])
    images = tf.zeros([_TRIAL_BATCH, side, side], model.compute_dtype)
    noise = model.evaluation_noise(images)
    latents, inference, _ = model.infer(images, noise, model.iteration)
    posterior = model.posterior(latents, inference, model.steps)
    given = {
        n: field for n, field in posterior._asdict().items() if tf.is_tensor(field)
    }

    @tf.function(autograph=False)  # as in training, where values are not known
    def gradients(fields):
        with tf.GradientTape() as tape:
            tape.watch(fields)
            penalty, _ = alone(posterior._replace(**fields))
        return tape.gradient(penalty, fields)

    try:
        found = gradients(given)
    except Exception as error:  # a user's function may raise anything
        raise UsageError(f"--constraint: {own}: {_message(error)}") from None
    known = {name: gradient for name, gradient in found.items() if gradient is not None}
    faults = [
        f"its gradient with respect to {name} is not finite"
        for name, gradient in known.items()
        if not tf.reduce_all(tf.math.is_finite(gradient))
    ]
    if not known:
        faults.append("it has no gradient; --constraint_weight 0 only logs its value")
    if configuration.constraint_weight and faults:
        raise UsageError(f"--constraint: {own}: {faults[0]}")


def _message(error):
    if isinstance(error, asr.ConstraintError):
        return str(error)
    return f"{type(error).__name__}: {error}"
