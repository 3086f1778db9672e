"""Building blocks shared by the recognition and the generative model.

Glorot uniform kernels and zero biases, but for the LSTM's forget bias of 1. Every layer
is built when it is constructed: all sizes are known then.
"""

import itertools
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air.shapes import standard_deviation

tfd = tfp.distributions


def kernel_seeds(seed):
    """An endless stream of integer seeds, one per kernel, from one seed."""
    root = np.random.SeedSequence(seed)
    return (int(root.spawn(1)[0].generate_state(1)[0] >> 1) for _ in itertools.count())


def dense(inputs, units, seeds, activation=None, name=None):
    """A built `keras.layers.Dense` with a seeded Glorot uniform kernel."""
    layer = keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        name=name,
    )
    layer.build((None, inputs))
    return layer


class Perceptron(keras.layers.Layer):
    """Multi-layer perceptron with softplus hidden layers and linear outputs."""

    def __init__(self, inputs, hidden_units, outputs, seeds, name=None):
        """Builds the layers.

        Args:
          inputs: number of inputs, the size of `call`'s last axis.
          hidden_units: units of each hidden layer, a sequence.
          outputs: number of outputs of each output layer, a sequence.
          seeds: stream of kernel seeds.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.layers, self.outputs = [], []
        with keras.name_scope(self.name):
            for index, units in enumerate(hidden_units):
                layer = dense(inputs, units, seeds, "softplus", f"hidden_{index}")
                self.layers.append(layer)
                inputs = units
            for index, units in enumerate(outputs):
                name = f"output_{index}" if len(outputs) > 1 else "output"
                self.outputs.append(dense(inputs, units, seeds, name=name))
        self.built = True

    def call(self, inputs):
        """Shape [batch, inputs] to [batch, sum of outputs]."""
        for layer in self.layers:
            inputs = layer(inputs)
        outputs = [layer(inputs) for layer in self.outputs]
        return outputs[0] if len(outputs) == 1 else tf.concat(outputs, axis=-1)


def check_network(name, network, inputs, outputs):
    """Builds a network of one's own and refuses one of other sizes.

    Args:
      name: the argument that gives it, for the message.
      network: a Keras layer.
      inputs, outputs: sizes of the last axis of its input and output.

    Raises:
      ValueError: if [n, inputs] does not become [n, outputs].
    """
    found = network(keras.Input([inputs])).shape
    if found[1:] != (outputs,):
        raise ValueError(
            f"{name}: of [n, {inputs}] it makes [n, {', '.join(map(str, found[1:]))}]: "
            f"use [n, {outputs}]"
        )


class Head(keras.layers.Layer):
    """One hidden layer of ReLU units and a linear output layer.

    The output layer reads, besides the hidden layer, `extra` further inputs; with
    `hidden_sees_extra` the hidden layer reads them as well.
    """

    def __init__(
        self, sizes, outputs, seeds, extra=0, name=None, hidden_sees_extra=False
    ):
        """Builds the two layers.

        Args:
          sizes: a `Sizes`: `lstm` inputs, `head` hidden units.
          outputs: number of outputs.
          seeds: stream of kernel seeds.
          extra: number of further inputs; 0 for none.
          name: Keras's name of the layer.
          hidden_sees_extra: whether the hidden layer reads them too.
        """
        super().__init__(name=name)
        self.hidden_sees_extra = hidden_sees_extra
        inputs = sizes.lstm + (extra if hidden_sees_extra else 0)
        with keras.name_scope(self.name):
            self.hidden = dense(inputs, sizes.head, seeds, "relu", "hidden")
            self.output_layer = dense(sizes.head + extra, outputs, seeds, name="output")
        self.built = True

    def call(self, inputs, extra=None):
        """Shape [..., lstm] (and [..., extra]) to [..., outputs]."""
        if extra is not None and self.hidden_sees_extra:
            inputs = tf.concat([inputs, extra], axis=-1)
        hidden = self.hidden(inputs)
        if extra is not None:
            hidden = tf.concat([hidden, extra], axis=-1)
        return self.output_layer(hidden)


class GaussianHead(keras.layers.Layer):
    """Mean and log-variance of a diagonal normal, each from its own `Head`."""

    def __init__(
        self, sizes, outputs, seeds, extra=0, name=None, hidden_sees_extra=False
    ):
        """Builds the two heads.

        Args:
          sizes: a `Sizes`: `lstm` inputs, `head` hidden units in each head.
          outputs: dimensions of the normal.
          seeds: stream of kernel seeds.
          extra: as in `Head`, of both heads.
          name: Keras's name of the layer.
          hidden_sees_extra: as in `Head`, of both heads.
        """
        super().__init__(name=name)
        self.bounded = sizes.bounded
        given = (sizes, outputs, seeds, extra)
        with keras.name_scope(self.name):
            self.mean = Head(*given, "mean", hidden_sees_extra)
            self.log_variance = Head(*given, "log_variance", hidden_sees_extra)
        self.built = True

    def call(self, inputs, extra=None):
        """The pair (mean, standard deviation). Shape [..., outputs] each."""
        log_variance = self.log_variance(inputs, extra)
        return self.mean(inputs, extra), standard_deviation(log_variance, self.bounded)


def normal(mean, deviation):
    """A TFP normal that is independent over the last axis."""
    return tfd.Independent(tfd.Normal(mean, deviation), 1)


class LSTMState(NamedTuple):
    """What a step of an `LSTM` needs of those before it.

    Attributes:
      output, cell: of the step before. Shape [batch, units] each.
      projection: of the static input, with the bias. Shape [batch, 4 units], or [4
        units] without a static input.
      kernel: of the moving input and the state. Shape [moving + units, 4 units].
    """

    output: Any
    cell: Any
    projection: Any
    kernel: Any


class LSTM(keras.layers.Layer):
    """LSTM whose input is a static part, the same at every step, and a moving one.

    The static part's projection is computed once. One kernel over [static,
    moving, state], Glorot uniform over all of it jointly, as in the released
    code's LSTM; forget bias 1. Gates in the order input, forget, cell, output.
    """

    def __init__(self, static, moving, units, seeds, name=None):
        """Builds the kernel, shape [static + moving + units, 4 units], and the bias.

        Args:
          static: number of inputs that are the same at every step; 0 for none.
          moving: number of inputs that differ between steps; 0 for none.
          units: size of the output and of the cell's state.
          seeds: stream of kernel seeds.
          name: Keras's name of the layer.
        """
        super().__init__(name=name)
        self.static, self.moving, self.units = static, moving, units
        self.kernel = self.add_weight(
            shape=(static + moving + units, 4 * units),
            initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name="kernel",
        )
        forget_one = np.repeat([0.0, 1.0, 0.0, 0.0], units)
        self.bias = self.add_weight(
            shape=(4 * units,),
            initializer=lambda shape, dtype: tf.constant(forget_one, dtype),
            name="bias",
        )
        self.built = True

    def begin(self, batch, static_input=None):
        """The first step, from an output, a cell and a moving input of zeros.

        Args:
          batch: number of images.
          static_input: the part of the input that is the same at every step.
            Shape [batch, static]; None where `static` is 0.

        Returns:
          The `LSTMState` after it.
        """
        static_kernel, kernel = tf.split(
            tf.convert_to_tensor(self.kernel),
            [self.static, self.moving + self.units],
        )
        projection = tf.convert_to_tensor(self.bias)
        if self.static:
            projection += tf.matmul(static_input, static_kernel)

        # Zeros add nothing to the projection: there is no product in the first step.
        first = tf.broadcast_to(projection, [batch, 4 * self.units])
        output, cell = _gated(first, tf.zeros([batch, self.units], first.dtype))
        return LSTMState(output, cell, projection, kernel)

    def step(self, moving_input, state):
        """The `LSTMState` after one more step. The input has shape [batch, moving]."""
        inputs = tf.concat([moving_input, state.output], axis=1)
        gates = state.projection + tf.matmul(inputs, state.kernel)
        output, cell = _gated(gates, state.cell)
        return state._replace(output=output, cell=cell)


def _gated(gates, cell):
    """An LSTM's new output and cell from its gates' inputs and its cell."""
    enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
    cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(candidate)
    return tf.sigmoid(leave) * tf.tanh(cell), cell
