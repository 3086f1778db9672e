"""Sampling scenes from the prior."""

import model_support
import numpy as np
import pytest

import air

STEPS, CANVAS = model_support.STEPS, model_support.CANVAS


@pytest.fixture(scope="module")
def model():
    return model_support.noisy_weights(model_support.tiny_model())


@pytest.mark.parametrize("prior", ["fixed", "learned"])
def test_generate_follows_its_seed(prior):
    model = model_support.noisy_weights(model_support.tiny_model(prior))
    first, same, other = (model.generate(6, seed) for seed in (1, 1, 2))
    assert first["images"].shape == (6, CANVAS, CANVAS)
    assert first["counts"].shape == (6,) and first["boxes"].shape == (6, STEPS, 4)
    assert all(np.array_equal(first[name], same[name]) for name in first)
    assert not np.array_equal(first["boxes"], other["boxes"])
    assert first["images"].min() >= 0 and first["images"].max() <= 1


def test_generate_draws_the_count_from_the_prior():
    """At iteration 12,000 AIR's log-odds are 0: n = 0, 1, 2, 3 by 1/2, 1/4, ..."""
    model = model_support.tiny_model("fixed")
    model.iteration.assign(12_000)
    counts = model.generate(4000, 0)["counts"]
    shares = np.bincount(counts, minlength=STEPS + 1) / 4000
    # Five standard deviations of a share.
    np.testing.assert_allclose(shares, [1 / 2, 1 / 4, 1 / 8, 1 / 8], atol=0.04)


@pytest.mark.parametrize(
    "count, integer", enumerate([int, np.int64, np.uint8, np.array])
)
def test_generate_takes_a_given_count(model, count, integer):
    """From none to all; integers of any kind."""
    scenes = model.generate(integer(5), 0, count=integer(count))
    assert scenes["counts"].dtype == np.int32 and scenes["counts"].shape == (5,)
    assert scenes["counts"].tolist() == [count] * 5
    assert np.all(scenes["boxes"][:, count:] == 0)
    assert np.all(scenes["boxes"][:, :count, 2] > 0)
    assert (scenes["images"].max() == 0) == (count == 0)


def test_generate_takes_a_given_side(model):
    plain, scenes = model.generate(5, 0, 2), model.generate(5, 0, 2, side=4.5)
    np.testing.assert_allclose(scenes["boxes"][:, :2, 2:], 4.5, rtol=1e-5)
    middles = [s["boxes"][..., :2] + s["boxes"][..., 2:] / 2 for s in (plain, scenes)]
    np.testing.assert_allclose(*middles, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"decoder_noise": 0.3}])
def test_boxes_alone_are_those_of_the_images(options):
    model = model_support.noisy_weights(model_support.tiny_model(**options))
    for arguments in ({}, {"count": 2, "side": 4.0}):
        whole = model.generate(6, 1, **arguments)
        boxes = model.generate(6, 1, draw=False, **arguments)
        assert set(whole) - set(boxes) == {"images"}
        for name, values in boxes.items():
            np.testing.assert_array_equal(values, whole[name])


def test_generate_of_a_fixed_count_model_has_all_objects():
    for prior in ("fixed", "learned"):
        model = model_support.tiny_model(prior, estimator=air.FixedCountEstimator())
        assert model.generate(3, 0)["counts"].tolist() == [STEPS] * 3


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"samples": 0}, "samples 0: use a whole number of at least 1"),
        ({"samples": 2.5}, "samples 2.5"),
        ({"samples": 2, "count": -1}, "count -1"),
        (
            {"samples": 2, "count": STEPS + 1},
            f"count {STEPS + 1}: use a whole number from 0 to {STEPS}",
        ),
        ({"samples": 2, "count": 1.5}, "count 1.5"),
        ({"samples": 2, "count": 2.0}, "count 2.0"),
        ({"samples": 2, "count": np.array([1, 2])}, r"count \[1 2\]"),
        ({"samples": 2, "side": 0.0}, "side 0.0"),
        ({"samples": 2, "side": CANVAS}, f"side {CANVAS}"),
    ],
)
def test_generate_refuses_what_is_out_of_range(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        model.generate(seed=0, **arguments)
