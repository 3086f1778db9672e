"""Parts of one's own, as a user's file has them: a model and constraints."""

import dataclasses

import keras
import tensorflow as tf

import air
import asr


def shallow(**arguments):
    """The run's model with a decoder of one layer."""
    pixels = arguments["sizes"].window ** 2
    return air.AIR(**{**arguments, "decoder": keras.layers.Dense(pixels)})


def nothing(**arguments):
    """Forgets to return the model."""
    air.AIR(**arguments)


@dataclasses.dataclass(frozen=True)
class Apart(asr.Functional):
    """How much nearer than `distance` pixels the first two objects are."""

    distance: float

    def __call__(self, q):
        x = q.centre[:, :, 0]
        return self.distance - tf.abs(x[:, 0] - x[:, 1])


apart = Apart(5.0)


def nelbo(q):
    """Has the name of a term."""
    return q.side[:, 0]


def of_values(q):
    """Needs values, which a traced step does not have."""
    return tf.reduce_sum(q.side[:, : int(q.side.numpy().size > 0)], axis=1)


def infinite_slope(q):
    """The distances of all pairs, among them an object's from itself."""
    distances = tf.norm(q.centre[:, :, None] - q.centre[:, None], axis=-1)
    return tf.reduce_sum(tf.nn.relu(5 - distances), axis=[1, 2])


def counted(q):
    """Has no gradient."""
    return tf.reduce_sum(tf.cast(q.side > 5, q.side.dtype), axis=1)
