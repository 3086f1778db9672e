"""Runs of a tiny model that share its compiled functions, for tests of training."""

import contextlib

import keras
import model_support
import numpy as np
import pytest
import tensorflow as tf

import asr
import data
from reproduce import checkpoint, training
from reproduce.configuration import preset_configuration

BATCH, TRAIN, TEST = 4, 15, 6  # 3 steps an epoch, 3 images left over


@contextlib.contextmanager
def compiled_once():
    """Runs share one model and its compiled functions; others' functions are eager.

    Compiling by XLA for each run would take longer than all these runs. A run
    that begins finds every variable of the shared model at its initial value.
    """
    whole = tf.function

    def function(method, **options):
        model = method.__self__
        if not any(model is shared for shared, _ in SHARED.values()):
            return method
        key = id(model), method.__name__
        if key not in COMPILED:
            COMPILED[key] = whole(method, **options)
        return COMPILED[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf, "function", function)
        yield


def options(epochs=2, **changes):
    changes = {
        "batch_size": BATCH,
        "train_images": TRAIN,
        "test_images": TEST,
    } | changes
    return preset_configuration("table1/asr-13", epochs=epochs, **changes)


def scenes(digest="d", seed=0):
    """Random scenes; every training image has its number in its first pixel."""
    images = model_support.random_images(TRAIN + TEST, seed)
    images[:, 0, 0] = np.arange(TRAIN + TEST)
    counts = np.resize([1, 3], TRAIN + TEST).astype(np.int32)
    boxes = np.tile(np.float32([2, 3, 5, 5]), (TRAIN + TEST, 3, 1))
    boxes *= (np.arange(3) < counts[:, None])[..., None]
    train, test = (
        data.SceneSet(images[part], counts[part], boxes[part])
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    return data.Scenes(train, test, digest)


SHARED = {}  # models that take no further constraints, and their initial values
COMPILED = {}  # their compiled functions, which test files share as well


def tiny(configuration, constraints=()):
    """A run's model as `build_model` makes it, with tiny networks."""
    if constraints:
        return new_model(configuration, constraints)
    key = configuration.seed, configuration.count_rule
    if key not in SHARED:
        model = new_model(configuration, ())
        SHARED[key] = model, [variable.numpy() for variable in every_variable(model)]
    model, initial = SHARED[key]
    for variable, value in zip(every_variable(model), initial, strict=True):
        variable.assign(value)
    return model


def every_variable(model):
    return [
        *(*model.trainable_variables, model.iteration, *model.optimizer.variables),
        *(variable for metric in model.metrics for variable in metric.variables),
    ]


def new_model(configuration, constraints):
    regulariser = asr.number_regulariser((1, 3))
    model = model_support.tiny_model(
        regulariser=asr.Regulariser([*regulariser.constraints, *constraints]),
        count_rule=configuration.count_rule,
        seed=configuration.seed,
    )
    optimizer = keras.optimizers.Adam(1e-2, epsilon=1e-8, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer)
    return model


def start(root, configuration, constraints=(), **changes):
    """A new run, as a new process would make it, with a new model."""
    model = tiny(configuration, constraints)
    folder = checkpoint.folder_of(root, configuration)
    arguments = {"scenes": scenes()} | changes
    return training.Training(configuration, model, folder=folder, **arguments)
