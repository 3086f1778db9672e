"""Keras's Adam as a pure function of tensors, for several runs at once."""

import keras
import tensorflow as tf


def adam(optimizer):
    """Keras's Adam with clipping by norm per variable, as a pure function.

    Returns:
      A function of lists of weights, gradients and the optimiser's variables, in
      Keras's order: iteration, learning rate, then both moments of each weight. It
      gives new weights and new variables. All have the runs as their first axis.

    Raises:
      ValueError: if the optimiser is another.
    """
    config = optimizer.get_config()
    unused = ("amsgrad", "use_ema", "weight_decay", "global_clipnorm", "clipvalue")
    unused += ("loss_scale_factor", "gradient_accumulation_steps")
    if type(optimizer) is not keras.optimizers.Adam or any(
        config.get(name) for name in unused
    ):
        raise ValueError("only plain Adam with clipnorm can be exported")
    first, second, epsilon, clip = (
        config[name] for name in ("beta_1", "beta_2", "epsilon", "clipnorm")
    )

    def apply(weights, gradients, variables):
        iteration, learning_rate, *moments = variables
        step = tf.cast(iteration + 1, learning_rate.dtype)
        rate = learning_rate * tf.sqrt(1 - second**step) / (1 - first**step)
        new_weights, new_moments = [], []
        for index, (weight, gradient) in enumerate(
            zip(weights, gradients, strict=True)
        ):
            mean, square = moments[2 * index : 2 * index + 2]
            if clip:
                gradient = tf.clip_by_norm(gradient, clip, inner_axes(gradient))
            mean += (gradient - mean) * (1 - first)
            square += (tf.square(gradient) - square) * (1 - second)
            own_rate = tf.reshape(rate, [-1] + [1] * (weight.shape.rank - 1))
            new_weights.append(weight - mean * own_rate / (tf.sqrt(square) + epsilon))
            new_moments += [mean, square]
        return new_weights, [iteration + 1, learning_rate, *new_moments]

    return apply


def inner_axes(tensor):
    """All axes but the runs'."""
    return list(range(1, tensor.shape.rank))
