"""AIR and AIR-pPrior as Keras models: fitting and inference."""

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from air import stick_breaking
from air.generation import drawn_boxes

STEPS, CANVAS = model_support.STEPS, model_support.CANVAS


# Training.


def trained(seed, steps=3, **options):
    model = model_support.compiled(model_support.tiny_model(seed=seed, **options))
    model.fit(
        model_support.squares(4 * steps),
        batch_size=4,
        epochs=1,
        shuffle=False,
        verbose=0,
    )
    assert int(model.iteration.numpy()) == steps
    return model_support.weights(model)


def test_same_seed_gives_identical_weights_and_another_seed_does_not():
    assert model_support.equal(trained(1), trained(1))
    # The same initial weights: the training noise alone differs.
    assert not model_support.equal(trained(1, init_seed=1), trained(2, init_seed=1))


@pytest.mark.parametrize("prior", ["fixed", "learned"])
def test_fit_lowers_the_loss_and_logs_every_part(prior):
    regulariser = asr.number_regulariser((1,), 1.0, 1.0)
    model = model_support.tiny_model(prior, regulariser=regulariser)
    history = (
        model_support.compiled(model, 1e-2, run_eagerly=False)
        .fit(
            model_support.squares(64),
            batch_size=16,
            epochs=20,
            shuffle=False,
            verbose=0,
        )
        .history
    )
    assert set(history) == {
        *("loss", "nelbo", "reconstruction", "kl_location", "kl_scale"),
        *("kl_appearance", "kl_presence", "penalty", "allowed_count"),
        *("marginal_count", "gradient_norm"),
    }
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    for index in (0, -1):
        parts = {name: values[index] for name, values in history.items()}
        terms = [parts[n] for n in parts if n.startswith(("kl_", "reconstruction"))]
        assert parts["nelbo"] == pytest.approx(sum(terms), rel=1e-5)
        assert parts["loss"] == pytest.approx(
            parts["nelbo"] + parts["penalty"], rel=1e-5
        )
        assert parts["penalty"] == pytest.approx(
            parts["allowed_count"] + parts["marginal_count"], rel=1e-5
        )


def test_a_step_under_xla_has_the_gradients_of_one_without():
    """The objective and all its gradients at the same noise, single precision."""
    regulariser = asr.number_regulariser((1, 3))
    model = model_support.tiny_model(scale="learned", regulariser=regulariser)
    images = tf.constant(model_support.squares(4) / 255, tf.float32)
    draws = model.draw_noise(tf.constant([1, 2]), 4)

    def step():
        with tf.GradientTape() as tape:
            loss = model.objective(images, draws, model.iteration)["loss"]
        return [loss, *tape.gradient(loss, model.trainable_variables)]

    fast = tf.function(step, jit_compile=True, autograph=False)()
    for plain, compiled_value in zip(step(), fast, strict=True):
        # Rounding: 1e-4 of the largest entry of each gradient.
        atol = 1e-4 * np.abs(plain).max() + 1e-6
        np.testing.assert_allclose(plain, compiled_value, rtol=1e-3, atol=atol)


def test_evaluate_uses_one_fixed_sample():
    model = model_support.compiled(model_support.tiny_model())
    images = model_support.squares(8)
    first = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    second = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    assert first == second
    scene = model(images)
    assert first["nelbo"] == pytest.approx(scene["nelbo"].numpy().mean(), rel=1e-5)


def test_evaluate_weighs_every_image_alike():
    """Batches of 6 and 2: an image of the smaller one counts no more."""
    model = model_support.compiled(model_support.tiny_model())
    images = model_support.squares(8)
    images[6:] = 0  # far easier than the others
    whole = model.evaluate(images, batch_size=6, verbose=0)[0]
    parts = [
        model.evaluate(part, batch_size=len(part), verbose=0)[0]
        for part in (images[:6], images[6:])
    ]
    assert parts[1] < parts[0] - 1
    assert whole == pytest.approx((6 * parts[0] + 2 * parts[1]) / 8, rel=1e-5)


def test_images_of_other_types_are_refused():
    model = model_support.tiny_model()
    images = model_support.squares(2)
    for kind in (np.int32, np.bool_):
        with pytest.raises(ValueError, match="use uint8"):
            model.grey(images.astype(kind))
    grey = (images / 255).astype(np.float32)
    np.testing.assert_allclose(model.grey(images), model.grey(grey), rtol=1e-6)


def test_gradients_are_clipped_by_the_norm_of_each_variable():
    """With SGD at rate 1 no variable moves further than the clip norm."""
    model = model_support.noisy_weights(model_support.tiny_model(), 0.5)
    model.compile(keras.optimizers.SGD(1.0, clipnorm=0.01), run_eagerly=True)
    before = model_support.weights(model)
    parts = model.fit(model_support.squares(4), batch_size=4, verbose=0).history
    moves = [
        np.linalg.norm(a - b)
        for a, b in zip(before, model_support.weights(model), strict=True)
    ]
    assert parts["gradient_norm"][0] > 1
    assert max(moves) == pytest.approx(0.01, rel=1e-3)


# Inference.


@pytest.mark.parametrize("count", [1, 4, 10])
def test_predict_has_one_row_an_image_also_in_a_partial_last_batch(count):
    model = model_support.compiled(model_support.tiny_model())
    scene = model.predict(model_support.squares(count), batch_size=4, verbose=0)
    assert scene["counts"].shape == (count,)
    assert scene["boxes"].shape == (count, STEPS, 4)
    assert scene["reconstructions"].shape == (count, CANVAS, CANVAS)
    assert scene["squared_error"].shape == scene["nelbo"].shape == (count,)


def scattered_model(**options):
    """A model whose inferred counts differ between images."""
    return model_support.noisy_weights(model_support.tiny_model(**options), 1.0)


def test_a_scene_agrees_with_itself():
    model = scattered_model()
    images = model_support.random_images(64)
    scene = {name: value.numpy() for name, value in model(images).items()}
    assert len(set(scene["counts"])) >= 2
    drawn = np.arange(STEPS) < scene["counts"][:, None]
    assert np.all(scene["boxes"][~drawn] == 0)
    assert np.all(scene["boxes"][drawn][:, 2] > 0)
    np.testing.assert_array_equal(scene["boxes"][..., 2], scene["boxes"][..., 3])
    assert scene["reconstructions"].min() >= 0 and scene["reconstructions"].max() <= 1
    error = np.sum((images / 255 - scene["reconstructions"]) ** 2, axis=(1, 2))
    np.testing.assert_allclose(scene["squared_error"], error, rtol=1e-5)
    terms = [v for n, v in scene.items() if n.startswith(("kl_", "reconstruction"))]
    terms = [value for value in terms if value.ndim == 1]
    assert len(terms) == 5
    np.testing.assert_allclose(scene["nelbo"], sum(terms), rtol=1e-5)
    empty = scene["counts"] == 0
    if empty.any():
        assert np.all(scene["reconstructions"][empty] == 0)


def test_counts_follow_the_rule():
    """Greedy: leading steps with p > 1/2; sampled: leading uniforms below p."""
    images = model_support.random_images(64)
    for rule in ("greedy", "sampled"):
        model = scattered_model(count_rule=rule)
        seed = tf.constant([5, 6])
        draws = model.draw_noise(seed, 64)
        _, inference = model.infer(tf.constant(images / 255, tf.float32), draws, 0)
        p = tf.sigmoid(inference.recognition.presence_logits).numpy()
        present = p > (0.5 if rule == "greedy" else draws.presence.numpy())
        expected = np.cumprod(present, axis=1).sum(axis=1)
        assert model(images, seed)["counts"].numpy().tolist() == expected.tolist()


def test_bytes_and_grey_values_are_the_same_image():
    model, images = scattered_model(), model_support.random_images(4)
    first, second = model(images), model((images / 255).astype(np.float32))
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-5, atol=1e-5)


def test_a_posterior_is_in_pixels():
    model = scattered_model()
    images = tf.constant(model_support.random_images(4) / 255, tf.float32)
    latents, inference = model.infer(
        images, model.draw_noise(tf.constant([1, 2]), 4), 0
    )
    q = model.posterior(latents, inference)
    centre = (np.tanh(latents.location) + 1) * CANVAS / 2
    side = np.maximum(1 / (1 + np.exp(-latents.scale.numpy()[..., 0])), 0.02) * CANVAS
    np.testing.assert_allclose(q.centre, centre, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(q.side, side, rtol=1e-5)
    assert q.canvas_side == CANVAS
    p = tf.sigmoid(inference.recognition.presence_logits).numpy()
    np.testing.assert_allclose(q.validity, np.cumprod(p, axis=1), rtol=1e-5)
    np.testing.assert_allclose(np.exp(q.log_count).sum(axis=1), 1, rtol=1e-5)
    counts = stick_breaking.greedy_count(q.presence_logits)
    boxes = drawn_boxes(latents, counts, CANVAS).numpy()
    for b in range(4):
        for t in range(counts[b]):
            (x, y), s = centre[b, t], side[b, t]
            expected = [x - s / 2, y - s / 2, s, s]
            np.testing.assert_allclose(boxes[b, t], expected, rtol=1e-4, atol=1e-4)


def test_images_do_not_influence_each_other():
    model, images = scattered_model(), model_support.random_images(4)
    changed = images.copy()
    changed[1:] = 0
    first, second = model(images), model(changed)
    for name in first:
        np.testing.assert_allclose(first[name][0], second[name][0], rtol=1e-5)


def test_samples_are_mean_plus_deviation_times_noise():
    model = scattered_model()
    images = tf.constant(model_support.random_images(4) / 255, tf.float32)
    draws = model.draw_noise(tf.constant([1, 2]), 4)
    latents, inference = model.infer(images, draws, 0)
    for name in ("location", "scale", "appearance"):
        normal = getattr(inference.recognition, name).distribution
        expected = normal.loc + normal.scale * getattr(draws, name)
        np.testing.assert_allclose(getattr(latents, name), expected, atol=1e-5)


def test_a_fixed_count_infers_all_steps():
    model = scattered_model(estimator=air.FixedCountEstimator())
    scene = model(model_support.random_images(4))
    assert scene["counts"].numpy().tolist() == [STEPS] * 4
    np.testing.assert_array_equal(scene["kl_presence"], 0)
