"""Initialises TensorFlow in the same way for every command that uses it."""

import os

from reproduce.records import environment
from reproduce.run import memory


def tensorflow(threads=None, compiler="xla"):
    """Imports TensorFlow and sets what a run's numbers depend on.

    `threads` defaults to the number of cores that this process may use. Keras's
    process-wide settings are set for the run, whatever the user's are.
    """
    memory.keep_buffers()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float32")  # `build_model` sets others
    keras.config.set_dtype_policy("float32")
    threading, number = tf.config.threading, threads or environment.usable_cores()
    try:
        threading.set_intra_op_parallelism_threads(number)
        threading.set_inter_op_parallelism_threads(number)
    except RuntimeError:  # TensorFlow is already in use, in a caller's process
        if threads is not None:
            raise
    # On a GPU, products would otherwise keep only ten bits of the fraction.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if compiler == "none":  # sums as in the released code
        tf.config.optimizer.set_experimental_options({"constant_folding": False})
