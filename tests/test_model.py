"""AIR and AIR-pPrior as Keras models: sizes, seeds, fitting, inference, saving."""

import math

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from air import stick_breaking

SIZES, STEPS, CANVAS = model_support.SIZES, model_support.STEPS, model_support.CANVAS


def compiled(model, learning_rate=1e-3, run_eagerly=True):
    """Eager by default: a few steps take less time than tracing them."""
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8, clipnorm=1.0)
    model.compile(optimizer=optimizer, run_eagerly=run_eagerly, jit_compile=False)
    return model


def squares(count, seed=0):
    """Scenes of one bright square each: uint8."""
    stream = np.random.default_rng(seed)
    images = np.zeros((count, CANVAS, CANVAS), np.uint8)
    for image in images:
        x, y = stream.integers(1, CANVAS - 4, 2)
        image[y : y + 3, x : x + 3] = 255
    return images


def weights(model):
    return [variable.numpy() for variable in model.trainable_variables]


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# Sizes.


def linear(inputs, outputs):
    return inputs * outputs + outputs


def head(outputs, extra=0):
    """256 LSTM units to 64 ReLU units; the output layer may read more."""
    return linear(256, 64) + linear(64 + extra, outputs)


def parameters_by_hand(
    side, prior, reads_latents=True, scale_sees_location=True, presence=True
):
    """From the layer sizes of the paper and the released code, written out."""
    latent = 2 + 1 + 50
    extra = 2 if scale_sees_location else 0
    scale_head = 2 * head(1, extra)  # a mean net and a log-variance net
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
    ],
)
def test_parameter_count_equals_the_closed_form(prior, side, options):
    options = dict(options)
    expected = parameters_by_hand(side, prior, **options)
    presence = options.pop("presence", True)
    estimator = air.ExactEstimator() if presence else air.FixedCountEstimator()
    sees = options.get("scale_sees_location", True)
    if prior == "fixed":
        built = air.FixedPrior()
    else:
        built = air.LearnedPrior(
            scale=prior.split()[0], infers_presence=presence, scale_sees_location=sees
        )
    model = air.AIR(side, prior=built, estimator=estimator, **options)
    found = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert found == expected
    assert len(model.non_trainable_variables) >= 1  # the iteration is one


# Initialisation.


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
    assert equal(weights(one), weights(same)) and equal(weights(one), weights(pinned))
    kernels = [v.path.endswith("kernel") for v in one.recognition.trainable_variables]
    for index, is_kernel in enumerate(kernels):
        a, b = (m.recognition.trainable_variables[index].numpy() for m in (one, other))
        assert np.array_equal(a, b) != is_kernel


# Training.


def trained(seed, steps=3, **options):
    model = compiled(model_support.tiny_model(seed=seed, **options))
    model.fit(squares(4 * steps), batch_size=4, epochs=1, shuffle=False, verbose=0)
    assert int(model.iteration.numpy()) == steps
    return weights(model)


def test_same_seed_gives_identical_weights_and_another_seed_does_not():
    assert equal(trained(1), trained(1))
    # The same initial weights: the training noise alone differs.
    assert not equal(trained(1, init_seed=1), trained(2, init_seed=1))


@pytest.mark.parametrize("prior", ["fixed", "learned"])
def test_fit_lowers_the_loss_and_logs_every_part(prior):
    regulariser = asr.number_regulariser((1,), 1.0, 1.0)
    model = model_support.tiny_model(prior, regulariser=regulariser)
    history = (
        compiled(model, 1e-2, run_eagerly=False)
        .fit(squares(64), batch_size=16, epochs=20, shuffle=False, verbose=0)
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
    images = tf.constant(squares(4) / 255, tf.float32)
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
    model = compiled(model_support.tiny_model())
    images = squares(8)
    first = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    second = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    assert first == second
    scene = model(images)
    assert first["nelbo"] == pytest.approx(scene["nelbo"].numpy().mean(), rel=1e-5)


def test_gradients_are_clipped_by_the_norm_of_each_variable():
    """With SGD at rate 1 no variable moves further than the clip norm."""
    model = model_support.noisy_weights(model_support.tiny_model(), 0.5)
    model.compile(keras.optimizers.SGD(1.0, clipnorm=0.01), run_eagerly=True)
    before = weights(model)
    parts = model.fit(squares(4), batch_size=4, verbose=0).history
    moves = [np.linalg.norm(a - b) for a, b in zip(before, weights(model), strict=True)]
    assert parts["gradient_norm"][0] > 1
    assert max(moves) == pytest.approx(0.01, rel=1e-3)


# Inference.


@pytest.mark.parametrize("count", [1, 4, 10])
def test_predict_has_one_row_an_image_also_in_a_partial_last_batch(count):
    model = compiled(model_support.tiny_model())
    scene = model.predict(squares(count), batch_size=4, verbose=0)
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
    boxes = model._boxes(latents, counts).numpy()
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


# Saving.


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


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prior": "fixed", "decoder_noise": 0.3, "reads_latents": False},
        {"scale": "learned", "regulariser": True, "init_seed": 4, "seed": 9},
        {"estimator": air.ConcreteEstimator(0.1, 0.9), "likelihood_form": "sum"},
        {"estimator": air.FixedCountEstimator(), "count_rule": "sampled"},
    ],
    ids=["plain", "air", "regularised", "concrete", "fixed_count"],
)
def test_a_saved_model_is_the_same_model(tmp_path, options):
    if options.get("regulariser"):
        options = {**options, "regulariser": own_regulariser()}
    model = compiled(model_support.tiny_model(**options))
    images = squares(8)
    model.fit(images, batch_size=4, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert equal(weights(model), weights(loaded))
    assert int(loaded.iteration.numpy()) == 2
    first, second = model(images), loaded(images)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    if model.regulariser is not None:
        assert loaded.regulariser.constraints == model.regulariser.constraints
    # And it trains on as the one that was saved, its optimiser's state included.
    for each in (model, loaded):
        each.fit(images, batch_size=4, shuffle=False, verbose=0)
    assert equal(weights(model), weights(loaded))


# Bad options.


@pytest.mark.parametrize(
    "options, words",
    [
        ({"steps": 0}, "steps 0"),
        ({"canvas_side": 1}, "canvas_side 1"),
        ({"likelihood_form": "max"}, "likelihood_form 'max'"),
        ({"count_rule": "best"}, "count_rule 'best'"),
        ({"prior": air.FixedPrior()}, "differ from the prior's"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        air.AIR(**{"canvas_side": CANVAS, "sizes": SIZES} | options)


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


def test_more_allowed_objects_than_steps_are_refused():
    model = model_support.tiny_model(regulariser=asr.number_regulariser((1, 4)))
    with pytest.raises(ValueError, match="at most 3 objects"):
        compiled(model).fit(squares(4), verbose=0)
