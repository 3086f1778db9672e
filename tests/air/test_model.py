"""AIR and AIR-pPrior as Keras models: fitting and inference."""

import math
from contextlib import nullcontext

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from air import model as models
from air import noise, stick_breaking
from air.generation import drawn_boxes

STEPS, CANVAS = model_support.STEPS, model_support.CANVAS


# Training.


def test_the_training_noise_follows_the_seed():
    """From the same initial weights; that a run can be repeated, its own tests show."""
    moved = []
    for seed in (1, 2):
        model = model_support.compiled(model_support.tiny_model(seed=seed, init_seed=1))
        model.train_on_batch(model_support.squares(4))
        moved.append(model_support.weights(model))
    assert not model_support.equal(*moved)


def test_fit_lowers_the_loss_and_logs_every_part():
    regulariser = asr.number_regulariser((1,), 1.0, 1.0)
    model = model_support.tiny_model(steps=1, regulariser=regulariser)
    model_support.compiled(model, 1e-2, run_eagerly=False)
    options = {"batch_size": 16, "epochs": 20, "shuffle": False, "verbose": 0}
    history = model.fit(model_support.squares(64), **options).history
    assert set(history) == {
        *("loss", "nelbo", "reconstruction", "kl_location", "kl_scale"),
        *("kl_appearance", "kl_presence", "penalty", "allowed_count"),
        *("marginal_count", "objects_taken", "gradient_norm"),
    }
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


def test_a_training_step_under_xla_descends_the_gradients_of_one_without(monkeypatch):
    """Keras's own step, as runs take it, at the same noise in single precision."""
    regulariser = asr.number_regulariser((1,))
    model = model_support.tiny_model(
        scale="learned", steps=2, regulariser=regulariser, ends=(1,)
    )
    images, draws = model_support.squares(4), model_support.draws_of(model, 4)
    parts, gradients = model.gradients(model.grey(images), draws, model.iteration)
    # From one seed XLA draws other numbers.
    monkeypatch.setattr(noise, "draw", lambda *_, **__: draws)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=True)
    before = model_support.weights(model)
    logged = model.train_on_batch(images, return_dict=True)
    assert logged["loss"] == pytest.approx(float(parts["loss"]), rel=1e-5)
    after = model_support.weights(model)
    for gradient, start, end in zip(gradients, before, after, strict=True):
        # Rounding: 1e-4 of the largest entry of each gradient.
        atol = 1e-4 * np.abs(gradient).max() + 1e-6
        np.testing.assert_allclose(start - end, gradient, rtol=1e-3, atol=atol)


def test_gradients_are_clipped_by_the_norm_of_each_variable():
    """With SGD at rate 1 no variable moves further than the clip norm."""
    model = model_support.noisy_weights(model_support.tiny_model(), 0.5)
    model.compile(keras.optimizers.SGD(1.0, clipnorm=0.01), run_eagerly=True)
    before = model_support.weights(model)
    parts = model.fit(model_support.squares(4), batch_size=4, verbose=0).history
    after = model_support.weights(model)
    moves = [np.linalg.norm(a - b) for a, b in zip(before, after, strict=True)]
    assert parts["gradient_norm"][0] > 1
    assert max(moves) == pytest.approx(0.01, rel=1e-3)


# Gradients that are not finite.


def test_entries_that_are_not_finite_become_0_and_are_counted():
    gradients = [
        tf.constant([[1.0, math.nan], [-math.inf, -2.0]]),
        tf.constant([math.inf, 3.0, 0.0]),
        tf.constant(1e30),
    ]
    found, count = models._finite(gradients)
    expected = [[[1, 0], [0, -2]], [0, 3, 0], 1e30]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, np.float32(other))
    assert count.numpy() == 3


@keras.saving.register_keras_serializable("tests")
def broken_slope(posterior):
    """1, but its slope by the log-odds is 0 / 0."""
    return 1 + tf.reduce_sum(tf.sqrt(0 * posterior.presence_logits), axis=1)


@pytest.mark.parametrize("kind, run_eagerly", [("keep", True), ("zero", False)])
def test_a_step_leaves_out_what_is_not_finite(kind, run_eagerly):
    """The log-odds' own nets get no gradient, all others the one of the plain model."""
    options = {"prior": "fixed", "reads_latents": False}
    broken = asr.Regulariser([asr.Constraint("broken", broken_slope)])
    plain = model_support.tiny_model(**options)
    model = model_support.tiny_model(
        **options, regulariser=broken, nonfinite_gradients=kind
    )
    for each in (plain, model):
        each.compile(
            keras.optimizers.SGD(1e-3), run_eagerly=run_eagerly, jit_compile=False
        )
    before = model_support.weights(model)
    stops = pytest.raises(air.NonFiniteError) if kind == "keep" else nullcontext()
    with stops:
        logged = model.train_on_batch(model_support.squares(4), return_dict=True)
    plain.train_on_batch(model_support.squares(4))
    lost, moved = 0, 0
    for variable, start, other in zip(
        model.trainable_variables, before, plain.trainable_variables, strict=True
    ):
        reads = "recognition/presence" in variable.path or "lstm" in variable.path
        if reads and kind == "keep":
            assert np.any(np.isnan(variable.numpy()))
        elif reads:
            still = variable.numpy() == start
            lost += still.sum()
            assert np.all(still | (variable.numpy() == other.numpy()))
        else:
            np.testing.assert_array_equal(variable, other)
            moved += np.any(variable.numpy() != start)
    assert moved > 10
    if kind == "zero":
        assert 0 < logged["nonfinite_entries"] <= lost


NO_GRADIENT = {
    "one step": {"steps": 1},
    "unused log-odds": {
        "estimator": air.FixedCountEstimator(),
        "prior": air.LearnedPrior(sizes=model_support.SIZES),
    },
}


@pytest.mark.parametrize("case", NO_GRADIENT)
def test_variables_without_a_gradient_do_not_stop_a_step(case):
    model = model_support.tiny_model(nonfinite_gradients="zero", **NO_GRADIENT[case])
    model_support.compiled(model).train_on_batch(model_support.squares(4))


# Evaluation: every image's noise follows from the image.


def scattered_model(**options):
    """A model whose inferred counts differ between images."""
    return model_support.noisy_weights(model_support.tiny_model(**options), 1.0)


@pytest.mark.parametrize("options", [{}, {"decoder_noise": 0.3, "ends": (1, 2)}])
def test_evaluation_gives_the_means_over_the_scenes(options):
    """Whatever the batches, the last of which is smaller."""
    model = model_support.compiled(scattered_model(**options))
    images = model_support.random_images(8)
    found = model.evaluate(images, batch_size=5, verbose=0, return_dict=True)
    scene = model(images)
    for name in ("nelbo", *models.TERMS):
        assert found[name] == pytest.approx(np.mean(scene[name]), rel=1e-5), name
    assert found["loss"] == found["nelbo"]


@pytest.mark.parametrize("rule", ["greedy", "sampled"])
def test_a_scene_is_the_same_in_every_batch(rule):
    """Alone, in another place, beside other images, and from grey values."""
    model = model_support.compiled(scattered_model(count_rule=rule))
    images = model_support.random_images(6)
    whole = {name: v.numpy() for name, v in model(images).items()}
    grey = (images / 255).astype(np.float32)
    others = [
        (slice(None), model.predict(images, batch_size=4, verbose=0)),
        (slice(None), model(grey)),
        (slice(None, None, -1), model(images[::-1])),
        *((slice(i, i + 1), model(images[i : i + 1])) for i in range(6)),
    ]
    assert len(set(whole["counts"])) > 1
    for rows, scene in others:
        for name, values in scene.items():
            expected = whole[name][rows]
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_noise_by_image_is_that_of_other_draws():
    """Standard normal and uniform; images a grey level apart have noise apart."""
    model = model_support.tiny_model(decoder_noise=0.3)
    images = np.zeros((400, CANVAS, CANVAS), np.uint8)
    images[np.arange(400), np.arange(400) // 100, np.arange(400) % 12] = (
        1 + (np.arange(400) // 12) % 9
    )
    draws = tf.function(model.evaluation_noise)(model.grey(images))
    shapes = {
        name: v.shape
        for name, v in model_support.draws_of(model, 400)._asdict().items()
    }
    for name, values in draws._asdict().items():
        assert values.shape == shapes[name]
        values = values.numpy()
        distinct = {row.tobytes() for row in values.reshape(400, -1)}
        assert len(distinct) == len({image.tobytes() for image in images})
        mean, deviation = (0.5, 12**-0.5) if name == "presence" else (0, 1)
        error = 8 / math.sqrt(values.size)  # some images are equal
        assert values.mean() == pytest.approx(mean, abs=error)
        assert values.std() == pytest.approx(deviation, abs=error)


def test_images_of_other_types_are_refused():
    for kind in (np.int32, np.bool_):
        with pytest.raises(ValueError, match="use uint8"):
            model_support.tiny_model().grey(model_support.squares(2).astype(kind))


# Inference.


@pytest.mark.parametrize("rule", ["greedy", "sampled"])
def test_a_scene_agrees_with_itself_and_its_count_with_the_rule(rule):
    """Greedy: leading steps with p > 1/2; sampled: leading uniforms below p."""
    model, images = scattered_model(count_rule=rule), model_support.random_images(16)
    scene = {name: value.numpy() for name, value in model(images).items()}
    draws = model.evaluation_noise(model.grey(images))
    _, inference, _ = model.infer(model.grey(images), draws, 0)
    p = tf.sigmoid(inference.presence_logits).numpy()
    present = p > (0.5 if rule == "greedy" else draws.presence.numpy())
    expected = np.cumprod(present, axis=1).sum(axis=1)
    assert scene["counts"].tolist() == expected.tolist()
    assert len(set(expected)) >= 2
    drawn = np.arange(STEPS) < scene["counts"][:, None]
    assert np.all(scene["boxes"][~drawn] == 0)
    assert np.all(scene["boxes"][drawn][:, 2] > 0)
    np.testing.assert_array_equal(scene["boxes"][..., 2], scene["boxes"][..., 3])
    assert scene["reconstructions"].min() >= 0 and scene["reconstructions"].max() <= 1
    error = np.sum((images / 255 - scene["reconstructions"]) ** 2, axis=(1, 2))
    np.testing.assert_allclose(scene["squared_error"], error, rtol=1e-5)
    terms = sum(scene[name] for name in models.TERMS)
    np.testing.assert_allclose(scene["nelbo"], terms, rtol=1e-5)
    assert np.all(scene["reconstructions"][scene["counts"] == 0] == 0)


def test_a_posterior_is_in_pixels_and_has_the_appearances():
    """What a constraint sees of 3 objects, all of them looked at."""
    model = scattered_model()
    images = model_support.grey(4, 0, "float32")
    draws = model_support.draws_of(model, 4)
    latents, inference, _ = model.infer(images, draws, 0)
    q = model.posterior(latents, inference, STEPS)
    centre = (np.tanh(latents.location) + 1) * CANVAS / 2
    side = np.maximum(1 / (1 + np.exp(-latents.scale.numpy()[..., 0])), 0.02) * CANVAS
    np.testing.assert_allclose(q.centre, centre, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(q.side, side, rtol=1e-5)
    np.testing.assert_array_equal(q.appearance, latents.appearance)
    assert q.canvas_side == CANVAS and q.steps_run == STEPS
    p = tf.sigmoid(inference.presence_logits).numpy()
    np.testing.assert_allclose(q.validity, np.cumprod(p, axis=1), rtol=1e-5)
    np.testing.assert_allclose(np.exp(q.log_count).sum(axis=1), 1, rtol=1e-5)
    counts = stick_breaking.greedy_count(q.presence_logits)
    boxes = drawn_boxes(latents, counts, CANVAS).numpy()
    for b in range(4):
        for t in range(counts[b]):
            (x, y), s = centre[b, t], side[b, t]
            expected = [x - s / 2, y - s / 2, s, s]
            np.testing.assert_allclose(boxes[b, t], expected, rtol=1e-4, atol=1e-4)


def test_a_fixed_count_infers_all_steps():
    model = scattered_model(estimator=air.FixedCountEstimator())
    scene = model(model_support.random_images(4))
    assert scene["counts"].numpy().tolist() == [STEPS] * 4
    np.testing.assert_array_equal(scene["kl_presence"], 0)


# Noise.


@pytest.mark.parametrize("jit_compile", [False, True])
def test_noise_follows_its_seed_and_differs_by_variable(jit_compile):
    """Functions built apart draw equal numbers (XLA others than TensorFlow)."""

    def draw(number):
        seed = noise.fold_in(noise.run_seed(7), number)
        return noise.draw(seed, 50, STEPS, model_support.SIZES, decoder=True)

    number = tf.constant(3, tf.int64)
    first, again = (
        tf.function(function, jit_compile=jit_compile, autograph=False)
        for function in (draw, lambda number: draw(number))
    )
    draws = first(number)
    for a, b in zip(draws, again(number), strict=True):
        np.testing.assert_array_equal(a, b)
    parts = [v.numpy().ravel()[:10].tobytes() for v in (*draws, *first(number + 1))]
    assert len(set(parts)) == len(parts)
    uniform, normal = draws.presence.numpy(), draws.decoder.numpy()
    assert uniform.min() >= 0 and uniform.max() < 1
    # Five standard errors of means and standard deviations.
    assert uniform.mean() == pytest.approx(0.5, abs=5 * 0.29 / math.sqrt(150))
    error = 5 / math.sqrt(normal.size)
    assert normal.mean() == pytest.approx(0, abs=error)
    assert normal.std() == pytest.approx(1, abs=error)
