"""What a run reports of inferred and of sampled scenes. NumPy and SciPy only."""

import numpy as np

import data.statistics
from reproduce import metrics

SHOWN_SCENES = 16  # the first test scenes, kept for the figures
PRIOR_SAMPLES = 1_000  # from the prior, whose overlapping pairs are counted
SAMPLE_SEED = 0
# The share as sampled, and with all boxes of one side, as the released code samples
# AIR-pPrior and AIR-ASR.
OVERLAP_METRICS = (
    "overlapping_pairs_in_samples",
    "overlapping_pairs_in_samples_of_one_side",
)
# Of the arrays that `AIR.call` gives, those that are no term of the ELBO.
_SCENE = ("counts", "boxes", "reconstructions", "squared_error", "nelbo")


def figures(scenes, truth):
    """Means over the test images.

    Args:
      scenes: arrays over all test images, as `AIR.call` gives them.
      truth: the test set, a `data.SceneSet`.

    Returns:
      A dict of floats: "nelbo" and its terms in nats, "se", "acc", "miou",
      "miou_integer_convention", "mean_count", and "share_of_<n>", the share of scenes
      with n inferred objects, n = 0..K; only the former up to "se" if they are not
      finite.
    """
    terms = [name for name in scenes if name not in _SCENE]
    found = {name: float(scenes[name].mean()) for name in ("nelbo", *terms)}
    found["se"] = float(scenes["squared_error"].mean())
    if not np.isfinite(list(found.values())).all():
        return found  # the boxes may be no numbers either
    found |= metrics.scene_metrics(
        scenes["boxes"], scenes["counts"], truth.boxes, truth.counts
    )
    found["mean_count"] = float(scenes["counts"].mean())
    for count in range(scenes["boxes"].shape[1] + 1):
        found[f"share_of_{count}"] = float(np.mean(scenes["counts"] == count))
    return found


def summary(scenes, truth, samples, steps, side):
    """Further figures that the paper's claims need.

    Args:
      scenes: arrays over all test images, as `AIR.call` gives them.
      truth: the test set, a `data.SceneSet`.
      samples: `PRIOR_SAMPLES` samples from the prior, as `AIR.generate` gives them.
      steps: K.
      side: of all boxes in the second of the `OVERLAP_METRICS`, in pixels.

    Returns:
      A dict: "count_histogram" (scenes by inferred count 0..K), "one_step_share"
      (share of scenes with an inferred count of 1), "too_few_by_distance", the same
      "too_few_by_count" for each true count of two or more (its keys are texts), and
      the `OVERLAP_METRICS`.
    """
    distances = data.statistics.nearest_pair_distances(truth)
    several = {n: truth.counts == n for n in np.unique(truth.counts) if n > 1}
    histogram = np.bincount(scenes["counts"], minlength=steps + 1)
    overlaps = [
        metrics.overlapping_pair_share(samples["boxes"], samples["counts"], given)
        for given in (None, side)
    ]
    return {
        "count_histogram": histogram.tolist(),
        "one_step_share": float(np.mean(scenes["counts"] == 1)),
        "too_few_by_distance": metrics.too_few_by_distance(
            scenes["counts"], truth.counts, distances
        ),
        "too_few_by_count": {
            str(count): metrics.too_few_by_distance(
                scenes["counts"][those], truth.counts[those], distances[those]
            )
            for count, those in several.items()
        },
        **dict(zip(OVERLAP_METRICS, overlaps, strict=True)),
    }


def figure_arrays(scenes, truth, samples):
    """The small arrays that a run's figures are drawn from.

    Args:
      scenes: arrays over the test images, at least the first `SHOWN_SCENES`, as
        `AIR.call` gives them.
      truth: the test set, a `data.SceneSet`.
      samples: `SHOWN_SCENES` samples from the prior, as `AIR.generate` gives them.

    Returns:
      A dict of arrays: the first test scenes' images and reconstructions (uint8),
      inferred and true boxes and counts, and as many samples from the prior.
    """
    first = slice(SHOWN_SCENES)
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
