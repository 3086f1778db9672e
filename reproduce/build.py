"""From a configuration to a compiled model."""

import keras

import air
import asr
from reproduce.configuration import SIDE_BOUNDS


def build_model(configuration, constraints=()):
    """The compiled Keras model of a run.

    Args:
      configuration: a `Configuration`.
      constraints: further `asr.Constraint`s of one's own, added to the run's.

    Returns:
      An `air.AIR`, compiled with Adam (beta 0.9 and 0.999, epsilon 1e-8), gradients
      clipped by norm per variable, and XLA.
    """
    model = air.AIR(
        canvas_side=configuration.canvas_side,
        steps=configuration.fixed_count or configuration.steps,
        prior=_prior(configuration),
        regulariser=_with_own(_regulariser(configuration), constraints),
        estimator=_estimator(configuration),
        reads_latents=configuration.recognition_reads_latents,
        scale_sees_location=configuration.scale_sees_location,
        hidden_sees_location=configuration.hidden_sees_location,
        decoder_noise=configuration.decoder_noise,
        likelihood_floor=configuration.likelihood_floor,
        count_rule=configuration.count_rule,
        early_end=None if constraints else _early_end(configuration),
        seed=configuration.seed,
        init_seed=init_seed(configuration),
    )
    optimizer = keras.optimizers.Adam(
        configuration.learning_rate, epsilon=1e-8, clipnorm=configuration.clip_norm
    )
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=True)
    return model


def init_seed(configuration):
    """The seed of a run's initial weights."""
    given = configuration.init_seed
    return configuration.seed if given is None else given


def _prior(configuration):
    known_count = {
        "count_log_odds": configuration.fixed_count_log_odds,
        "count": configuration.counts[0],
    }
    if configuration.method == "air":
        return air.FixedPrior(**known_count)
    return air.LearnedPrior(
        scale=configuration.scale_prior,
        presence_lag=configuration.presence_prior_lag,
        infers_presence=configuration.fixed_count is None,
        scale_sees_location=configuration.scale_sees_location,
        hidden_sees_location=configuration.hidden_sees_location,
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
    return air.ExactEstimator()


def _early_end(configuration):
    """The number of objects after which training may end its loop, or None.

    Only where the regulariser makes further objects surely absent, and reads q(n)
    alone (the unary codes compare every single p_t).
    """
    most = max(configuration.counts)
    allowed = (
        configuration.early_end
        and configuration.method == "asr"
        and configuration.table == "table1"
        and configuration.fixed_count is None
        and configuration.presence == "exact"
        and configuration.number_penalty == "posterior"
    )
    return most if allowed and most < configuration.steps else None


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
    minimum, maximum = SIDE_BOUNDS[configuration.dataset]
    return asr.overlap_regulariser(
        minimum,
        maximum,
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
