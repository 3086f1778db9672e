"""What the parts of a model that can be swapped have in common."""


class Part:
    """An estimator, a sampler or a likelihood: an object that Keras can save.

    A subclass with settings gives them in `get_config`; one that has to survive
    `model.save` is registered with `keras.saving.register_keras_serializable`.
    """

    def get_config(self):
        """The constructor's arguments, a dict; none unless a subclass has some."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)
