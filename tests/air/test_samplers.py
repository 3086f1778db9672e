"""Reading and writing windows: the exact sampler against SciPy, the released code's
against its description in NumPy, rounding residues included."""

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf

import air
from air import spatial_transformer

# Boxes (x, y, size): inside, on the edge, partly and wholly outside, the whole
# canvas, larger than it, and the smallest that models use.
BOXES = np.array(
    [
        [0.0, 0.0, 0.5],
        [0.31, -0.27, 0.28],
        [-0.9, 0.8, 0.4],
        [1.0, 1.0, 0.3],
        [-1.0, 0.13, 0.9],
        [0.0, 0.0, 1.0],
        [0.2, -0.1, 1.7],
        [0.77, 0.05, 0.02],
        [3.0, 0.0, 0.3],
    ]
)
HAT, CLIPPED = air.HatSampler(), air.ClippedCornersSampler()
SAMPLERS = {
    "hat": (HAT, numpy_model.hat_sample),
    "clipped": (CLIPPED, numpy_model.clipped_sample),
}


def box_tensors(*boxes, dtype=tf.float64):
    table = tf.constant(boxes, dtype)
    return table[:, :2], table[:, 2:]


def in_numpy(name, mode, sources, boxes, points):
    """What a sampler reads or writes, from SciPy or from the description."""
    u, found = np.linspace(-1, 1, points), []
    for source, (x, y, size) in zip(sources, boxes, strict=True):
        columns, rows = x + size * u, y + size * u
        if mode == "write":
            columns, rows = (u - x) / size, (u - y) / size
        found.append(SAMPLERS[name][1](source, columns, rows))
    return np.array(found)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize("side, points", [(50, 28), (13, 6), (5, 9), (28, 50)])
def test_windows_are_those_of_a_second_implementation(name, mode, side, points):
    sources = np.random.default_rng(side).random((len(BOXES), side, side))
    sample = getattr(SAMPLERS[name][0], mode)
    found = sample(tf.constant(sources), *box_tensors(*BOXES), points).numpy()
    expected = in_numpy(name, mode, sources, BOXES, points)
    assert found.shape == (len(BOXES), points, points)
    np.testing.assert_allclose(found, expected, atol=1e-12)


# The exact sampler.


@pytest.mark.parametrize("left, top", [(0, 0), (3, 5), (22, 22), (22, 0)])
def test_write_after_read_returns_the_window_of_an_aligned_box(left, top):
    """A box whose sampling points are pixels: 28 of 50, corner at (left, top)."""
    side, window = 50, 28
    image = np.random.default_rng(1).random((1, side, side))
    middle = (2 * np.array([left, top]) + window - 1) / (side - 1) - 1
    box = box_tensors([*middle, (window - 1) / (side - 1)])
    read = HAT.read(tf.constant(image), *box, window)
    patch = image[:, top : top + window, left : left + window]
    np.testing.assert_allclose(read, patch, atol=1e-10)
    canvas = HAT.write(read, *box, side)
    expected = np.zeros_like(image)
    expected[:, top : top + window, left : left + window] = patch
    np.testing.assert_allclose(canvas, expected, atol=1e-10)
    np.testing.assert_allclose(HAT.read(canvas, *box, window), read, atol=1e-10)


def outside(boxes, side, border):
    """Pixels further than `border` from each box. Shape [boxes, side, side]."""
    pixels = np.linspace(-1, 1, side)
    far = [
        np.abs(pixels - centre[:, None]) >= (boxes[:, 2] + border)[:, None]
        for centre in (boxes[:, 0], boxes[:, 1])
    ]
    return far[1][:, :, None] | far[0][:, None, :]


def test_nothing_is_written_outside_the_box_and_its_interpolation_border():
    """A full window covers just its box: up to one window pixel around it."""
    box = np.array([[0.2, -0.3, 0.3]])
    ones = tf.ones([1, 28, 28], tf.float64)
    canvas = HAT.write(ones, *box_tensors(*box), 50).numpy()
    np.testing.assert_allclose(canvas[~outside(box, 50, 1e-9)], 1.0, atol=1e-12)
    away = outside(box, 50, 0.3 * 2 / 27)
    assert away.any() and np.all(canvas[away] == 0)


# Both.


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("mode", ["read", "write"])
def test_gradients_agree_with_finite_differences(name, mode):
    """With respect to source, centre and size, at points away from the kinks."""
    stream = np.random.default_rng(3)
    boxes = BOXES[:5] + 1e-3 * stream.standard_normal((5, 3))
    side, points = (13, 6) if mode == "read" else (6, 13)
    inputs = [stream.random((5, side, side)), boxes[:, :2], boxes[:, 2:]]
    weights = stream.standard_normal((5, points, points))
    sample = getattr(SAMPLERS[name][0], mode)

    def value(*inputs):
        return tf.reduce_sum(weights * sample(*inputs, points))

    tensors = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = value(*tensors)
    gradients = [gradient.numpy() for gradient in tape.gradient(total, tensors)]
    step = 1e-7
    for index, (array, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        for _ in range(12):
            place = tuple(stream.integers(0, length) for length in array.shape)
            moved = []
            for sign in (1, -1):
                changed = [a.copy() for a in inputs]
                changed[index][place] += sign * step
                moved.append(value(*map(tf.constant, changed)).numpy())
            slope = (moved[0] - moved[1]) / (2 * step)
            np.testing.assert_allclose(gradient[place], slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, jit_compile", [("hat", True), ("clipped", False)])
def test_gradients_are_finite_at_degenerate_boxes(name, jit_compile):
    """On the kinks themselves, far outside, and at the smallest size."""
    box = box_tensors(
        [0, 0, 1], [1, -1, 0.02], [30, 0, 0.3], [0.5, 0.5, 0.02], dtype=tf.float32
    )
    sources = tf.ones([4, 13, 13]), tf.ones([4, 6, 6]), *box
    sampler = SAMPLERS[name][0]

    @tf.function(jit_compile=jit_compile)
    def gradients(image, window, centre, size):
        with tf.GradientTape() as tape:
            tape.watch([image, window, centre, size])
            read = sampler.read(image, centre, size, 6)
            written = sampler.write(window, centre, size, 13)
            total = tf.reduce_sum(read**2) + tf.reduce_sum(written**2)
        return tape.gradient(total, [image, window, centre, size])

    for gradient in gradients(*sources):
        assert np.all(np.isfinite(gradient.numpy()))


# The released code's rounding: no XLA, which sums in another order.


def random_windows(dtype):
    """40 windows, and boxes of some 0.27 of the canvas side, as the prior has them."""
    stream = np.random.default_rng(0)
    boxes = np.stack(
        [*stream.uniform(-0.8, 0.8, (2, 40)), stream.uniform(0.2, 0.4, 40)], axis=1
    ).astype(dtype)
    return stream.random((40, 28, 28)).astype(dtype), boxes


def written(windows, boxes, graph):
    write = tf.function(CLIPPED.write) if graph else CLIPPED.write
    arguments = box_tensors(*boxes, dtype=boxes.dtype)
    return write(tf.constant(windows), *arguments, 50).numpy()


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_the_released_sampler_leaves_residues_outside_the_box(graph):
    """Of either sign; their share and size are those of single precision."""
    windows, boxes = random_windows(np.float32)
    found = written(windows, boxes, graph)[outside(boxes, 50, 1e-3)]
    assert 0.05 < np.mean(found != 0) < 0.6
    assert np.abs(found).max() < 1e-5
    assert np.mean(found > 0) > 0.01 and np.mean(found < 0) > 0.01
    double = written(*random_windows(np.float64), graph)[outside(boxes, 50, 1e-3)]
    assert np.abs(double).max() < 1e-13


def test_residues_are_those_of_the_sum_in_the_released_order():
    """Bit for bit, in single precision, from the description written in NumPy.

    A graph folds the factors of the index into one, which rounds otherwise.
    """
    windows, boxes = random_windows(np.float32)
    windows, boxes = windows[:6], boxes[:6]
    points = spatial_transformer.even_points(50, tf.float32).numpy()
    found = written(windows, boxes, graph=False)
    for window, (x, y, size), canvas in zip(windows, boxes, found, strict=True):
        columns, rows = ((1 / size) * points + -c / size for c in (x, y))
        expected = numpy_model.clipped_sample(window, columns, rows)
        np.testing.assert_array_equal(canvas, expected)


def test_the_graph_that_trains_has_the_residues():
    model = model_support.released_model()
    images = model_support.grey(8, dtype="float32")
    draws = model_support.draws_of(model, 8)

    @tf.function
    def canvases():
        return model.infer(images, draws, model.iteration, training=True)[2]

    found = np.abs(canvases().numpy())
    residues = (found > 0) & (found < 1e-5)
    assert residues.mean() > 0.05
