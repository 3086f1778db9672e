"""Source objects: rendered digits, sprites, and how they are cropped and scaled."""

import os

import numpy as np
import pytest
from scipy import ndimage

from data import DataError, render_digits, render_sprites, rendered_digits
from data.objects import Crops, crop_to_ink, scale_crops


@pytest.fixture(scope="module")
def digits():
    return render_digits(1500)


def test_rendered_digits_look_like_mnist_in_numbers(digits):
    images, labels = digits
    assert images.shape == (1500, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (1500,) and labels.dtype == np.uint8
    assert np.bincount(labels, minlength=10).min() > 100
    sides = crop_to_ink(images).sides
    assert sides.min() >= 18 and sides.max() <= 21 and 19 < sides.mean() < 20.5
    assert 0.15 < (images > 0).mean() < 0.24  # MNIST: 0.19
    assert (images.max(axis=(1, 2)) > 200).all()
    border = np.ones((28, 28), bool)
    border[2:-2, 2:-2] = False
    assert not images[:, border].any()


def test_rendered_digits_vary_and_are_antialiased(digits):
    images, labels = digits
    assert len({image.tobytes() for image in images}) == len(images)
    assert len(np.unique(images)) > 100
    assert np.unique((images > 0).sum(axis=(1, 2))).size > 50


def test_rendered_digits_can_be_told_apart(digits):
    """The nearest neighbour among half of the digits names the other half."""
    images, labels = digits
    smooth = ndimage.gaussian_filter(images.astype(float), (0, 1, 1)).reshape(1500, -1)
    known, asked = smooth[:750], smooth[750:]
    distance = (known**2).sum(1) - 2 * asked @ known.T
    assert np.mean(labels[:750][distance.argmin(1)] == labels[750:]) > 0.9


def test_rendered_digits_depend_on_the_seed_alone():
    first, again, other = (render_digits(60, seed) for seed in (1, 1, 2))
    assert first[0].tobytes() == again[0].tobytes() != other[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()
    names = {rendered_digits.fingerprint(*a) for a in ((60, 1), (60, 2), (61, 1))}
    assert len(names) == 3
    assert rendered_digits.fingerprint(60, 1) == rendered_digits.fingerprint(60, 1)


def test_filling_is_exact_on_shapes_of_known_area():
    """A square with a square hole, off the pixel grid along x."""
    outer = np.array([[4.3, 5], [20.7, 5], [20.7, 21], [4.3, 21]])
    hole = np.array([[8.25, 9], [8.25, 15], [12.5, 15], [12.5, 9]])
    edges = np.concatenate(
        [np.stack([c, np.roll(c, -1, axis=0)], axis=1) for c in (outer, hole)]
    )
    image = rendered_digits._fill(edges[None])[0] / 255
    assert abs(image.sum() - (16.4 * 16 - 4.25 * 6)) < 0.2
    assert image[10, 4] == pytest.approx(0.7, abs=0.003)
    assert image[10, 8] == pytest.approx(0.25, abs=0.003)
    assert image[10, 10] == 0 and image[6, 10] == 1


def test_missing_fonts_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(rendered_digits, "_font_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"DejaVuSans.ttf: this font"):
        render_digits(10)
    with pytest.raises(DataError, match=r"DejaVuSans.ttf: this font"):
        rendered_digits.fingerprint()
    with pytest.raises(DataError, match=r"^digits: 0 given"):
        render_digits(0)


def test_sprites_come_in_order():
    sprites = render_sprites()
    assert sprites.images.shape == (120, 64, 64) and sprites.images.dtype == np.uint8
    assert set(np.unique(sprites.images)) == {0, 1}
    np.testing.assert_array_equal(sprites.shape, np.repeat([0, 1, 2], 40))
    np.testing.assert_array_equal(sprites.orientation, np.tile(np.arange(40), 3))
    first, last = sprites.images[::40], sprites.images[39::40]
    np.testing.assert_array_equal(first, last)  # a full turn


def test_sprites_keep_their_area_when_turned():
    areas = render_sprites().images.sum(axis=(1, 2), dtype=int).reshape(3, 40)
    assert (np.abs(areas / np.median(areas, axis=1, keepdims=True) - 1) < 0.1).all()


@pytest.mark.skipif("DSPRITES_NPZ" not in os.environ, reason="needs DSPRITES_NPZ")
def test_sprites_match_the_real_ones():
    sprites = render_sprites()
    with np.load(os.environ["DSPRITES_NPZ"]) as real:
        np.testing.assert_array_equal(sprites.shape, real["shape"])
        np.testing.assert_array_equal(sprites.orientation, real["orientation"])
        both = (sprites.images & real["images"]).sum(axis=(1, 2))
        any_of = (sprites.images | real["images"]).sum(axis=(1, 2))
    overlap = both / any_of
    assert overlap.mean() >= 0.99
    assert overlap.min() >= 0.97


def test_crops_are_tight_squares_with_centred_ink():
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 3:23, 10:15] = 9  # 20 x 5: margin 15, 7 to the left
    images[1, 27, 0:8] = 7  # the square reaches beyond the image
    images[2, 5, 5] = 200
    crops = crop_to_ink(images)
    assert crops.sides.tolist() == [20, 8, 1]
    assert crops.images.shape == (3, 20, 20)
    expected = np.zeros((3, 20, 20), np.uint8)
    expected[0, :, 7:12] = 9
    expected[1, 3, :8] = 7
    expected[2, 0, 0] = 200
    np.testing.assert_array_equal(crops.images, expected)


@pytest.mark.parametrize("side", [1, 7, 19, 20])
@pytest.mark.parametrize("factor", [0.6, 0.9])
def test_scaling_equals_scipy_zoom(side, factor):
    image = np.random.default_rng(side).integers(0, 256, (side, side), np.uint8)
    image[0, :] = image[-1, :] = image[:, 0] = image[:, -1] = 255
    expected = np.clip(ndimage.zoom(image / 255, factor, order=5), 0, 1)
    expected[expected < 0.05] = 0
    scaled = scale_crops(Crops(image[None], np.array([side])), factor)
    assert scaled.sides.tolist() == [len(expected)]
    np.testing.assert_array_equal(scaled.images[0], np.rint(255 * expected))


def test_scaling_by_one_changes_nothing():
    crops = crop_to_ink(render_digits(20)[0])
    assert scale_crops(crops, 1.0) is crops
