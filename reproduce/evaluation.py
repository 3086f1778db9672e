"""A model's figures on the test set and in samples from its prior."""

import numpy as np
import tensorflow as tf

import data.statistics
from air import noise
from air.model import EVALUATION_SEED, TERMS
from reproduce import metrics

SHOWN_SCENES = 16  # the first test scenes, kept for the figures
PRIOR_SAMPLES = 1_000  # specification of the sampled-overlap claim
SAMPLE_SEED = 0


class Evaluator:
    """Evaluates one model on one test set, in batches of fixed shape."""

    def __init__(self, model, scenes, batch_size):
        """Compiles nothing yet; the first call does.

        Args:
          model: an `air.AIR`.
          scenes: the test set, a `data.SceneSet`.
          batch_size: images a batch; the last one is padded, the padding ignored.
        """
        self.model, self.scenes, self.batch_size = model, scenes, batch_size
        self._infer = tf.function(model.call, jit_compile=True, autograph=False)

    def __call__(self):
        """Evaluates the model as it is now.

        Returns:
          figures: a dict of floats, means over the test images: "nelbo" and its
            terms in nats, "se", "acc", "miou", "miou_integer_convention",
            "mean_count"; only the former up to "se" if they are not finite.
          scenes: arrays over all test images, as `AIR.call` gives them.
        """
        scenes = self.predict(self.scenes.images)
        figures = {name: float(scenes[name].mean()) for name in ("nelbo", *TERMS)}
        figures["se"] = float(scenes["squared_error"].mean())
        if not np.isfinite(list(figures.values())).all():
            return figures, scenes  # the boxes may be no numbers either
        figures |= metrics.scene_metrics(
            scenes["boxes"], scenes["counts"], self.scenes.boxes, self.scenes.counts
        )
        figures["mean_count"] = float(scenes["counts"].mean())
        return figures, scenes

    def predict(self, images):
        """`AIR.call` over all images; batch b draws z from fold_in(fixed seed, b)."""
        batches, root = [], noise.run_seed(EVALUATION_SEED)
        for index, first in enumerate(range(0, len(images), self.batch_size)):
            batch = images[first : first + self.batch_size]
            padding = self.batch_size - len(batch)
            padded = np.pad(batch, [(0, padding), (0, 0), (0, 0)])
            result = self._infer(tf.constant(padded), noise.fold_in(root, index))
            batches.append(
                {name: value.numpy()[: len(batch)] for name, value in result.items()}
            )
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in batches[0]
        }


def summary(model, truth, scenes):
    """Further figures that the paper's claims need.

    Args:
      model: an `air.AIR`.
      truth: the test set, a `data.SceneSet`.
      scenes: the arrays that `Evaluator` gave for it.

    Returns:
      A dict: "count_histogram" (scenes by inferred count 0..K), "one_step_share"
      (share of scenes with an inferred count of 1), "too_few_by_distance" and
      "overlapping_pairs_in_samples".
    """
    histogram = np.bincount(scenes["counts"], minlength=model.steps + 1)
    samples = model.generate(PRIOR_SAMPLES, SAMPLE_SEED)
    return {
        "count_histogram": histogram.tolist(),
        "one_step_share": float(np.mean(scenes["counts"] == 1)),
        "too_few_by_distance": metrics.too_few_by_distance(
            scenes["counts"],
            truth.counts,
            data.statistics.nearest_pair_distances(truth),
        ),
        "overlapping_pairs_in_samples": metrics.overlapping_pair_share(
            samples["boxes"], samples["counts"]
        ),
    }


def figure_arrays(model, truth, scenes):
    """The small arrays that a run's figures are drawn from.

    Args:
      model: an `air.AIR`.
      truth: the test set, a `data.SceneSet`.
      scenes: the arrays that `Evaluator` gave for it.

    Returns:
      A dict of arrays: the first test scenes' images and reconstructions (uint8),
      inferred and true boxes and counts, and as many samples from the prior.
    """
    first = slice(SHOWN_SCENES)
    samples = model.generate(SHOWN_SCENES, SAMPLE_SEED)
    return {
        "images": truth.images[first],
        "reconstructions": _bytes(scenes["reconstructions"][first]),
        "boxes": scenes["boxes"][first].astype(np.float32),
        "counts": scenes["counts"][first],
        "true_boxes": truth.boxes[first],
        "true_counts": truth.counts[first],
        "sample_images": _bytes(samples["images"]),
        "sample_boxes": samples["boxes"].astype(np.float32),
        "sample_counts": samples["counts"],
    }


def _bytes(grey):
    return np.round(np.asarray(grey) * 255).astype(np.uint8)
