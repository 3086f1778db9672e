"""How the model is trained: one step of descent on an objective of its own."""

import keras
import tensorflow as tf

from air import noise as noises
from air import shapes

EVALUATION_SEED = 20_191_208  # of the one sample of z that predictions draw


class ObjectiveModel(keras.Model):
    """A Keras model that is trained on images alone, by its own objective.

    A subclass has `objective(images, noise, iteration, early, relaxed)`, a dict of
    scalars with "loss" among them; `draw_noise(seed, batch)`; `iteration`, the number
    of steps so far; `trackers`, a dict of running means named as the objective's parts
    and "gradient_norm"; `early_end`, None or a number of objects; and `seed`.
    """

    def train_step(self, data):
        """One step of gradient descent on the objective; Keras calls it."""
        return self._descend(*self._gradients(data, early=False))

    def early_train_step(self, data):
        """`train_step` with `early_end` objects only, where the batch has no more.

        If parts["ended_early"] is 1 the step is that of the whole loop, to 1e-5 of the
        gradient's norm; otherwise nothing changes.

        Args:
          data: images, as in `train_step`.

        Returns:
          taken: 1.0 if the step was taken, else 0.0. Shape [].
          means: a dict, as `train_step` returns it.

        Raises:
          ValueError: if the model has no `early_end`.
        """
        if self.early_end is None:
            raise ValueError("early_train_step: needs a model with an early_end")
        parts, gradients = self._gradients(data, early=True)
        taken = parts["ended_early"]
        means = tf.cond(
            taken > 0,
            lambda: self._descend(parts, gradients),
            lambda: {name: self.trackers[name].result() for name in parts},
        )
        return taken, means

    def _gradients(self, data, early):
        """The objective's parts at this iteration's noise, and its gradients."""
        images = self.grey(keras.utils.unpack_x_y_sample_weight(data)[0])
        seed = noises.fold_in(noises.run_seed(self.seed), self.iteration)
        noise = self.draw_noise(seed, shapes.batch_size(images))
        with tf.GradientTape() as tape:
            parts = self.objective(images, noise, self.iteration, early)
        gradients = tape.gradient(parts["loss"], self.trainable_variables)
        parts["gradient_norm"] = tf.linalg.global_norm(gradients)
        return parts, gradients

    def _descend(self, parts, gradients):
        """Takes the optimiser's step; returns the running means of the parts."""
        self.optimizer.apply(gradients, self.trainable_variables)
        self.iteration.assign_add(1)
        return self._track(parts)

    def test_step(self, data):
        """The objective's parts at the evaluation sample of z; Keras calls it."""
        images = self.grey(keras.utils.unpack_x_y_sample_weight(data)[0])
        seed = noises.run_seed(EVALUATION_SEED)
        count = shapes.batch_size(images)
        noise = self.draw_noise(seed, count)
        parts = self.objective(images, noise, self.iteration, relaxed=False)
        return self._track(parts, count)

    @property
    def metrics(self):
        """Running means of the objective's parts."""
        return list(self.trackers.values())

    def grey(self, images):
        """Grey values in [0, 1] in the compute type.

        Raises:
          ValueError: if the images are neither uint8 nor floating numbers.
        """
        images = tf.convert_to_tensor(images)
        if images.dtype == tf.uint8:
            return tf.cast(images, self.compute_dtype) / 255
        if not images.dtype.is_floating:
            raise ValueError(
                f"images of {images.dtype.name}: use uint8 (0 to 255) or grey values "
                "in [0, 1]"
            )
        return tf.cast(images, self.compute_dtype)

    def _track(self, parts, images=None):
        """Updates the running means, weighted by a number of images if given."""
        for name, value in parts.items():
            self.trackers[name].update_state(value, images)
        return {name: self.trackers[name].result() for name in parts}
