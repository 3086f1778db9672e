"""From a configuration to a compiled model."""

import contextlib

import keras

import air
import asr


def build_model(configuration, constraints=()):
    """The compiled Keras model of a run.

    Args:
      configuration: a `Configuration`.
      constraints: further `asr.Constraint`s of one's own, added to the run's.

    Returns:
      An `air.AIR`, compiled with Adam (beta 0.9 and 0.999, epsilon 1e-8), gradients
      clipped by norm per variable.
    """
    if configuration.precision == "float32":
        model = _model(configuration, constraints)
    else:
        # Initial weights are drawn in single precision, so that both have the same.
        drawn = _model(configuration, constraints).get_weights()
        with _precision(configuration.precision):
            model = _model(configuration, constraints)
            model.set_weights(drawn)
    optimizer = keras.optimizers.Adam(
        configuration.learning_rate, epsilon=1e-8, clipnorm=configuration.clip_norm
    )
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=configuration.compiler == "xla")
    return model


@contextlib.contextmanager
def _precision(name):
    """Keras's types within a `with`."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def _model(configuration, constraints):
    """The model of a run, not yet compiled."""
    likelihoods = {
        "maximum": air.BernoulliLikelihood,
        "sum": air.ReleasedLikelihood,
    }
    samplers = {"hat": air.HatSampler, "clipped_corners": air.ClippedCornersSampler}
    sizes = _sizes(configuration)
    return air.AIR(
        canvas_side=configuration.canvas_side,
        steps=configuration.fixed_count or configuration.steps,
        prior=_prior(configuration, sizes),
        regulariser=_with_own(_regulariser(configuration), constraints),
        estimator=_estimator(configuration),
        sampler=samplers[configuration.sampler](),
        likelihood=likelihoods[configuration.likelihood_floor](
            configuration.training_floor
        ),
        reads_latents=configuration.recognition_reads_latents,
        scale_sees_location=configuration.scale_sees_location,
        hidden_sees_location=configuration.hidden_sees_location,
        decoder_noise=configuration.decoder_noise,
        count_rule=configuration.count_rule,
        sizes=sizes,
        ends=_ends(configuration),
        nonfinite_gradients={"stop": "keep", "zero": "zero"}[
            configuration.nonfinite_gradients
        ],
        seed=configuration.seed,
        init_seed=init_seed(configuration),
    )


def _sizes(configuration):
    return air.Sizes(
        bounded=configuration.bounds,
        joint_encoder_output=configuration.encoder_outputs == "joint",
    )


def init_seed(configuration):
    """The seed of a run's initial weights."""
    given = configuration.init_seed
    return configuration.seed if given is None else given


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

    Under XLA every one of them costs time to compile, so that they are the largest
    number of objects in the data and the next.
    """
    if not configuration.early_end or configuration.fixed_count is not None:
        return ()
    steps, most = configuration.steps, max(configuration.counts)
    ends = range(1, steps) if configuration.compiler == "none" else (most, most + 1)
    return tuple(end for end in ends if 0 < end < steps)


def _regulariser(configuration):
    """Table 1 regularises the number of objects, Table 2 their boxes."""
    if configuration.method != "asr":
        return None
    if configuration.table == "table1":
        return asr.number_regulariser(
            configuration.counts,
            configuration.number_image_weight,
            configuration.number_marginal_weight,
            configuration.number_penalty,
        )
    return asr.overlap_regulariser(
        configuration.side_minimum,
        configuration.side_maximum,
        overlap_weight=configuration.overlap_weight,
        inside_weight=configuration.inside_weight,
        side_weight=configuration.side_weight,
        side_difference_weight=configuration.side_difference_weight,
        side_penalty=configuration.side_penalty,
    )


def _with_own(regulariser, constraints):
    """The regulariser with further constraints; None if there is nothing in it."""
    if not constraints:
        return regulariser
    own = () if regulariser is None else regulariser.constraints
    return asr.Regulariser([*own, *constraints])
