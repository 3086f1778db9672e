"""Every option of a run: presets, round trips, digests, variants, refusals."""

import dataclasses
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import configuration as configurations
from reproduce import options, scene_data
from reproduce.configuration import Configuration, from_json, preset_configuration
from reproduce.errors import UsageError

ASR = "table1/asr-13"
EVERY = [(e, p) for e in configurations.experiments() for p in configurations.PRESETS]
# A value of each option that is allowed and is no preset's own.
OTHER = {
    "dataset": "multi_dsprites",
    "counts": (0, 5),
    "digits": "rendered",
    "object_scale": 0.5,
    "separation": "columns",
    "train_images": 1000,
    "test_images": 10,
    "test_split": "shuffled",
    "data_seed": 1,
    "steps": 7,
    "presence": "concrete",
    "temperature": 0.5,
    "stop_threshold": 0.5,
    "fixed_count_log_odds": 50.0,
    "presence_prior_lag": True,
    "scale_prior": "learned",
    "recognition_reads_latents": False,
    "scale_sees_location": False,
    "hidden_sees_location": True,
    "decoder_noise": 0.1,
    "likelihood_floor": "sum",
    "early_end": False,
    "batch_size": 32,
    "learning_rate": 0.01,
    "clip_norm": 2.0,
    "init_seed": 3,
    "number_penalty": "unary",
    "number_image_weight": 1.0,
    "number_marginal_weight": 1.0,
    "overlap_weight": 2.0,
    "inside_weight": 2.0,
    "side_weight": 2.0,
    "side_difference_weight": 2.0,
    "side_penalty": "mean",
    "count_rule": "sampled",
    "reported_epoch": "lowest_loss",
}
NAMING = ("experiment", "preset", "seed", "epochs")


def changes_of(name):
    """The option's other value, and what has to change with it."""
    return {name: OTHER[name]} | ({"digits": None} if name == "dataset" else {})


def names():
    return [field.name for field in dataclasses.fields(Configuration)]


def test_experiments_are_those_of_the_papers_tables():
    assert configurations.experiments() == [
        *("table1/air-13", "table1/pprior-13", "table1/asr-13"),
        *("table1/air-14", "table1/pprior-14", "table1/asr-14"),
        *("table1/air-24", "table1/pprior-24", "table1/asr-24"),
        *("table2/air-mnist", "table2/pprior-mnist", "table2/asr-mnist"),
        *("table2/air-dsprites", "table2/pprior-dsprites", "table2/asr-dsprites"),
    ]


@pytest.mark.parametrize("experiment, preset", EVERY)
def test_every_preset_is_valid_and_has_the_variant_of_its_name(experiment, preset):
    found = preset_configuration(experiment, preset)
    assert found.variant == preset and found.changed == {}
    assert f"{found.table}/{found.method}-{found.setting}" == experiment
    scene_data.scene_specification(found)  # raises if the data would refuse it
    toy = configurations.smoke(found)
    scene_data.scene_specification(toy)
    assert toy.train_images - toy.test_images >= toy.batch_size


def of(experiment, preset, *wanted):
    found = preset_configuration(experiment, preset)
    return tuple(getattr(found, name) for name in wanted)


def test_preset_paper_is_the_text():
    """Sections 6.1 and 6.2, and what the project decided where the text is silent."""
    for method in configurations.METHODS:
        for setting, counts in (("13", (1, 3)), ("14", (1, 4)), ("24", (2, 4))):
            experiment = f"table1/{method}-{setting}"
            wanted = "counts", "train_images", "test_images", "separation", "steps"
            expected = (counts, 40_000, 2_000, "ink", 6)
            assert of(experiment, "paper", *wanted) == expected
            assert of(experiment, "paper", "object_scale", "fixed_count") == (1.0, None)
        for setting, side in (("mnist", 50), ("dsprites", 64)):
            experiment = f"table2/{method}-{setting}"
            wanted = "counts", "train_images", "test_images", "separation", "steps"
            expected = ((3,), 20_000, 1_000, "boxes", 3)
            assert of(experiment, "paper", *wanted) == expected
            wanted = "object_scale", "fixed_count", "canvas_side"
            assert of(experiment, "paper", *wanted) == (0.6, 3, side)
    for experiment in configurations.experiments():
        wanted = "learning_rate", "batch_size", "epochs", "clip_norm", "presence"
        expected = (1e-3, 64, 300, 1.0, "exact")
        assert of(experiment, "paper", *wanted) == expected
        wanted = "scale_prior", "recognition_reads_latents", "scale_sees_location"
        assert of(experiment, "paper", *wanted) == ("fixed", True, True)
        wanted = "presence_prior_lag", "decoder_noise", "likelihood_floor"
        assert of(experiment, "paper", *wanted) == (False, 0.0, "maximum")
        assert of(experiment, "paper", "hidden_sees_location") == (False,)
        wanted = "number_penalty", "number_image_weight", "number_marginal_weight"
        assert of(experiment, "paper", *wanted) == ("posterior", 10.0, 100.0)
        wanted = "overlap_weight", "inside_weight", "side_weight"
        assert of(experiment, "paper", *wanted) == (1.0, 1.0, 20.0)
        wanted = "side_difference_weight", "side_penalty", "test_split"
        assert of(experiment, "paper", *wanted) == (10.0, "sum", "extra")
        wanted = "count_rule", "reported_epoch", "init_seed", "data_seed"
        assert of(experiment, "paper", *wanted) == ("greedy", "last", None, 0)
    assert configurations.SIDE_BOUNDS == {
        "multi_mnist": (11, 15),
        "multi_dsprites": (12, 15),
    }


def test_preset_released_is_the_code_of_the_authors():
    for experiment in configurations.experiments():
        is_air = "/air" in experiment
        wanted = "presence", "temperature", "stop_threshold", "learning_rate"
        expected = ("concrete", *((1.0, 0.99) if is_air else (0.1, 0.9)), 1e-4)
        assert of(experiment, "released", *wanted) == expected
        wanted = "recognition_reads_latents", "scale_sees_location", "decoder_noise"
        expected = (False, False, 0.3) if is_air else (True, True, 0.0)
        assert of(experiment, "released", *wanted) == expected
        wanted = "scale_prior", "likelihood_floor", "number_penalty", "side_penalty"
        assert of(experiment, "released", *wanted) == ("fixed", "sum", "unary", "mean")
        wanted = "count_rule", "reported_epoch", "test_split", "test_images", "steps"
        expected = ("sampled", "lowest_loss", "shuffled", 1_000, 6)
        assert of(experiment, "released", *wanted) == expected
        assert of(experiment, "released", "clip_norm", "batch_size") == (1.0, 64)
        wanted = "presence_prior_lag", "hidden_sees_location"
        assert of(experiment, "released", *wanted) == (not is_air, not is_air)
        wanted = "fixed_count", "fixed_count_log_odds"
        odds = 100.0 if "table2" in experiment else 0.0
        assert of(experiment, "released", *wanted) == (None, odds)
        if "table2" in experiment:
            assert of(experiment, "released", "separation") == ("columns",)


@pytest.mark.parametrize("experiment, preset", EVERY)
def test_json_round_trip(experiment, preset):
    found = preset_configuration(experiment, preset, seed=4, epochs=7)
    again = from_json(json.loads(json.dumps(found.to_json())))
    assert again == found and again.digest == found.digest
    assert isinstance(again.counts, tuple)


@given(
    seed=st.integers(0, configurations.LARGEST_SEED),
    counts=st.sets(st.integers(0, 6), min_size=1).map(tuple),
    learning_rate=st.floats(1e-9, 1.0),
    init_seed=st.none() | st.integers(0, configurations.LARGEST_SEED),
    lag=st.booleans(),
)
def test_json_round_trip_of_any_values(seed, counts, learning_rate, init_seed, lag):
    found = preset_configuration(
        ASR,
        seed=seed,
        counts=counts,
        learning_rate=learning_rate,
        init_seed=init_seed,
        presence_prior_lag=lag,
    )
    again = from_json(json.loads(json.dumps(found.to_json())))
    assert again == found and again.digest == found.digest


def test_digest_is_that_of_the_canonical_json():
    found = preset_configuration(ASR)
    text = json.dumps(
        {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(found).items()
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    assert found.digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_table_of_other_values_is_complete():
    assert set(OTHER) | {*NAMING, "fixed_count"} == set(names())


def test_digests_differ_whatever_option_differs():
    digests = {preset_configuration(e, p).digest for e, p in EVERY}
    assert len(digests) == len(EVERY)
    changed = [preset_configuration(ASR, **changes_of(name)) for name in OTHER]
    changed += [
        preset_configuration(ASR, seed=1),
        preset_configuration(ASR, epochs=1),
        preset_configuration(ASR, counts=(3,), fixed_count=3),
        preset_configuration(ASR),
    ]
    assert len({found.digest for found in changed}) == len(changed)


@pytest.mark.parametrize("name", OTHER)
def test_any_changed_option_is_part_of_the_variant(name):
    found = preset_configuration(ASR, **changes_of(name))
    assert found.changed == changes_of(name)
    value = "0-5" if name == "counts" else str(OTHER[name])
    more = "+digits=None" if name == "dataset" else ""
    assert found.variant == f"paper+{name}={value}{more}"
    assert not set(found.variant) & set(' /\\:*?"<>|\n')


def test_variant_ignores_the_naming_options_and_values_left_as_they_are():
    found = preset_configuration(ASR, seed=3, epochs=1, learning_rate=1e-3)
    assert found.variant == "paper"


def test_variants_of_several_changes_keep_the_options_order():
    changes = {"side_weight": 1.0, "digits": "rendered", "steps": 4}
    found = preset_configuration(ASR, **changes)
    assert found.variant == "paper+digits=rendered+steps=4+side_weight=1.0"
    other = preset_configuration(ASR, **dict(reversed(changes.items())))
    assert other.variant == found.variant and other.digest == found.digest


def test_a_variant_is_relative_to_its_preset():
    found = preset_configuration(ASR, "released", learning_rate=1e-3)
    assert found.variant == "released+learning_rate=0.001"
    assert preset_configuration(ASR, "released", presence="concrete").changed == {}


def test_smoke_changes_the_size_and_the_digits_alone():
    for experiment, preset in EVERY:
        whole = preset_configuration(experiment, preset, seed=2)
        toy = configurations.smoke(whole)
        differing = {n for n in names() if getattr(toy, n) != getattr(whole, n)}
        assert differing <= {"epochs", "digits", "train_images", "test_images"}
        assert toy.digits == (None if "dsprites" in experiment else "rendered")
        assert toy.train_images < 2_000 and toy.epochs == 2


# Refusals: one line that names the flag and what is allowed.


def refusal(experiment=ASR, preset="paper", **changes):
    with pytest.raises(UsageError) as caught:
        preset_configuration(experiment, preset, **changes)
    text = str(caught.value)
    assert "\n" not in text
    return text


BAD = {
    "seed": (-1, 0.5, True, "0", None),
    "epochs": (0, 1.5, None),
    "dataset": ("mnist", None, 1),
    "counts": ((), (1, 1), (-1, 2), (1.0,), [1, 3], 3, (True,), None),
    "digits": ("svhn",),
    "object_scale": (0.0, 1.01, math.nan, "1"),
    "separation": ("nothing",),
    "train_images": (0, 1e4),
    "steps": (0, 21, 2.0),
    "fixed_count": (0, 21),
    "presence": ("gumbel",),
    "temperature": (0.0, -1.0, math.inf),
    "fixed_count_log_odds": (math.nan, math.inf, "100"),
    "presence_prior_lag": (1, "true", None),
    "learning_rate": (0.0, 1.5, math.nan),
    "clip_norm": (0.0,),
    "init_seed": (-1, 1.5),
    "number_image_weight": (-1.0, math.inf, math.nan, None),
    "side_weight": (-0.1,),
    "count_rule": ("best",),
}


@pytest.mark.parametrize(
    "name, value", [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_refused_by_the_name_of_its_flag(name, value):
    text = refusal(**{name: value})
    assert text.startswith(f"--{name}: {value!r} is not allowed; allowed: ")
    assert len(text.split("allowed: ")[1]) > 3


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"experiment": "table3/air-13"}, "--experiment: 'table3/air-13' is unknown"),
        ({"experiment": "table1/asr-mnist"}, "allowed: table1/air-13, "),
        ({"preset": "code"}, "--preset: 'code' is unknown; allowed: paper, released"),
        ({"learning_rates": 1.0}, "option 'learning_rates' is unknown"),
        ({"counts": (1, 7)}, "--counts: (1, 7) is not allowed; at most --steps 6"),
        ({"steps": 2}, "at most --steps 2 objects"),
        ({"fixed_count": 3}, "--fixed_count: 3 is not allowed with --counts (1, 3)"),
        ({"batch_size": 64, "train_images": 63}, "--batch_size: 64 is not allowed"),
        (
            {
                "batch_size": 64,
                "train_images": 100,
                "test_images": 37,
                "test_split": "shuffled",
            },
            "at most the 63 training scenes",
        ),
    ],
)
def test_what_is_unknown_or_does_not_fit_is_refused(arguments, words):
    assert words in refusal(**arguments)


def test_a_dict_with_other_options_is_no_configuration():
    whole = preset_configuration(ASR).to_json()
    with pytest.raises(UsageError, match="'colour'"):
        from_json({**whole, "colour": "red"})
    del whole["steps"]
    with pytest.raises(UsageError, match="'steps'"):
        from_json(whole)
    with pytest.raises(UsageError):
        from_json({})


def test_every_option_says_what_it_is_and_what_it_allows():
    for field in dataclasses.fields(Configuration):
        if field.name in ("experiment", "preset"):
            continue
        assert 3 < len(field.metadata["text"]) < 90
        assert options.kind(field) in (int, float, str, bool, tuple)
