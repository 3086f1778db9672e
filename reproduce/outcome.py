"""What a run leaves in its folder: the record, the history, the figure's arrays."""

import io

import numpy as np

import data.statistics
from reproduce import files, records
from reproduce.configuration import NUMERICS

FIGURE_FILE = "figure.npz"


def write(
    folder,
    configuration,
    run,
    scenes,
    *,
    steps,
    parameters,
    surroundings,
    smoke,
    failure,
):
    """Writes them, the record last.

    Args:
      folder: the run's own folder, see `records.run_folder`.
      configuration: its `Configuration`.
      run: what came of it: `history`, `reported`, `figures`, `seconds`,
        `step_seconds` and `trained_by` as `training.Training` has them.
      scenes: its `data.Scenes`.
      steps: training steps an epoch.
      parameters: number of trainable parameters.
      surroundings: `environment.describe`.
      smoke: whether the run is of toy size.
      failure: why the run failed, one line; None if it did not.

    Raises:
      RecordError: if the record contradicts itself.
      OSError: naming the file that could not be written.
    """
    trained = len(run.history) * steps * configuration.batch_size
    record = {
        **records.describe(configuration),
        "status": records.FAILED if failure else records.COMPLETE,
        "failure": failure,
        "reported_epoch": None if failure else run.reported["epoch"],
        "smoke": smoke,
        "data_digest": scenes.digest,
        "data_statistics": {
            "train": data.statistics.describe(scenes.train),
            "test": data.statistics.describe(scenes.test),
        },
        "metrics": None if failure else run.reported["metrics"],
        "parameters": parameters,
        "wall_seconds": run.seconds,
        "images_per_second": trained / run.step_seconds if trained else None,
        "environment": surroundings,
        "git": {name: run.trained_by[-1].get(name) for name in ("commit", "dirty")},
    }
    record["numerics"] = NUMERICS
    if len(run.trained_by) > 1:
        record["trained_by"] = run.trained_by
    if not failure:
        stream = io.BytesIO()
        np.savez_compressed(stream, **run.figures)
        files.write_atomically(folder / FIGURE_FILE, stream.getvalue())
    records.write_record(folder, record, run.history)
