"""From a configuration to a model."""

import pytest

import asr
from reproduce import build
from reproduce.configuration import preset_configuration


@pytest.mark.parametrize(
    "experiment, preset, classes",
    [
        ("table1/air-13", "paper", ("FixedPrior", "ExactEstimator")),
        ("table1/pprior-13", "paper", ("LearnedPrior", "ExactEstimator")),
        ("table1/asr-24", "released", ("LearnedPrior", "ConcreteEstimator")),
        ("table2/air-mnist", "paper", ("FixedPrior", "FixedCountEstimator")),
        ("table2/asr-dsprites", "paper", ("LearnedPrior", "FixedCountEstimator")),
        ("table2/asr-mnist", "released", ("LearnedPrior", "ConcreteEstimator")),
    ],
)
def test_a_model_is_built_as_its_options_say(experiment, preset, classes):
    configuration = preset_configuration(experiment, preset, seed=5)
    model = build.build_model(configuration)
    assert (type(model.prior).__name__, type(model.estimator).__name__) == classes
    assert model.canvas_side == (64 if "dsprites" in experiment else 50)
    fixed = configuration.fixed_count
    assert model.steps == (3 if fixed else 6)
    assert (model.seed, model.init_seed) == (5, 5)
    optimizer = model.optimizer
    rate = 1e-3 if preset == "paper" else 1e-4
    assert float(optimizer.learning_rate) == pytest.approx(rate)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)
    assert (optimizer.epsilon, optimizer.clipnorm) == (1e-8, 1.0)
    assert model.jit_compile is True
    if "asr" in experiment:
        first = model.regulariser.constraints[0].functional
        number = asr.UnaryAllowedCount((2, 4)) if preset == "released" else None
        assert first == (number if "table1" in experiment else asr.PairOverlap())
        bounds = {c.name: c.functional for c in model.regulariser.constraints}
        if "side_bounds" in bounds:
            smallest = 12.0 if "dsprites" in experiment else 11.0
            expected = asr.BoundedSide(smallest, 15.0, preset == "released")
            assert bounds["side_bounds"] == expected
    else:
        assert model.regulariser is None


def weights(experiment):
    model = build.build_model(preset_configuration(experiment))
    return {c.name: c.weight for c in model.regulariser.constraints}


def test_the_weights_are_those_of_sections_6_1_and_6_2():
    number, overlap = weights("table1/asr-13"), weights("table2/asr-mnist")
    assert number == {"allowed_count": 10.0, "marginal_count": 100.0}
    edges = {f"outside_{edge}": 1.0 for edge in ("left", "right", "top", "bottom")}
    expected = {"pair_overlap": 1.0, "side_bounds": 20.0, "side_difference": 10.0}
    assert overlap == {**edges, **expected}


@pytest.mark.parametrize("table, setting", [("table1", "13"), ("table2", "mnist")])
@pytest.mark.parametrize("method", ["air", "asr"])
def test_released_options_reach_the_model(table, setting, method):
    experiment = f"{table}/{method}-{setting}"
    model = build.build_model(preset_configuration(experiment, "released"))
    estimator, prior, recognition = model.estimator, model.prior, model.recognition
    assert (model.likelihood_floor, model.count_rule) == ("sum", "sampled")
    known = table == "table2"
    assert prior.count_log_odds == (100.0 if known else 0.0)
    if known:
        assert prior.count == 3
    relaxation = (estimator.temperature, estimator.stop_threshold)
    seen = (recognition.reads_latents, recognition.scale_sees_location)
    if method == "air":
        assert relaxation == (1.0, 0.99) and seen == (False, False)
        assert model.decoder.logit_noise == 0.3
    else:
        assert relaxation == (0.1, 0.9) and seen == (True, True)
        assert model.decoder.logit_noise == 0
        assert recognition.hidden_sees_location
        assert prior.presence_lag and prior.scale is None
