"""Records made up for tests of what reads records."""

import numpy as np

from reproduce.experiments.configuration import preset_configuration
from reproduce.records import record

METRICS = {
    "nelbo": 350.0,
    "reconstruction": 300.0,
    "kl_location": 5.0,
    "kl_scale": 5.0,
    "kl_appearance": 30.0,
    "kl_presence": 10.0,
    "se": 30.0,
    "acc": 0.97,
    "miou": 0.7,
    "miou_integer_convention": 0.75,
    "mean_count": 2.0,
    "count_histogram": [0, 1000, 0, 1000, 0, 0, 0],
    "one_step_share": 0.5,
    "too_few_by_count": {
        "3": {
            "edges": [0.0, 10.0, 20.0, 30.0],
            "scenes": [100, 100, 100],
            "too_few": [50, 20, 5],
        }
    },
    "overlapping_pairs_in_samples": 0.1,
}
HISTORIC = ("se", "acc", "miou", "kl_presence", "mean_count")
STATISTICS = {
    "images": 100,
    "count_shares": {"1": 0.5, "3": 0.5},
    "mean_ink": 0.08,
    "object_side": {"mean": 20.0, "min": 19.0, "max": 20.0},
    "nearest_pair_distance": {"mean": None, "min": None, "max": None},
}


def write(
    results,
    experiment,
    seed=0,
    epochs=300,
    preset="paper",
    changes=(),
    figure=None,
    fields=(),
    **metrics,
):
    """Writes a made-up record; returns its folder.

    Args:
      results: folder of results.
      experiment, seed, epochs, preset: of the run.
      changes: pairs of options changed from the preset's.
      figure: arrays of figure.npz; None for none.
      fields: pairs of fields of the record that differ from a good run's.
      **metrics: that differ from `METRICS`, at the last epoch; nELBO falls to it by one
        an epoch.
    """
    options = {"seed": seed, "epochs": epochs, **dict(changes)}
    configuration = preset_configuration(experiment, preset, **options)
    values = METRICS | metrics
    content = {
        **record.describe(configuration),
        "status": record.COMPLETE,
        "failure": None,
        "reported_epoch": epochs,
        "smoke": False,
        "data_digest": "d",
        "data_statistics": {"test": STATISTICS},
        "metrics": values,
        "parameters": 1234567,
        "wall_seconds": 100.0,
        "images_per_second": 640.0,
        "environment": {
            "device": "CPU",
            "cores": 1,
            "threads": 1,
            "peak_memory_megabytes": 900,
            "packages": {"tensorflow": "2.0"},
        },
        "git": {"commit": "0" * 40, "dirty": False},
        **dict(fields),
    }
    history = [
        {"epoch": epoch, "train_nelbo": 345.0, "train_gradient_norm": 7.0}
        | {"test_nelbo": values["nelbo"] + epochs - epoch}
        | {f"test_{name}": values[name] for name in HISTORIC}
        | {"seconds": 1.5}
        for epoch in range(1, epochs + 1)
    ]
    folder = record.run_folder(results, configuration)
    record.write(folder, content, history, figure)
    return folder


def failed(**fields):
    """The fields of a run that failed, for `write`."""
    failure = "step 7: kl_scale is not finite"
    fields |= {"status": record.FAILED, "failure": failure}
    return tuple((fields | {"metrics": None, "reported_epoch": None}).items())


def figure(side=50, scenes=16, counts=(1, 3), seed=0):
    """Arrays of figure.npz: random images, boxes of 10 pixels in them."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (3, scenes, side, side), dtype=np.uint8)
    corners = random.integers(0, side - 10, (scenes, 6, 2))
    boxes = np.concatenate([corners, np.full((scenes, 6, 2), 10)], axis=2)
    number = np.resize(counts, scenes).astype(np.int32)
    return {
        "images": images[0],
        "reconstructions": images[1],
        "boxes": boxes.astype(np.float32),
        "counts": number,
        "true_boxes": boxes[:, :3].astype(np.float32),
        "true_counts": number,
        "sample_images": images[2],
        "sample_boxes": boxes.astype(np.float32),
        "sample_counts": number,
    }
