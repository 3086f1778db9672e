"""A decoder of one's own, which is not in the paper: convolutions, not a perceptron.

    python -m reproduce.run --experiment table1/asr-13 \
        --model examples/convolutional_decoder.py:convolutional

A run's options make the arguments of `air.AIR`; the function changes one of them and
returns the model, which is trained, recorded and resumed like the paper's.
"""

import keras

import air


def convolutional(**arguments):
    """The run's model, with windows from two transposed convolutions.

    z_app, [n, 50], to logits of windows of 28 x 28 pixels, [n, 784]. Sizes and layers
    are this example's choice.

    Args:
      **arguments: of `air.AIR`, with `sizes.window` 28.

    Returns:
      An `air.AIR`.
    """
    grow = {"kernel_size": 4, "strides": 2, "padding": "same"}
    decoder = keras.Sequential(
        [
            keras.layers.Dense(7 * 7 * 32, activation="relu"),
            keras.layers.Reshape((7, 7, 32)),
            keras.layers.Conv2DTranspose(16, **grow, activation="relu"),
            keras.layers.Conv2DTranspose(1, **grow),  # logits
            keras.layers.Flatten(),
        ]
    )
    return air.AIR(**{**arguments, "decoder": decoder})
