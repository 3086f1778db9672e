"""Scenes from the prior: p(z, n), then p(x | z, n)."""

import tensorflow as tf

from air import noise as noises
from air import stick_breaking
from air.generation import compose, drawn_boxes
from air.options import whole_number


class PriorSampling:
    """What samples scenes from the prior of a model.

    A subclass has `prior`, `decoder` and `estimator`; `draw_noise(seed, batch)`;
    `canvas_side`, `steps` and `iteration`, as `air.AIR` has them.
    """

    def generate(self, samples, seed, count=None, side=None):
        """Samples scenes from the prior.

        Args:
          samples: how many.
          seed: an integer; equal seeds give equal scenes.
          count: number of objects in every scene, an integer; None to sample it
            (with a `FixedCountEstimator` it is K).
          side: side of every box in pixels, in place of the sampled one (as the
            released code does); None for the sample.

        Returns:
          A dict with
            images: grey values in [0, 1]. Shape [samples, S, S].
            counts: number of objects, int32. Shape [samples].
            boxes: (x, y, width, height) in pixels, 0 beyond the count. Shape
              [samples, K, 4].

        Raises:
          ValueError: if `samples`, `count` or `side` is out of range, or `samples`
            or `count` is no whole number.
        """
        scenes = self.sample(samples, seed, count, side)
        return {name: value.numpy() for name, value in scenes.items()}

    def sample(self, samples, seed, count=None, side=None):
        """`generate`, its scenes as tensors: for use inside a `tf.function`."""
        samples = whole_number("samples", samples, 1)
        if count is not None:
            count = whole_number("count", count, 0, self.steps)
        if side is not None and not 0 < side < self.canvas_side:
            raise ValueError(f"side {side}: use more than 0, less than the canvas")
        noise = self.draw_noise(noises.run_seed(seed), samples)
        latents, logits = self.prior.sample(noise, self.iteration)
        if side is not None:
            fraction = side / self.canvas_side
            scale = tf.math.log(fraction / (1 - fraction)) * tf.ones_like(latents.scale)
            latents = latents._replace(scale=scale)
        if count is None and not self.estimator.infers_presence:
            count = self.steps
        if count is None:
            counts = stick_breaking.sampled_count(logits, noise.presence)
        else:
            counts = tf.fill([samples], count)
        canvases = self.decoder.draw(latents, noise.decoder)
        return {
            "images": compose(canvases, counts),
            "counts": counts,
            "boxes": drawn_boxes(latents, counts, self.canvas_side),
        }
