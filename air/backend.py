"""Keras's backend: the models are TensorFlow's, whatever the user's settings are."""

import os
import sys

if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

if keras.config.backend() != "tensorflow":
    raise ImportError(
        f"Keras runs on {keras.config.backend()}, and these models on TensorFlow: set "
        "KERAS_BACKEND=tensorflow, or import air before keras"
    )
