"""Properties of the options, over every field: what is allowed, what has an effect."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.experiments.configuration import (
    Configuration,
    experiments,
    from_json,
    options,
    preset_configuration,
)
from reproduce.experiments.option import allows_none, kind, unread
from reproduce.experiments.presets import PRESETS
from reproduce.run import options as run_options

FIELDS = {field.name: field for field in options()}
PLAIN = [name for name in FIELDS if name not in ("scenes", "constraint")]


def values_of(field):
    """Allowed values of a field, by its own bounds alone."""
    about, none = field.metadata, st.none() if allows_none(field) else st.nothing()
    if about["allowed"]:
        return none | st.sampled_from(about["allowed"])
    if kind(field) is bool:
        return st.booleans()
    if kind(field) is tuple:
        numbers = st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True)
        return numbers.map(tuple)
    low, high = about["least"], about["most"]
    if kind(field) is int:
        return none | st.integers(low, min(high or 10**6, 10**6))
    return none | st.floats(low if low is not None else -9, high or 1e6)


changed = st.sampled_from(PLAIN).flatmap(
    lambda name: st.tuples(st.just(name), values_of(FIELDS[name]))
)
runs = st.tuples(st.sampled_from(experiments()), st.sampled_from(PRESETS))


def made(run, changes, **more):
    """The configuration; None if options contradict each other or have no effect."""
    try:
        return preset_configuration(*run, **dict(changes), **more)
    except UsageError as error:
        assert str(error).startswith("--") and "\n" not in str(error)
        return None


@given(runs, st.lists(changed, max_size=3), st.booleans())
def test_a_configuration_comes_back_from_json_and_from_its_own_flags(
    run, changes, smoke
):
    configuration = made(run, changes, smoke=smoke)
    if configuration is None:
        return
    assert from_json(configuration.to_json()) == configuration
    words = ["--experiment", run[0], "--preset", run[1]]
    for name, value in configuration.changed.items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no{name}")
            continue
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words.append(f"--{name}={text}")
    flags = command_line.Flags()
    run_options.define_names(flags)
    run_options.define_changes(flags)
    assert command_line._parse(flags, words) == []
    identity = {"seed": configuration.seed, "epochs": configuration.epochs}
    again = run_options.configuration_from(flags.values, run[0], **identity)
    assert again == configuration


@given(runs, st.lists(changed, max_size=3), st.lists(changed, max_size=3))
def test_two_runs_share_a_folder_only_if_they_are_the_same_run(run, first, second):
    one, other = made(run, first), made(run, second)
    if one is None or other is None:
        return
    assert (one.name == other.name) == (one == other)
    assert len(one.name.parts) == 3


@given(runs, changed)
def test_a_change_that_nothing_reads_is_refused(run, change):
    name, value = change
    base = preset_configuration(*run)
    if getattr(base, name) == value or unread(FIELDS[name], base) is None:
        return
    assert made(run, [change]) is None


@pytest.mark.parametrize("name", PLAIN)
def test_values_outside_an_options_bounds_are_refused_by_name(name):
    about, base = FIELDS[name].metadata, preset_configuration("table1/asr-13")
    bad = ["", object()]
    bad += [] if about["least"] is None else [about["least"] - 1]
    bad += [] if about["most"] is None else [about["most"] * 2 + 1]
    bad += [float("nan"), float("inf")] if kind(FIELDS[name]) is float else []
    for value in bad:
        with pytest.raises(UsageError, match=f"^--{name}: .* not allowed; allowed: "):
            dataclasses.replace(base, **{name: value})


@pytest.mark.parametrize("name", [*FIELDS])
def test_every_option_can_be_changed_in_some_run(name):
    """An option that no run reads would be dead."""
    bases = [
        preset_configuration(*run)
        for run in [(e, p) for e in experiments() for p in PRESETS]
    ]
    bases += [dataclasses.replace(bases[0], constraint="own.py:f")]
    assert any(unread(FIELDS[name], base) is None for base in bases)


def test_the_presets_differ_where_the_released_code_does():
    paper, released = (preset_configuration("table1/asr-13", p) for p in PRESETS)
    assert set(released.changed) == set(paper.changed) == set()
    differing = {
        field.name
        for field in dataclasses.fields(Configuration)
        if getattr(paper, field.name) != getattr(released, field.name)
    }
    assert differing == {
        *("preset", "learning_rate", "presence", "temperature", "stop_threshold"),
        *("sampler", "compiler", "bounds", "encoder_outputs", "nonfinite_gradients"),
        *("likelihood_floor", "number_penalty", "side_penalty", "count_rule"),
        *("reported_epoch", "test_split", "test_images", "presence_prior_lag"),
        "hidden_sees_location",
    }


def test_the_bounds_of_f6_contain_every_sprite_but_in_the_released_code():
    paper, released = (preset_configuration("table2/asr-dsprites", p) for p in PRESETS)
    assert (paper.side_minimum, paper.side_maximum) == (10, 16)
    assert (released.side_minimum, released.side_maximum) == (12, 15)


def test_a_file_of_ones_own_is_known_by_its_content_not_by_its_place(tmp_path):
    runs = []
    for place, source in (("a", "1"), ("b", "1"), ("c", "2")):
        file = tmp_path / place / "own.py"
        file.parent.mkdir()
        file.write_text(source)
        runs.append(preset_configuration("table1/air-13", constraint=f"{file}:f"))
    assert runs[0].variant == runs[1].variant != runs[2].variant
