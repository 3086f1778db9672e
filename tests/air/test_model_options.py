"""Options, images and constraints that a model refuses."""

import math

import keras
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
        ({"steps": 2.5}, "steps 2.5"),
        ({"canvas_side": 1}, "canvas_side 1: use a whole number of at least 2"),
        ({"canvas_side": 12.0}, "canvas_side 12.0"),
        ({"seed": -1}, "seed -1: use a whole number from 0 to 2147483647"),
        ({"seed": 2**31}, "seed 2147483648"),
        ({"init_seed": 0.5}, "init_seed 0.5"),
        ({"decoder_noise": -0.1}, "decoder_noise -0.1: use 0 or more, finite"),
        ({"decoder_noise": math.nan}, "decoder_noise nan"),
        ({"decoder_noise": math.inf}, "decoder_noise inf"),
        ({"nonfinite_gradients": "drop"}, "nonfinite_gradients 'drop'"),
        ({"count_rule": "best"}, "count_rule 'best'"),
        ({"prior": air.FixedPrior()}, "differ from the prior's"),
        ({"prior": air.FixedPrior}, "prior <class .*: use an instance of air.Prior"),
        ({"estimator": "exact"}, "estimator 'exact': use an instance of air.Estimator"),
        ({"regulariser": abs}, "regulariser <built-in .*: use an asr.Regulariser"),
        (
            {"encoder": keras.layers.Dense(5)},
            r"encoder: of \[n, 36\] it makes \[n, 5\]",
        ),
        ({"decoder": keras.layers.Flatten()}, r"decoder: .* use \[n, 36\]"),
        ({"dtype": "float64"}, "dtype float64: not allowed for one model"),
        *(
            ({"ends": (1, end)}, f"ends {end}: use a whole number of at least 1")
            for end in (0, -1, 1.5)
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


def test_sizes_are_the_priors_unless_given():
    assert air.AIR(CANVAS, prior=air.FixedPrior(sizes=SIZES)).sizes == SIZES


class Lacking(air.ExactEstimator):
    """An estimator that forgets two terms and makes one up."""

    def terms(self, inference):
        found = super().terms(inference)
        return {"energy": found["reconstruction"], "kl_scale": found["kl_scale"]}


def test_terms_that_the_model_would_not_sum_are_refused():
    model = model_support.compiled(model_support.tiny_model(estimator=Lacking()))
    with pytest.raises(ValueError, match=r"Lacking.terms gives \['energy', 'kl_scale'"):
        model.evaluate(model_support.squares(4), verbose=0)


@pytest.mark.parametrize("shape", [(2, 7, 7), (2, CANVAS, CANVAS, 1)])
def test_images_of_another_size_are_told(shape):
    with pytest.raises(ValueError, match=rf"use \[batch, {CANVAS}, {CANVAS}\]"):
        model_support.tiny_model()(np.zeros(shape, np.uint8))


def test_a_prior_without_presence_needs_a_fixed_count():
    prior = air.LearnedPrior(infers_presence=False, sizes=SIZES)
    with pytest.raises(ValueError, match="ExactEstimator needs a prior with z_pres"):
        air.AIR(canvas_side=CANVAS, sizes=SIZES, prior=prior)
    air.AIR(CANVAS, prior=prior, sizes=SIZES, estimator=air.FixedCountEstimator())


def test_a_bad_scale_prior_is_refused():
    with pytest.raises(ValueError, match="scale prior 'free'"):
        air.LearnedPrior(scale="free", sizes=SIZES)


@pytest.mark.parametrize("name", ["loss", "nelbo", "kl_scale", "penalty"])
def test_a_constraint_may_not_take_the_name_of_a_term(name):
    """Its violation would take the term's place, even the loss's."""
    constraint = asr.Constraint(name, asr.PairOverlap())
    with pytest.raises(ValueError, match=f"constraint name '{name}'"):
        model_support.tiny_model(regulariser=asr.Regulariser([constraint]))


def test_an_unknown_edge_is_refused():
    with pytest.raises(ValueError, match="edge 'up': use one of"):
        asr.InsideCanvas("up")


def test_more_allowed_objects_than_steps_are_refused():
    model = model_support.tiny_model(regulariser=asr.number_regulariser((1, 4)))
    with pytest.raises(ValueError, match="at most 3 objects"):
        model_support.compiled(model).fit(model_support.squares(4), verbose=0)
