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
