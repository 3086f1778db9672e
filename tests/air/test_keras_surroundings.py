"""What a Keras user brings: images, settings, callbacks, arguments of fit."""

import csv
import types

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf
from processes import printed, python

import air
from air import noise

BYTES = model_support.squares(8)
GREY = (BYTES / 255).astype(np.float32)
BAD_IMAGES = {
    "bytes as numbers": (GREY * 255, "from 0 to 255"),
    "minus one to one": (2 * GREY - 1, "from -1 to 1"),
    "not a number": (np.where(GREY > 0, np.nan, GREY), "from nan to nan"),
    "infinite": (np.where(GREY > 0, np.inf, GREY), "from 0 to inf"),
}


def compiled(**options):
    return model_support.compiled(model_support.tiny_model(**options))


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_images_that_are_no_grey_values_are_told(name):
    images, words = BAD_IMAGES[name]
    with pytest.raises(ValueError, match=f"{words}: use uint8"):
        compiled(steps=1).predict_on_batch(images)


def test_the_range_is_told_at_every_entry():
    model, (images, words) = compiled(steps=1), BAD_IMAGES["bytes as numbers"]
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(4)
    calls = [
        lambda: model.fit(images, batch_size=4, verbose=0),
        lambda: model.fit(dataset, verbose=0),
        lambda: model.evaluate(images, batch_size=4, verbose=0),
        lambda: model.predict(images, batch_size=4, verbose=0),
        lambda: model.train_on_batch(images),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"{words}: use uint8"):
            call()


def test_grey_values_may_overshoot_by_rounding():
    images = np.where(GREY > 0, np.float32(1.0001), np.float32(-0.0001))
    compiled().fit(images, batch_size=4, verbose=0)


def test_compiled_steps_tell_the_range_too():
    model = compiled(steps=1)
    model.compile(model.optimizer, jit_compile=True)
    with pytest.raises(ValueError, match="from 0 to 255: use uint8"):
        model.evaluate(GREY * 255, batch_size=8, verbose=0)


def test_fit_stops_at_the_first_step_that_is_not_finite():
    model = compiled()
    kernel = model.decoder.network.outputs[0].kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(air.NonFiniteError, match="^reconstruction is not finite$"):
        model.fit(BYTES, batch_size=4, verbose=0)
    assert int(model.iteration.numpy()) == 1


def test_predict_ignores_targets_as_keras_does():
    model = compiled(steps=1)
    pairs = tf.data.Dataset.from_tensor_slices((BYTES, np.zeros(8))).batch(4)
    found, expected = (
        model.predict(images, batch_size=size, verbose=0)["boxes"]
        for images, size in ((pairs, None), (BYTES, 4))
    )
    np.testing.assert_array_equal(found, expected)


def test_several_replicas_are_refused():
    """Their gradients would be added up, of equal noise."""
    model = compiled()
    model._distribute_strategy = types.SimpleNamespace(num_replicas_in_sync=2)
    with pytest.raises(ValueError, match="tf.distribute: not supported"):
        model.make_train_function()


def fit_compiled(model, **options):
    model.compile(model.optimizer, run_eagerly=True, **options)
    model.fit(BYTES, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.fit(BYTES, np.zeros(8), verbose=0), "targets are given"),
        (
            lambda m: m.fit(BYTES, sample_weight=np.zeros(8), verbose=0),
            "sample_weight, class_weight: AIR weights all images equally",
        ),
        (
            lambda m: m.evaluate(BYTES, sample_weight=np.zeros(8), verbose=0),
            "sample_weight: AIR weights",
        ),
        (lambda m: fit_compiled(m, metrics=["mse"]), "metrics=.: not allowed"),
        (lambda m: fit_compiled(m, loss="mse"), "loss=.*: not allowed"),
    ],
)
def test_arguments_that_nothing_would_read_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(compiled())


def test_a_dataset_of_unknown_shape_is_told():
    unknown = tf.data.Dataset.from_generator(
        lambda: iter([BYTES[:4]]), output_types=tf.uint8
    )
    model = compiled()
    model.compile(model.optimizer, run_eagerly=False, jit_compile=False)
    with pytest.raises(ValueError, match="images of unknown shape"):
        model.fit(unknown, verbose=0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_other_precisions_get_one_line(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        with pytest.raises(ValueError, match=f"dtype policy {policy}: AIR computes"):
            model_support.tiny_model()
    finally:
        keras.config.set_dtype_policy(before)


def test_another_backend_is_told_where_it_cannot_be_overruled():
    done = python("import keras, air", KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "set KERAS_BACKEND=tensorflow" in done.stderr.splitlines()[-1]


def test_callbacks_validation_and_saving_work_together(tmp_path):
    """README says what to monitor: val_nelbo, the lower the better.

    The model that was saved is loaded in another process, which overrules the backend.
    """
    model = compiled(steps=1)
    best = {"monitor": "val_nelbo", "mode": "min"}
    callbacks = [
        keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True, **best),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "model.keras", save_best_only=True, **best
        ),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = model.fit(
        BYTES, batch_size=4, epochs=2, verbose=0, callbacks=callbacks,
        validation_data=(GREY[:6],), validation_batch_size=4,
    ).history  # fmt: skip
    assert np.all(np.isfinite(history["val_nelbo"])) and len(history["val_nelbo"]) == 2
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert len(rows) == 2 and set(history) < set(rows[0])
    assert list((tmp_path / "board").rglob("events*"))
    np.save(tmp_path / "images.npy", GREY)
    script = (
        "import sys, air, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "images = np.load(sys.argv[1] + '/images.npy')\n"
        "print(model.evaluate(images[:6], batch_size=4, verbose=0, return_dict=True)"
        "['nelbo'])"
    )
    found = float(printed(script, tmp_path, KERAS_BACKEND="jax").split()[-1])
    assert found == pytest.approx(min(history["val_nelbo"]), rel=1e-5)


def test_a_short_last_batch_weighs_less():
    model, means = compiled(), []
    model.optimizer.learning_rate = 0.0
    for iteration, batch in enumerate((BYTES[:4], BYTES[4:6])):
        now, grey = tf.constant(iteration, tf.int64), model.grey(batch)
        seed = noise.fold_in(noise.run_seed(model.seed), now)
        draws = noise.draw(seed, len(batch), **model.noise_options())
        means.append(float(model.objective(grey, draws, now, training=True)["nelbo"]))
    fitted = model.fit(BYTES[:6], batch_size=4, shuffle=False, verbose=0)
    expected = (4 * means[0] + 2 * means[1]) / 6
    assert abs(means[0] - means[1]) > 1e-2
    assert fitted.history["nelbo"][0] == pytest.approx(expected, rel=1e-5)


class WithSpread(air.AIR):
    """A model that measures one part more."""

    def measure(self, latents, inference, taken):
        parts = super().measure(latents, inference, taken)
        return {**parts, "spread": tf.math.reduce_std(latents.location)}

    def part_names(self):
        return [*super().part_names(), "spread"]


def test_a_subclass_may_measure_more():
    prior = air.LearnedPrior(sizes=model_support.SIZES)
    model = WithSpread(model_support.CANVAS, steps=2, prior=prior)
    model_support.compiled(model).fit(BYTES[:4], batch_size=4, verbose=0)
    assert model.evaluate(BYTES[:4], verbose=0, return_dict=True)["spread"] > 0


def test_a_fitted_model_can_be_exported(tmp_path):
    model = compiled(steps=1)
    model.fit(BYTES, batch_size=8, verbose=0)
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    served = loaded.serve(GREY)
    expected = model.predict(GREY, verbose=0)
    np.testing.assert_allclose(served["boxes"], expected["boxes"], atol=1e-4)
