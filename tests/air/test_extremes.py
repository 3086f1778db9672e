"""Extreme values, in the training's own float32: no NaN, no crash, invariants hold."""

import model_support
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import air
import asr
from air import shapes

BATCH, STEPS = 2, 3
HUGE = float(np.float32(1e30))
# Ordinary values, and those at which exponentials and squares of float32 break.
EXTREME = st.one_of(
    st.floats(-3, 3, width=32),
    st.floats(-HUGE, HUGE, width=32),
    st.sampled_from([0.0, -0.0, 17.0, -17.0, 88.8, -88.8, 104.0, -104.0, HUGE, -HUGE]),
)


def extreme(*shape):
    return arrays.arrays(np.float32, shape, elements=EXTREME)


def finite(*tensors):
    return all(np.isfinite(tensor.numpy()).all() for tensor in tensors)


@pytest.fixture(scope="module")
def model():
    return model_support.tiny_model(steps=STEPS)


# Geometry.


@settings(max_examples=40)
@given(extreme(BATCH, 2), extreme(BATCH, 1), st.integers(2, 200))
def test_boxes_lie_about_the_canvas(location, scale, side):
    boxes = shapes.pixel_boxes(tf.constant(location), tf.constant(scale), side)
    assert finite(boxes)
    x, y, width, height = boxes.numpy().T
    assert np.all(width == height)
    assert np.all((shapes.SMALLEST_SIZE * side * 0.999 <= width) & (width <= side))
    for corner, length in ((x, width), (y, height)):  # the centre is on the canvas
        centre = corner + length / 2
        assert np.all((-1e-3 * side <= centre) & (centre <= 1.001 * side))


@pytest.mark.parametrize("sampler", [air.HatSampler(), air.ClippedCornersSampler()])
@settings(max_examples=40)
@given(
    extreme(BATCH, 2),
    extreme(BATCH, 1),
    arrays.arrays(np.float32, (BATCH, 7, 7), elements=st.floats(0, 1, width=32)),
    st.integers(1, 9),
)
def test_windows_are_read_and_written_without_new_values(
    sampler, location, scale, images, side
):
    location, scale = tf.constant(location), tf.constant(scale)
    with tf.GradientTape() as tape:
        tape.watch([location, scale])
        centre, size = shapes.box_centre(location), shapes.box_size(scale)
        window = sampler.read(tf.constant(images), centre, size, side)
        canvas = sampler.write(tf.constant(images), centre, size, 11)
        total = tf.reduce_sum(window) + tf.reduce_sum(canvas)
    gradients = tape.gradient(total, [location, scale])
    assert finite(window, canvas, *gradients)
    for result in (window.numpy(), canvas.numpy()):
        least = 0 if isinstance(sampler, air.HatSampler) else -1e-3  # rounding
        assert result.min() >= least and result.max() <= images.max() - least + 1e-5


# Constraints, with their gradients.


REGULARISERS = {
    "posterior": asr.number_regulariser((1, 3)),
    "unary": asr.number_regulariser((0, 2), form="unary"),
    "overlap": asr.overlap_regulariser(3.0, 5.0),
    "overlap mean": asr.overlap_regulariser(3.0, 5.0, side_penalty="mean"),
}


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(REGULARISERS)),
    extreme(BATCH, STEPS),
    extreme(BATCH, STEPS, 2),
    extreme(BATCH, STEPS, 1),
)
def test_every_constraint_is_finite_and_no_reward(model, name, logits, location, scale):
    variables = [tf.constant(value) for value in (logits, location, scale)]
    logits, *z = variables
    with tf.GradientTape() as tape:
        tape.watch(variables)
        inferred = air.ElboInputs(None, logits, None, None, None, False)
        q = model.posterior(air.Latents(*z, None), inferred, STEPS)
        penalty, violations = REGULARISERS[name](q)
    gradients = [g for g in tape.gradient(penalty, variables) if g is not None]
    assert gradients and finite(penalty, *violations.values(), *gradients)
    assert penalty >= 0 and all(value >= 0 for value in violations.values())


def test_an_extreme_scene_is_inferred_without_nan():
    """The whole model on an empty, a full and a striped scene, weights up to huge."""
    model = model_support.tiny_model(steps=STEPS)
    images = np.zeros((3, model.canvas_side, model.canvas_side), np.uint8)
    images[1], images[2, ::2] = 255, 255
    for factor in (0.0, 1.0, 30.0):
        for variable in model.trainable_variables:
            variable.assign(variable * factor)
        result = model(images)
        assert finite(*(tf.cast(value, tf.float32) for value in result.values()))
        assert np.all(result["counts"].numpy() <= STEPS)
