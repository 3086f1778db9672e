"""Reading and writing windows against SciPy's bilinear interpolation."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

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
CENTRE, SIZE = tf.constant(BOXES[:, :2]), tf.constant(BOXES[:, 2:])


def interpolate(image, x, y):
    """Bilinear values at pixel coordinates x (columns) and y (rows); 0 outside."""
    rows, columns = np.meshgrid(y, x, indexing="ij")
    return map_coordinates(image, [rows, columns], order=1, mode="grid-constant")


@pytest.mark.parametrize("side, window", [(50, 28), (13, 6), (5, 9), (64, 28)])
def test_read_agrees_with_scipy(side, window):
    images = np.random.default_rng(side).random((len(BOXES), side, side))
    windows = spatial_transformer.read_window(
        tf.constant(images), CENTRE, SIZE, window
    ).numpy()
    assert windows.shape == (len(BOXES), window, window)
    for image, (x, y, size), result in zip(images, BOXES, windows, strict=True):
        # u in [-1, 1] is pixel index (u + 1)(S - 1)/2: corners aligned.
        offsets = size * np.linspace(-1, 1, window)
        columns = (x + offsets + 1) / 2 * (side - 1)
        rows = (y + offsets + 1) / 2 * (side - 1)
        expected = interpolate(image, columns, rows)
        np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("side, window", [(50, 28), (13, 6), (5, 9), (64, 28)])
def test_write_agrees_with_scipy(side, window):
    windows = np.random.default_rng(side).random((len(BOXES), window, window))
    canvases = spatial_transformer.write_window(
        tf.constant(windows), CENTRE, SIZE, side
    ).numpy()
    assert canvases.shape == (len(BOXES), side, side)
    pixels = np.linspace(-1, 1, side)
    for source, (x, y, size), result in zip(windows, BOXES, canvases, strict=True):
        columns = ((pixels - x) / size + 1) / 2 * (window - 1)
        rows = ((pixels - y) / size + 1) / 2 * (window - 1)
        expected = interpolate(source, columns, rows)
        np.testing.assert_allclose(result, expected, atol=1e-12)


def test_x_is_columns_and_y_is_rows():
    """The only ink is right of and above the middle."""
    image = np.zeros((1, 11, 11))
    image[0, 2, 8] = 1.0  # row 2, column 8: x = 0.6, y = -0.6
    centre = tf.constant([[0.6, -0.6]], tf.float64)
    size = tf.constant([[0.2]], tf.float64)
    read = spatial_transformer.read_window(tf.constant(image), centre, size, 3)
    expected = np.zeros((3, 3))
    expected[1, 1] = 1.0
    np.testing.assert_allclose(read.numpy()[0], expected, atol=1e-12)
    written = spatial_transformer.write_window(
        tf.constant(expected[None]), centre, size, 11
    )
    np.testing.assert_allclose(written.numpy(), image, atol=1e-12)


@pytest.mark.parametrize("left, top", [(0, 0), (3, 5), (22, 22), (22, 0)])
def test_write_after_read_returns_the_window_of_an_aligned_box(left, top):
    """A box whose sampling points are pixels: 28 of 50, corner at (left, top)."""
    side, window = 50, 28
    image = np.random.default_rng(1).random((1, side, side))
    size = (window - 1) / (side - 1)
    corner = np.array([[left, top]])
    centre = tf.constant((2 * corner + window - 1) / (side - 1) - 1)
    size = tf.constant([[size]], tf.float64)
    read = spatial_transformer.read_window(tf.constant(image), centre, size, window)
    patch = image[:, top : top + window, left : left + window]
    np.testing.assert_allclose(read.numpy(), patch, atol=1e-10)
    canvas = spatial_transformer.write_window(read, centre, size, side).numpy()
    expected = np.zeros_like(image)
    expected[:, top : top + window, left : left + window] = patch
    np.testing.assert_allclose(canvas, expected, atol=1e-10)
    again = spatial_transformer.read_window(tf.constant(canvas), centre, size, window)
    np.testing.assert_allclose(again.numpy(), read.numpy(), atol=1e-10)


def test_whole_canvas_is_read_and_written_unchanged():
    image = np.random.default_rng(2).random((1, 28, 28))
    centre, size = tf.zeros([1, 2], tf.float64), tf.ones([1, 1], tf.float64)
    read = spatial_transformer.read_window(tf.constant(image), centre, size, 28)
    np.testing.assert_allclose(read.numpy(), image, atol=1e-12)
    written = spatial_transformer.write_window(tf.constant(image), centre, size, 28)
    np.testing.assert_allclose(written.numpy(), image, atol=1e-12)


def test_nothing_is_written_outside_the_box_and_its_interpolation_border():
    """A full window covers just its box: up to one window pixel around it."""
    side, window, x, y, size = 50, 28, 0.2, -0.3, 0.3
    canvas = spatial_transformer.write_window(
        tf.ones([1, window, window], tf.float64),
        tf.constant([[x, y]], tf.float64),
        tf.constant([[size]], tf.float64),
        side,
    ).numpy()[0]
    pixels = np.linspace(-1, 1, side)
    border = size * 2 / (window - 1)
    columns, rows = np.abs(pixels - x), np.abs(pixels - y)
    inside = np.ix_(rows <= size, columns <= size)
    np.testing.assert_allclose(canvas[inside], 1.0, atol=1e-12)
    outside = (rows >= size + border)[:, None] | (columns >= size + border)[None]
    assert outside.any() and np.all(canvas[outside] == 0)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_gradients_agree_with_finite_differences(mode):
    """With respect to source, centre and size, at points away from the kinks."""
    stream = np.random.default_rng(3)
    boxes = BOXES[:5] + 1e-3 * stream.standard_normal((5, 3))
    source = stream.random((5, 13, 13) if mode == "read" else (5, 6, 6))
    inputs = [source, boxes[:, :2], boxes[:, 2:]]
    shape = (5, 6, 6) if mode == "read" else (5, 13, 13)
    weights = stream.standard_normal(shape)

    def value(source, centre, size):
        if mode == "read":
            result = spatial_transformer.read_window(source, centre, size, 6)
        else:
            result = spatial_transformer.write_window(source, centre, size, 13)
        return tf.reduce_sum(weights * result)

    tensors = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = value(*tensors)
    gradients = [gradient.numpy() for gradient in tape.gradient(total, tensors)]
    step = 1e-7
    for index, (array, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        for _ in range(12):
            place = tuple(stream.integers(0, side) for side in array.shape)
            moved = []
            for sign in (1, -1):
                changed = [a.copy() for a in inputs]
                changed[index][place] += sign * step
                moved.append(value(*map(tf.constant, changed)).numpy())
            slope = (moved[0] - moved[1]) / (2 * step)
            np.testing.assert_allclose(gradient[place], slope, rtol=1e-5, atol=1e-6)


def test_gradients_are_finite_at_degenerate_boxes():
    """On the kinks themselves, far outside, and at the smallest size."""
    centre = tf.constant([[0.0, 0.0], [1.0, -1.0], [30.0, 0.0], [0.5, 0.5]])
    size = tf.constant([[1.0], [0.02], [0.3], [0.02]])
    image, window = tf.ones([4, 13, 13]), tf.ones([4, 6, 6])

    @tf.function(jit_compile=True)
    def gradients(image, window, centre, size):
        with tf.GradientTape() as tape:
            tape.watch([image, window, centre, size])
            read = spatial_transformer.read_window(image, centre, size, 6)
            written = spatial_transformer.write_window(window, centre, size, 13)
            total = tf.reduce_sum(read**2) + tf.reduce_sum(written**2)
        return tape.gradient(total, [image, window, centre, size])

    for gradient in gradients(image, window, centre, size):
        assert np.all(np.isfinite(gradient.numpy()))
