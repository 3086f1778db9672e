"""Initialises TensorFlow, the same way for every command that computes with it."""

import os

from reproduce.records import environment
from reproduce.run import memory


def tensorflow(threads=None, compiler="xla"):
    """Imports TensorFlow and sets what a run's numbers depend on.

    Without `threads` it takes those that this process may use.

    Keras's process-wide settings are the run's own, whatever the user's are.
    """
    memory.keep_buffers()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")  # `build_model` knows of others
    keras.config.set_dtype_policy("float32")
    threading, given = tf.config.threading, threads or environment.usable_cores()
    try:
        threading.set_intra_op_parallelism_threads(given)
        threading.set_inter_op_parallelism_threads(given)
    except RuntimeError:  # TensorFlow computes already, in a caller's process
        if threads is not None:
            raise
    # On a GPU products would otherwise keep ten bits of the fraction.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if compiler == "none":  # as the released code's sums are taken
        tf.config.optimizer.set_experimental_options({"constant_folding": False})
