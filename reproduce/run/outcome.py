"""What a run leaves in its folder: the record, the history, the figure's arrays."""

import sys

from reproduce.records import folders, record
from reproduce.run import scenes as run_scenes

NON_FINITE = 3  # exit code


def write(folder, configuration, progress, scenes, failure=None, **described):
    """Writes them, the record last.

    Args:
      folder: the run's own folder, see `record.run_folder`.
      configuration: its `Configuration`.
      progress: its `checkpoint.Progress`.
      scenes: its `data.Scenes`.
      failure: why the run failed, one line; None if it did not.
      **described: "parameters" (trainable, a number), "smoke" (whether the run is of
        toy size) and "environment" (`environment.describe`).

    Raises:
      OSError: naming the file that could not be written.
    """
    batch = configuration.batch_size
    images = len(scenes.train.images) // batch * batch * len(progress.history)
    reported = {"epoch": None, "metrics": None} if failure else progress.reported
    last = progress.trained_by[-1]
    found = {
        **record.describe(configuration),
        "status": record.FAILED if failure else record.COMPLETE,
        "failure": failure,
        "reported_epoch": reported["epoch"],
        "data_digest": scenes.digest,
        "data_statistics": {
            "train": run_scenes.statistics(scenes.train),
            "test": run_scenes.statistics(scenes.test),
        },
        "metrics": reported["metrics"],
        "wall_seconds": sum(row["seconds"] for row in progress.history),
        "images_per_second": images / progress.step_seconds if images else None,
        "git": {name: last.get(name) for name in ("commit", "dirty")},
        **described,
    }
    if len(progress.trained_by) > 1:
        found["trained_by"] = progress.trained_by
    figures = None if failure else progress.figures
    record.write(folder, found, progress.history, figures)


def ended_before(name, folder):
    """Says that a run has its record; its exit code, or None if it is to run again.

    A record of older code is not believed: the run is trained anew.
    """
    if not (folder / "record.json").exists():
        return None
    found = record.read(folder)
    if record.stale(found):
        print(f"{name}: its record is of older code; trained anew", flush=True)
        return None
    if found["status"] == record.FAILED:
        reason = f"failed before: {found['failure']}; --retrain tries again"
        print(f"{name}: {reason}", file=sys.stderr)
        return NON_FINITE
    print(f"{name}: its record is there already; --retrain trains it again")
    return 0


def say_ended(name, folder, failure):
    """Says what became of a run that has written its record; its exit code."""
    if failure:
        print(f"{name}: failed: {failure}", file=sys.stderr, flush=True)
        return NON_FINITE
    print(f"{name}: done: {folders.shown(folder)}", flush=True)
    return 0
