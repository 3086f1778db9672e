"""Options, images and constraints that a model refuses."""

import math

import model_support
import numpy as np
import pytest

import air
import asr

SIZES, CANVAS = model_support.SIZES, model_support.CANVAS


@pytest.mark.parametrize(
    "options, words",
    [
        ({"steps": 0}, "steps 0: use a whole number of at least 1"),
        ({"canvas_side": 1}, "canvas_side 1: use a whole number of at least 2"),
        ({"decoder_noise": -0.1}, "decoder_noise -0.1: use 0 or more, finite"),
        ({"decoder_noise": math.nan}, "decoder_noise nan"),
        ({"nonfinite_gradients": "drop"}, "nonfinite_gradients 'drop'"),
        ({"count_rule": "best"}, "count_rule 'best'"),
        ({"prior": air.FixedPrior()}, "differ from the prior's"),
        (
            {"prior": air.LearnedPrior(infers_presence=False, sizes=SIZES)},
            "ExactEstimator needs a prior with z_pres",
        ),
        *(
            ({"ends": (1, end)}, f"ends {end}: use a whole number of at least 1")
            for end in (0, 1.5)
        ),
        (
            {"ends": (1,), "estimator": air.FixedCountEstimator()},
            r"ends \(1,\): FixedCountEstimator takes all objects",
        ),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        prior = air.FixedPrior(sizes=SIZES)
        settings = {"canvas_side": CANVAS, "sizes": SIZES, "prior": prior}
        air.AIR(**settings | options)


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((2, 7, 7), np.uint8), rf"use \[batch, {CANVAS}, {CANVAS}\]"),
        (np.zeros((2, CANVAS, CANVAS, 1), np.uint8), r"use \[batch, "),
        (np.zeros((2, CANVAS, CANVAS), np.int32), "use uint8"),
        (np.zeros((2, CANVAS, CANVAS), np.bool_), "use uint8"),
    ],
)
def test_images_of_another_size_or_type_are_told(images, words):
    with pytest.raises(ValueError, match=words):
        model_support.tiny_model()(images)


def test_a_bad_scale_prior_is_refused():
    with pytest.raises(ValueError, match="scale prior 'free'"):
        air.LearnedPrior(scale="free", sizes=SIZES)


@pytest.mark.parametrize("name", ["loss", "nelbo", "kl_scale", "penalty"])
def test_a_constraint_may_not_take_the_name_of_a_term(name):
    """Its violation would take the term's place, even the loss's."""
    constraint = asr.Constraint(name, asr.PairOverlap())
    with pytest.raises(ValueError, match=f"constraint name '{name}'"):
        model_support.tiny_model(regulariser=asr.Regulariser([constraint]))


def test_more_allowed_objects_than_steps_are_refused():
    model = model_support.tiny_model(regulariser=asr.number_regulariser((1, 4)))
    with pytest.raises(ValueError, match="at most 3 objects"):
        model_support.compiled(model).fit(model_support.squares(4), verbose=0)
