"""A saved model is the same model, and trains on as such."""

import importlib.util
import json

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from reproduce import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


@keras.saving.register_keras_serializable("tests")
def in_a_row(posterior):
    """A user's functional: the spread of the centres' heights."""
    y = posterior.centre[:, :, 1]
    return tf.reduce_max(y, axis=1) - tf.reduce_min(y, axis=1)


def own_regulariser():
    return asr.Regulariser(
        [
            *asr.number_regulariser((1, 3)).constraints,
            asr.Constraint("in_a_row", in_a_row, 0.5),
        ]
    )


def released_regulariser():
    unary = asr.number_regulariser((1, 3), 7.0, 8.0, form="unary")
    boxes = asr.overlap_regulariser(3, 5, tolerance=2.0, side_penalty="mean")
    return asr.Regulariser([*unary.constraints, *boxes.constraints])


def example(name):
    """A module of examples/."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLACED = example("placed_prior")


def placed_prior(steps):
    return PLACED.PlacedPrior(steps, sizes=model_support.SIZES)


def own_networks():
    """An encoder and a decoder of one's own, of the tiny models' sizes."""
    pixels, appearance = model_support.SIZES.window**2, model_support.SIZES.appearance
    convolution = keras.layers.Conv2D(2, 3, strides=2, activation="relu")
    shaped = keras.layers.Reshape((model_support.SIZES.window, -1, 1))
    read = [shaped, convolution, keras.layers.Flatten()]
    return {
        "encoder": keras.Sequential([*read, keras.layers.Dense(2 * appearance)]),
        "decoder": keras.layers.Dense(pixels),
    }


class DirectPrior(air.Prior):
    """A user's prior with no setting of its own: what every prior has is saved."""

    def __init__(self, sizes, name="prior"):
        super().__init__(name=name)
        self.sizes = sizes


def test_a_prior_has_the_settings_that_it_needs():
    prior = DirectPrior(model_support.SIZES, name="mine")
    prior.trainable = False
    again = DirectPrior.from_config(prior.get_config())
    assert (again.sizes, again.name, again.trainable) == (prior.sizes, "mine", False)


def test_the_example_prior_learns_and_samples_its_places():
    prior = placed_prior(3)
    prior.places.assign([[-0.5, 0.0], [0.0, 0.5], [0.5, 0.0]])
    prior.log_spreads.assign(tf.fill([3, 2], -5.0))
    model = model_support.tiny_model(prior)
    sampled = model.generate(8, seed=0, count=3, draw=False)["boxes"]
    centres = sampled[..., :2] + sampled[..., 2:] / 2
    expected = (np.tanh(prior.places.numpy()) + 1) * model.canvas_side / 2
    np.testing.assert_allclose(
        centres, np.broadcast_to(expected, centres.shape), atol=0.2
    )
    before = prior.places.numpy().copy()
    model_support.compiled(model, 1e-2)
    model.fit(model_support.squares(8), batch_size=4, verbose=0)
    assert np.all(prior.places.numpy() != before)


def test_the_example_decoder_takes_the_place_of_the_perceptron():
    model = example("convolutional_decoder").convolutional(steps=1)
    assert model.generate(2, seed=0, count=1)["images"].std() > 0
    paths = [variable.path for variable in model.decoder.trainable_variables]
    assert len(paths) == 6 and all("sequential" in path for path in paths)


def test_a_frozen_prior_stays_frozen():
    model = model_support.tiny_model()
    model.prior.trainable = False
    again = air.AIR.from_config(model.get_config())
    assert model.prior.weights and not again.prior.trainable_variables
    assert len(again.trainable_variables) == len(model.trainable_variables)


@pytest.mark.parametrize(
    "make, options",
    [
        (
            model_support.tiny_model,
            {
                "prior": air.FixedPrior(log_odds=-1.0, sizes=model_support.SIZES),
                "reads_latents": False,
                **{"decoder_noise": 0.3, "count_rule": "sampled"},
            },
        ),
        (
            model_support.tiny_model,
            {
                **{"scale": "learned", "init_seed": 4, "seed": 9},
                "estimator": air.ExactEstimator("concrete"),
                "likelihood": air.BernoulliLikelihood(1e-3),
                "regulariser": own_regulariser(),
            },
        ),
        (
            model_support.released_model,
            {
                **{"ends": (1, 2), "nonfinite_gradients": "zero"},
                "regulariser": released_regulariser(),
            },
        ),
        (model_support.tiny_model, {"estimator": air.FixedCountEstimator()}),
        (model_support.tiny_model, {"prior": placed_prior(3), "ends": (1,)}),
        (model_support.tiny_model, own_networks()),
    ],
    ids=["air", "regularised", "released", "fixed_count", "own prior", "own networks"],
)
def test_a_saved_model_is_the_same_model(tmp_path, make, options):
    model = model_support.compiled(make(**options))
    images = model_support.squares(4)
    model.fit(images, batch_size=4, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    configurations = (json.dumps(each.get_config()) for each in (model, loaded))
    assert len(set(configurations)) == 1
    assert model_support.equal(
        model_support.weights(model), model_support.weights(loaded)
    )
    assert int(loaded.iteration.numpy()) == 1
    first, second = model(images), loaded(images)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    if model.regulariser is not None:
        assert loaded.regulariser.constraints == model.regulariser.constraints
    # And it trains on as the one that was saved, its optimiser's state included.
    for each in (model, loaded):
        each.fit(images, batch_size=4, shuffle=False, verbose=0)
    assert model_support.equal(
        model_support.weights(model), model_support.weights(loaded)
    )
