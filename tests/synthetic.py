"""Records made up for tests of what reads records."""

from reproduce import records
from reproduce.configuration import preset_configuration

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
    "too_few_by_distance": {
        "edges": [0.0, 10.0, 20.0, 30.0],
        "scenes": [100, 100, 100],
        "too_few": [50, 20, 5],
    },
    "overlapping_pairs_in_samples": 0.1,
}

STATISTICS = {
    "images": 100,
    "count_shares": {"1": 0.5, "3": 0.5},
    "mean_ink": 0.08,
    "object_side": {"mean": 20.0, "min": 19.0, "max": 20.0},
    "nearest_pair_distance": {"mean": None, "min": None, "max": None},
}


def record_of(
    configuration,
    status="complete",
    smoke=False,
    digest="d",
    packages=(("tensorflow", "2.0"),),
    **metrics,
):
    """The fields of a record and the rows of its history, both made up."""
    complete = status == "complete"
    values = {**METRICS, **metrics}
    record = {
        **records.describe(configuration),
        "status": status,
        "failure": None if complete else "step 7: kl_scale is not finite",
        "reported_epoch": configuration.epochs if complete else None,
        "smoke": smoke,
        "data_digest": digest,
        "data_statistics": {"test": STATISTICS},
        "metrics": values if complete else None,
        "parameters": 1234567,
        "wall_seconds": 100.0,
        "images_per_second": 640.0,
        "environment": {
            "device": "CPU",
            "cores": 1,
            "threads": 1,
            "peak_memory_megabytes": 900,
            "packages": dict(packages),
        },
        "git": {"commit": "0" * 40, "dirty": False},
    }
    history = [
        {"epoch": epoch + 1, "train_loss": 400.0 / (epoch + 1), "train_nelbo": 345.0}
        | {f"test_{name}": values[name] for name in records.CHECKED_METRICS}
        | {"seconds": 1.5}
        for epoch in range(configuration.epochs if complete else 1)
    ]
    return record, history


def write(results, experiment, seed=0, epochs=300, preset="paper", **options):
    """Writes a made-up record; returns its folder.

    Options named like one of `record_of` or a metric go there, all others
    change the configuration.
    """
    known = ("status", "smoke", "digest", "packages", *METRICS)
    given = {name: options.pop(name) for name in known if name in options}
    configuration = preset_configuration(
        experiment, preset, seed=seed, epochs=epochs, **options
    )
    folder = records.run_folder(results, configuration)
    records.write_record(folder, *record_of(configuration, **given))
    return folder
