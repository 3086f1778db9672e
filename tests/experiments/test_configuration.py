"""Properties of the options, over every field: what is allowed, what has an effect."""

import dataclasses

import absl.flags
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import objects, render_sprites
from reproduce.errors import UsageError
from reproduce.experiments.configuration import (
    FILES,
    define,
    define_changes,
    experiments,
    from_flags,
    from_json,
    options,
    preset_configuration,
    unread,
)
from reproduce.experiments.presets import PRESETS
from reproduce.flags import Flags
from reproduce.launch import option_words

FIELDS = {field.name: field for field in options()}
PLAIN = [name for name in FIELDS if name not in FILES]


def values_of(field):
    """Allowed values of a field, by its flag's own bounds alone."""
    parser = field.metadata["parser"]
    if isinstance(parser, absl.flags.BooleanParser):
        return st.booleans()
    if parser.several:
        numbers = st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True)
        return numbers.map(tuple)
    item, none = parser.item, st.none() if parser.optional else st.nothing()
    if isinstance(item, absl.flags.EnumParser):
        return none | st.sampled_from(item.enum_values)
    low, high = item.lower_bound, item.upper_bound
    if isinstance(item, absl.flags.FloatParser):
        return none | st.floats(-9 if low is None else low, high or 1e6)
    return none | st.integers(low, min(high or 10**6, 10**6))


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
        words += option_words(name, value)
    flags = Flags()
    define(flags)
    define_changes(flags)
    assert flags.parse(words) == []
    identity = {"seed": configuration.seed, "epochs": configuration.epochs}
    assert from_flags(flags.values, **identity) == configuration


@given(runs, st.lists(changed, max_size=3), st.lists(changed, max_size=3))
def test_two_runs_share_a_folder_only_if_they_are_the_same_run(run, first, second):
    one, other = made(run, first), made(run, second)
    if one is None or other is None:
        return
    assert (one.name == other.name) == (one == other)
    assert len(one.name.parts) == 3


def test_a_number_names_the_same_run_however_it_is_written():
    options = {"table1/asr-13": {"counts": [1, 4]}, "table2/asr-mnist": {"bounds": 0}}
    for experiment, change in options.items():
        (name, value), weight = *change.items(), {"clip_norm": 5}
        given = preset_configuration(experiment, **change, **weight)
        kind = type(getattr(preset_configuration(experiment), name))
        meant = preset_configuration(experiment, **{name: kind(value)}, clip_norm=5.0)
        assert given == meant and given.name == meant.name


@given(runs, changed)
def test_a_change_that_nothing_reads_is_refused(run, change):
    name, value = change
    base = preset_configuration(*run)
    if getattr(base, name) == value or unread(FIELDS[name], base) is None:
        return
    assert made(run, [change]) is None


@pytest.mark.parametrize("name", PLAIN)
def test_values_outside_an_options_bounds_are_refused_by_name(name):
    item = getattr(FIELDS[name].metadata["parser"], "item", None)
    low, high = (getattr(item, f"{end}_bound", None) for end in ("lower", "upper"))
    bad = ["", object(), float("nan"), float("inf")]
    bad += [] if low is None else [low - 1]
    bad += [] if high is None else [high * 2 + 1]
    for value in bad:
        with pytest.raises(UsageError, match=f"^--{name}: .* not allowed; allowed: "):
            changes = {name: value}
            dataclasses.replace(preset_configuration("table1/asr-13"), **changes)


def test_f6_is_bounded_by_the_sprites_own_sides_and_otherwise_in_the_released_code():
    paper, released = (preset_configuration("table2/asr-dsprites", p) for p in PRESETS)
    crops = objects.crop_to_ink(render_sprites().images * np.uint8(255))
    sides = objects.scale_crops(crops, paper.object_scale).sides
    assert (paper.side_minimum, paper.side_maximum) == (sides.min(), sides.max())
    assert (released.side_minimum, released.side_maximum) == (12, 15)
    assert (paper.side_penalty, released.side_penalty) == ("sum", "mean")


def test_a_file_of_ones_own_is_known_by_its_content_not_by_its_place(tmp_path):
    runs = []
    for place, source in (("a", "1"), ("b", "1"), ("c", "2")):
        file = tmp_path / place / "own.py"
        file.parent.mkdir()
        file.write_text(source)
        runs.append(preset_configuration("table1/air-13", constraint=f"{file}:f"))
    assert runs[0].variant == runs[1].variant != runs[2].variant
