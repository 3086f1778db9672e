"""Brings TensorFlow up, the same way for every command that computes with it."""

import os


def tensorflow(threads=None, compiler="xla"):
    """Imports TensorFlow and sets what a run's numbers depend on.

    Keras's process-wide settings are the run's own, whatever the user's are.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")  # `build_model` knows of others
    keras.config.set_dtype_policy("float32")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    # On a GPU products would otherwise keep ten bits of the fraction.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if compiler == "none":  # as the released code's sums are taken
        tf.config.optimizer.set_experimental_options({"constant_folding": False})
