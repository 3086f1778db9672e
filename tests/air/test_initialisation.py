"""The networks as they are built: sizes, kernels, biases, seeds."""

import math

import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
from air import shapes


def linear(inputs, outputs):
    return inputs * outputs + outputs


def head(outputs, extra=0, hidden_extra=0):
    """256 LSTM units to 64 ReLU units; either layer may read more."""
    return linear(256 + hidden_extra, 64) + linear(64 + extra, outputs)


def parameters_by_hand(
    side,
    prior,
    reads_latents=True,
    scale_sees_location=True,
    hidden_sees_location=False,
    presence=True,
):
    """From the layer sizes of the paper and the released code, written out."""
    latent = 2 + 1 + 50
    extra = 2 if scale_sees_location else 0
    hidden_extra = extra if hidden_sees_location else 0
    # A mean net and a log-variance net.
    scale_head = 2 * head(1, extra, hidden_extra)
    location_head = 2 * head(2)
    presence_head = head(1) if presence else 0
    lstm = linear(side * side + (latent if reads_latents else 0) + 256, 4 * 256)
    encoder = linear(784, 512) + linear(512, 256) + linear(256, 2 * 50)
    decoder = linear(50, 256) + linear(256, 512) + linear(512, 784)
    total = lstm + presence_head + location_head + scale_head + encoder + decoder
    if prior != "fixed":
        total += linear(latent + 256, 4 * 256) + presence_head + location_head
        total += scale_head if prior == "learned scale" else 0
    return total


@pytest.mark.parametrize(
    "prior, side, options",
    [
        ("fixed", 50, {}),
        ("fixed scale", 50, {}),
        ("learned scale", 50, {}),
        ("fixed scale", 64, {"presence": False}),
        ("learned scale", 50, {"presence": False}),
        ("fixed", 64, {"presence": False}),
        ("fixed", 50, {"reads_latents": False, "scale_sees_location": False}),
        ("learned scale", 50, {"scale_sees_location": False}),
        ("learned scale", 50, {"hidden_sees_location": True}),
        ("fixed", 50, {"hidden_sees_location": True}),
    ],
)
def test_parameter_count_equals_the_closed_form(prior, side, options):
    options = dict(options)
    expected = parameters_by_hand(side, prior, **options)
    presence = options.pop("presence", True)
    estimator = air.ExactEstimator() if presence else air.FixedCountEstimator()
    names = ("scale_sees_location", "hidden_sees_location")
    sees = {name: options[name] for name in names if name in options}
    if prior == "fixed":
        built = air.FixedPrior()
    else:
        built = air.LearnedPrior(
            scale=prior.split()[0], infers_presence=presence, **sees
        )
    model = air.AIR(side, prior=built, estimator=estimator, **options)
    found = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert found == expected
    assert len(model.non_trainable_variables) >= 1  # the iteration is one


def test_kernels_are_glorot_uniform_and_all_different():
    """An LSTM's kernel over [input, state] jointly; forget bias 1, else 0."""
    model = air.AIR(prior=air.LearnedPrior(scale="learned"))
    kernels = [v for v in model.trainable_variables if v.path.endswith("kernel")]
    biases = [v for v in model.trainable_variables if v.path.endswith("bias")]
    assert len(kernels) + len(biases) == len(model.trainable_variables)
    for kernel in kernels:
        values = kernel.numpy()
        limit = math.sqrt(6 / sum(values.shape))
        assert np.abs(values).max() <= limit
        if values.size > 1000:
            assert np.abs(values).max() > 0.98 * limit
            # A uniform's standard deviation, to five of its standard errors.
            error = 5 / math.sqrt(values.size)
            assert values.std() * math.sqrt(3) / limit == pytest.approx(1, abs=error)
    shapes = {tuple(kernel.shape) for kernel in kernels}
    assert (2500 + 53 + 256, 1024) in shapes and (53 + 256, 1024) in shapes
    first = [tuple(np.sort(kernel.numpy().ravel())[:8]) for kernel in kernels]
    assert len(set(first)) == len(kernels)
    scaled = [
        kernel.numpy().ravel()[0] * math.sqrt(sum(kernel.shape)) for kernel in kernels
    ]
    assert len(np.unique(np.round(scaled, 5))) == len(kernels)
    for bias in biases:
        values = bias.numpy()
        if len(values) == 1024:
            np.testing.assert_array_equal(values, [0] * 256 + [1] * 256 + [0] * 512)
        else:
            np.testing.assert_array_equal(values, 0)


def test_initialisation_follows_its_seed():
    one, same = model_support.tiny_model(seed=1), model_support.tiny_model(seed=1)
    other = model_support.tiny_model(seed=2)
    pinned = model_support.tiny_model(seed=2, init_seed=1)
    assert model_support.equal(
        model_support.weights(one), model_support.weights(same)
    ) and model_support.equal(model_support.weights(one), model_support.weights(pinned))
    kernels = [v.path.endswith("kernel") for v in one.recognition.trainable_variables]
    for index, is_kernel in enumerate(kernels):
        a, b = (m.recognition.trainable_variables[index].numpy() for m in (one, other))
        assert np.array_equal(a, b) != is_kernel


@pytest.mark.parametrize("bounded", [True, False])
def test_log_variances_and_box_sides_have_bounds(bounded):
    """exp(v / 2) with v within +-10; box sides of at least 0.02 of the canvas."""
    values = np.array([-30.0, -9.5, 1.0, 9.5, 30.0])
    deviation = np.exp(np.clip(values, -10, 10) / 2 if bounded else values / 2)
    found = shapes.standard_deviation(tf.constant(values), bounded)
    np.testing.assert_allclose(found, deviation, rtol=1e-6)
    size = 1 / (1 + np.exp(-values))
    found = shapes.box_size(tf.constant(values), bounded)
    np.testing.assert_allclose(found, np.maximum(size, 0.02) if bounded else size)


@pytest.mark.parametrize(
    "make", [model_support.tiny_model, model_support.released_model]
)
def test_variables_have_distinct_paths(make):
    paths = [variable.path for variable in make().variables]
    assert len(set(paths)) == len(paths)
    for part in ("recognition/scale/mean", "prior/location/mean", "decoder/network"):
        assert any(part in path for path in paths), part
