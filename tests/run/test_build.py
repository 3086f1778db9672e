"""What a run's options make of its model, its optimiser and its compilation."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import air
from reproduce import REPOSITORY
from reproduce.errors import UsageError
from reproduce.experiments.configuration import options, preset_configuration
from reproduce.experiments.presets import PRESETS
from reproduce.run import build

pytestmark = pytest.mark.usefixtures("tiny_networks")
CELLS = ("table1/asr-13", "table2/asr-mnist")
RUNS = [(cell, preset) for cell in CELLS for preset in PRESETS]  # read every option
NOT_THE_MODELS = {
    *("epochs", "scenes", "digits", "object_scale", "separation", "train_images"),
    *("test_images", "test_split", "data_seed", "batch_size", "reported_epoch"),
}
FIELDS = {f.name: f for f in options() if f.name not in NOT_THE_MODELS}
OWN = {"constraint": f"{REPOSITORY}/examples/left_to_right.py:left_to_right"}
PARTS = f"{REPOSITORY}/tests/own_parts.py"
# Where the change is more than that of the option alone: from what to what.
CHANGES = {
    "dataset": ({}, {"dataset": "multi_dsprites", "digits": None}),
    "counts": ({}, {"counts": (1, 2)}),
    "fixed_count": ({}, {"fixed_count": 2, "counts": (2,)}),
    "model": ({}, {"model": f"{PARTS}:shallow"}),
    "constraint": ({}, OWN),
    "constraint_weight": (OWN, OWN | {"constraint_weight": 2.0}),
}
CALLED = {  # what the model calls an option, where that is another name
    "dataset": "canvas_side",
    "counts": "allowed_count/functional/config/allowed/1",
    "fixed_count": "model/steps",
    "presence": "estimator/class_name",
    "presence_slope": "estimator/config/slope",
    "fixed_count_log_odds": "prior/config/count_log_odds",
    "presence_prior_lag": "prior/config/presence_lag",
    "scale_prior": "prior/config/scale",
    "recognition_reads_latents": "reads_latents",
    "sampler": "sampler/class_name",
    "bounds": "model/sizes/bounded",
    "encoder_outputs": "model/sizes/joint_encoder_output",
    "likelihood_floor": "likelihood/class_name",
    "training_floor": "likelihood/config",
    "clip_norm": "optimizer/clipnorm",
    "early_end": "model/ends",
    "compiler": "jit_compile",
    "precision": "dtype",
    "number_penalty": "marginal_count/functional/class_name",
    "number_image_weight": "allowed_count/weight",
    "number_marginal_weight": "marginal_count/weight",
    "overlap_weight": "pair_overlap/weight",
    "inside_weight": "outside_bottom/weight",
    "side_weight": "side_bounds/weight",
    "side_difference_weight": "side_difference/weight",
    "side_penalty": "side_bounds/functional/config/every_step",
    "side_minimum": "side_bounds/functional/config/minimum",
    "side_maximum": "side_bounds/functional/config/maximum",
    "model": "model/decoder",
    "constraint": "left_to_right/functional",
    "constraint_weight": "left_to_right/weight",
}


def other(field, value):
    """Another value of an option, perhaps one that is not allowed."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        values = field.metadata["parser"].item.enum_values
        return values[values.index(value) - 1]
    return 1.1 * value or 0.1 if isinstance(value, float) else (value or 0) + 1


def before_and_after(name):
    """Two configurations apart in an option that both of them read."""
    for run in RUNS:
        changes = CHANGES.get(name)
        if changes is None:
            value = getattr(preset_configuration(*run), name)
            changes = {}, {name: other(FIELDS[name], value)}
        try:
            pair = [preset_configuration(*run, **change) for change in changes]
        except UsageError:
            continue
        if all(each.reads(name) for each in pair):
            return pair
    raise AssertionError(f"no run reads {name}")


def leaves(tree, path):
    """The plain values in a nested configuration, by their paths."""
    if isinstance(tree, list | tuple):
        tree = {e["name"] if isinstance(e, dict) else i: e for i, e in enumerate(tree)}
    if not isinstance(tree, dict):
        return {path: tree}
    found = {}
    for key, value in tree.items():
        found |= leaves(value, f"{path}/{key}")
    return found


@functools.cache
def built(configuration):
    """The configurations of a run's model and optimiser, and how they compute."""
    model = build.build_model(configuration)
    return {
        **leaves(model.get_config(), "model"),
        **leaves(model.optimizer.get_config(), "optimizer"),
        **{"jit_compile": model.jit_compile, "dtype": model.compute_dtype},
    }


@pytest.mark.parametrize("name", FIELDS)
def test_an_option_changes_what_the_model_calls_by_its_name(name, monkeypatch):
    """By this very name: two weights that are exchanged change the model as well."""
    monkeypatch.setattr(build, "_TRIAL_BATCH", 2)
    before, after = (built(each) for each in before_and_after(name))
    changed = {path for path, _ in before.items() ^ after.items()}
    named = {p for p in before | after if f"/{CALLED.get(name, name)}/" in f"/{p}/"}
    assert named and named <= changed, changed


NUMBER = {"allowed_count": 10, "marginal_count": 100}
EDGES = {f"outside_{edge}": 1 for edge in ("left", "right", "top", "bottom")}
OVERLAP = {"pair_overlap": 1, **EDGES, "side_bounds": 20, "side_difference": 10}
CONCRETE = {"temperature": 0.1, "stop_threshold": 0.9}


@pytest.mark.parametrize(
    ("run", "weights", "estimator", "settings", "known", "loop"),
    [
        (RUNS[0], NUMBER, air.ExactEstimator, {"slope": "floored"}, (1, 0), (6, (3,))),
        (RUNS[1], NUMBER, air.ConcreteEstimator, CONCRETE, (1, 0), (6, range(1, 6))),
        (RUNS[2], OVERLAP, air.FixedCountEstimator, {}, (3, 0), (3, ())),
        (RUNS[3], OVERLAP, air.ConcreteEstimator, CONCRETE, (3, 100), (6, range(1, 6))),
    ],
)
def test_the_methods_models_are_the_papers(
    run, weights, estimator, settings, known, loop
):
    """Known: the count, and the prior's log-odds of it; loop: its steps and ends."""
    model = build.build_model(preset_configuration(*run))
    constraints = model.regulariser.constraints
    assert {each.name: each.weight for each in constraints} == weights
    assert type(model.estimator) is estimator
    assert model.estimator.get_config() == settings
    assert (model.prior.count, model.prior.count_log_odds) == known
    assert (model.steps, model.ends) == (loop[0], tuple(loop[1]))
    optimizer = model.optimizer.get_config()
    rate = 1e-3 if run[1] == "paper" else 1e-4
    assert optimizer["learning_rate"] == pytest.approx(rate)
    assert optimizer["clipnorm"] == 1
    assert model.jit_compile == (run[1] == "paper")


@pytest.mark.parametrize(
    ("option", "name", "told"),
    [
        ("model", "nothing", "own_parts.py:nothing returns NoneType, no air.AIR"),
        ("model", "apart", "own_parts.py:apart: TypeError: "),
        ("model", "absent", "own_parts.py has no function absent"),
        ("constraint", "nelbo", "constraint name 'nelbo' is not allowed"),
        ("constraint", "of_values", "has no attribute 'numpy'"),
        ("constraint", "infinite_slope", "with respect to centre is not finite"),
        ("constraint", "counted", "it has no gradient"),
    ],
)
def test_faulty_parts_of_ones_own_get_one_line(option, name, told, monkeypatch):
    monkeypatch.setattr(build, "_TRIAL_BATCH", 2)
    run = preset_configuration(CELLS[1], **{option: f"{PARTS}:{name}"})
    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(False)
    try:
        with pytest.raises(UsageError) as error:
            build.build_model(run)
    finally:
        tf.config.run_functions_eagerly(eager)
    assert str(error.value).startswith(f"--{option}: ") and told in str(error.value)


def test_a_functional_with_settings_is_a_constraint_and_weight_zero_only_logs(
    monkeypatch,
):
    monkeypatch.setattr(build, "_TRIAL_BATCH", 2)
    for name, weight in (("apart", 1.0), ("counted", 0.0)):
        given = {"constraint": f"{PARTS}:{name}", "constraint_weight": weight}
        model = build.build_model(preset_configuration(CELLS[1], **given))
        assert model.regulariser.names[-1] == name


def test_a_model_of_ones_own_starts_from_the_runs_seed():
    first, again, other = (
        build.build_model(
            preset_configuration(CELLS[1], model=f"{PARTS}:shallow", seed=seed)
        ).decoder.get_weights()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first[0], again[0])
    assert np.abs(first[0] - other[0]).max() > 0.01


def test_double_precision_starts_from_the_weights_of_single_precision():
    single, double = (
        build.build_model(preset_configuration(CELLS[0], precision=name))
        for name in ("float32", "float64")
    )
    for ours, theirs in zip(single.weights, double.weights, strict=True):
        kinds = ours.dtype, theirs.dtype
        assert kinds in (("float32", "float64"), ("int64", "int64"))
        np.testing.assert_array_equal(ours, theirs)
