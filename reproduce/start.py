"""Brings TensorFlow into use, the same way for every command that trains."""

import os

from reproduce import quiet

PRECISION = "float32"  # of matrix products, on every device


def tensorflow(threads=None):
    """Imports TensorFlow and takes the devices into use, without its notices.

    It takes seconds, so what can be checked without it is checked before.

    Args:
      threads: processor threads of its operations, None for its own choice.

    Raises:
      RuntimeError: if threads are given after the first use of a device.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet.standard_error():
        import tensorflow as tf

        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        # On a GPU products would otherwise keep ten bits of the fraction.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        # The first use of a device and of XLA has notices of its own.
        tf.function(tf.identity, jit_compile=True)(tf.zeros([]))
