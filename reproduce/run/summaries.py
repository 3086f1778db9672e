"""What a run reports about inferred and sampled scenes. NumPy and SciPy only."""

import numpy as np

import data
from reproduce.run import metrics

SHOWN_SCENES = 16  # the first test scenes, kept for the figures
PRIOR_SAMPLES = 20_000  # from the prior, whose overlapping pairs are counted
SAMPLE_SEED = 0
# The arrays of `AIR.call` that are not terms of the ELBO.
_SCENE = ("counts", "boxes", "reconstructions", "squared_error", "nelbo")


def figures(scenes, truth):
    """Means over the test images.

    Args:
      scenes: arrays over all test images, as `AIR.call` gives them.
      truth: the test set, a `data.SceneSet`.

    Returns:
      A dict: "nelbo" and its terms in nats, "se", "acc", "miou",
      "miou_integer_convention", "mean_count" and "share_of_<n>", the share of scenes
      with n inferred objects, n = 0..K: floats, None where the truth is not known; only
      those up to "se" if any of them is not finite.
    """
    terms = [name for name in scenes if name not in _SCENE]
    means = {name: float(scenes[name].mean()) for name in ("nelbo", *terms)}
    means["se"] = float(scenes["squared_error"].mean())
    if not np.isfinite(list(means.values())).all():
        return means  # the boxes may be NaN, too
    counts = scenes["counts"]
    means |= dict.fromkeys(("acc", "miou", "miou_integer_convention"))
    if truth.counts is not None:
        means["acc"] = float(np.mean(counts == truth.counts))
    if truth.boxes is not None:
        means |= metrics.mean_over_scenes(
            scenes["boxes"], counts, truth.boxes, truth.counts
        )
    means["mean_count"] = float(counts.mean())
    for count in range(scenes["boxes"].shape[1] + 1):
        means[f"share_of_{count}"] = float(np.mean(counts == count))
    return means


def summary(scenes, truth, samples):
    """Further figures of the same scenes, which the paper's claims need.

    Args:
      scenes, truth: as for `figures`.
      samples: boxes and counts of `PRIOR_SAMPLES` samples from the prior.

    Returns:
      A dict: "count_histogram" (scenes by inferred count 0..K), "one_step_share"
      (share of scenes with an inferred count of 1), "too_few_by_count" (from each true
      count of two or more, as text, to its `metrics.too_few_by_distance`), and the
      share of overlapping pairs with its standard error.
    """
    bins = scenes["boxes"].shape[1] + 1
    report = {
        "count_histogram": np.bincount(scenes["counts"], minlength=bins).tolist(),
        "one_step_share": float(np.mean(scenes["counts"] == 1)),
    }
    if truth.boxes is not None:
        arrays = scenes["counts"], truth.counts, data.nearest_pair_distances(truth)
        report["too_few_by_count"] = {
            str(count): metrics.too_few_by_distance(
                *(array[truth.counts == count] for array in arrays)
            )
            for count in np.unique(truth.counts)
            if count > 1
        }
    pairs = metrics.overlapping_pair_share(samples["boxes"], samples["counts"])
    names = ("overlapping_pairs_in_samples", "overlapping_pairs_in_samples_error")
    return report | dict(zip(names, pairs, strict=True))


def figure_arrays(scenes, truth, samples):
    """The small arrays that a run's figures are drawn from, a dict.

    The first test scenes' images and reconstructions (uint8), inferred and true boxes
    and counts (those that are known), and as many samples from the prior, as
    `AIR.generate` gives them.
    """
    first = slice(SHOWN_SCENES)
    arrays = {
        "images": truth.images[first],
        "reconstructions": _bytes(scenes["reconstructions"][first]),
        "boxes": scenes["boxes"][first].astype(np.float32),
        "counts": scenes["counts"][first],
        "sample_images": _bytes(samples["images"]),
        "sample_boxes": samples["boxes"].astype(np.float32),
        "sample_counts": samples["counts"],
    }
    known = {"true_boxes": truth.boxes, "true_counts": truth.counts}
    return arrays | {n: a[first] for n, a in known.items() if a is not None}


def _bytes(grey):
    return np.round(np.asarray(grey) * 255).astype(np.uint8)
