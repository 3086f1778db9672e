"""One constraint F_i(q) <= 0 with its weight lambda_i and its name."""

import dataclasses
import math

import keras


class ConstraintError(ValueError):
    """A functional gives a value of the wrong dtype or shape; names the constraint."""


class Functional:
    """Base of the project's functionals F(q): a callable that Keras can save.

    Subclass it by a frozen dataclass whose fields are the settings. A plain function of
    a `Posterior` serves as well. Either survives `model.save` if it is registered:

      @keras.saving.register_keras_serializable("mine")
      @dataclasses.dataclass(frozen=True)
      class LeftToRight(asr.Functional):
          gap: float = 0.0

          def __call__(self, posterior):
              x = posterior.centre[:, :, 0]
              excess = tf.nn.relu(x[:, :-1] + self.gap - x[:, 1:])
              return tf.reduce_sum(posterior.validity[:, 1:] * excess, axis=1)

    Attributes:
      least_objects: how many objects a model has to infer for F(q) to be right, even
        where it is certain that an image holds fewer. None, as for plain functions:
        all K.
      reads_stop: whether F(q) also reads the box or z_app of the object at which an
        image's loop stops, as one does that multiplies them by `Posterior.step_mask`.
    """

    least_objects = None
    reads_stop = False

    def __call__(self, posterior):
        """F(q) of a `Posterior`. Shape [batch], one per image, or [], one per batch."""
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def get_config(self):
        """The settings, for Keras's saving."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`; JSON's lists become tuples again."""
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in config.items()
            }
        )


@dataclasses.dataclass(frozen=True)
class Constraint:
    """A structural constraint F(q) <= 0, relaxed to the penalty lambda max(F, 0).

    Attributes:
      name: how logs and histories call the violation, a Python identifier.
      functional: differentiable F: takes a `Posterior`, returns shape [batch]
        (a constraint on each image) or [] (one on the whole batch).
      weight: lambda >= 0 of equation 11.

    Raises:
      ValueError: if the name is no identifier, the weight is negative or not
        finite, or the functional cannot be called.
    """

    name: str
    functional: object
    weight: float = 1.0

    def __post_init__(self):
        if not str(self.name).isidentifier():
            raise ValueError(
                f"constraint name {self.name!r} is not allowed; use a Python identifier"
            )
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(
                f"constraint {self.name}: weight {self.weight} is not allowed; use a "
                "finite number >= 0"
            )
        if not callable(self.functional):
            raise ValueError(f"constraint {self.name}: its functional is no function")

    @property
    def least_objects(self):
        """That of the functional; None for a plain function."""
        return getattr(self.functional, "least_objects", None)

    @property
    def reads_stop(self):
        """That of the functional; a plain function is given all objects anyway."""
        return getattr(self.functional, "reads_stop", False)

    def get_config(self):
        """Name, weight and serialised functional, for Keras's saving."""
        return {
            "name": self.name,
            "functional": keras.saving.serialize_keras_object(self.functional),
            "weight": self.weight,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        functional = keras.saving.deserialize_keras_object(config["functional"])
        return cls(config["name"], functional, config["weight"])
