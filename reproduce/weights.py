"""The weights that this repository ships: trained models in half precision.

    python -m reproduce.weights checkpoints/table1/asr-13/paper-300ep-seed0

saves those of finished runs as results/weights/<run>.npz, which `reproduce.infer` takes
as a MODEL; `bash reproduce/table1.sh --verify` evaluates them.
"""

import json
import sys

import numpy as np

from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.experiments.configuration import from_json
from reproduce.records import folders, record
from reproduce.run import checkpoint, start, summaries
from reproduce.run import scenes as run_scenes

WEIGHTS = folders.RESULTS / "weights"
# How far a metric may be from its record: relative or absolute tolerance.
RELATIVE = {"nelbo": 0.01, "se": 0.01}
ABSOLUTE = {"acc": 0.005, "miou": 0.005}


def define(flags):
    """The command has no flags of its own."""


def body(values, words):
    """Saves the weights of each run whose folder of checkpoints is given."""
    if not words:
        raise UsageError("a run's folder of checkpoints is needed, see --help")
    for word in words:
        keep(folders.given_path(word), WEIGHTS)


def keep(folder, weights=WEIGHTS):
    """Writes a finished run's weights, such as "table1-asr-13-paper-300ep-seed0.npz".

    The file is a checkpoint without the optimiser's variables and the history, with
    weights rounded to half precision.

    Args:
      folder: the run's folder of checkpoints.
      weights: the folder to write to.

    Raises:
      UsageError: if there is no finished run, or its record is of an earlier epoch.
    """
    state, arrays = checkpoint.load(folder / checkpoint.NAME)
    options = checkpoint.options(state)
    if len(state["history"]) < options["epochs"]:
        raise UsageError(f"{folders.shown(folder)}: the run has not ended")
    if options["reported_epoch"] != "last":
        reason = "its record is of an earlier epoch, whose weights are not kept"
        raise UsageError(f"{folders.shown(folder)}: {reason}")
    # The iteration follows the weights; it is the first integer.
    number = [array.dtype.kind for array in arrays].index("i")
    halves = [array.astype(np.float16) for array in arrays[:number]]
    names = ("format", "numerics", "configuration", "data_digest", "canvas_side")
    encoded = json.dumps({name: state[name] for name in names}).encode()
    content = {"state": np.frombuffer(encoded, np.uint8)}
    content |= {f"{i:04d}": a for i, a in enumerate([*halves, arrays[number]])}
    file = weights / f"{'-'.join(from_json(options).name.parts)}.npz"
    folders.write_atomically(file, lambda out: np.savez_compressed(out, **content))
    size = file.stat().st_size / 1e6
    print(f"written: {folders.shown(file)}, {size:.1f} MB")


def verify(table, results, mnist=None, weights=WEIGHTS):
    """Evaluates a table's weights on the test images and compares with the records.

    Args:
      table: "table1" or "table2".
      results: folder of the records.
      mnist: MNIST's file, None for the search of `data.load_mnist`.
      weights: folder of the weights.

    Returns:
      Whether all metrics are within `RELATIVE` and `ABSOLUTE` of the records'.
    """
    files = sorted(weights.glob(f"{table}-*.npz"))
    if not files:
        raise UsageError(f"--verify: {folders.shown(weights)} has none of {table}")
    start.tensorflow()
    from reproduce.run import evaluation, trained

    all_close = True
    for file in files:
        state, _ = checkpoint.load(file)
        run = from_json(checkpoint.options(state))
        recorded = record.read(record.run_folder(results, run))["metrics"]
        scenes = run_scenes.load(run, mnist)
        model = evaluation.Evaluation(trained.trained_model(file), run.batch_size)
        metrics = summaries.figures(model.predict(scenes.test.images), scenes.test)
        print(f"{run.title}, {run.variant}, {run.epochs} epochs")
        for name, tolerance in {**RELATIVE, **ABSOLUTE}.items():
            before, now = recorded[name], metrics[name]
            difference = (now - before) / (before if name in RELATIVE else 1)
            close = abs(difference) <= tolerance
            all_close &= close
            change = f"{difference:+.2%}" if name in RELATIVE else f"{difference:+.4f}"
            mark = "" if close else "  too far"
            print(f"  {name:6} record {before:9.3f}  now {now:9.3f}  {change}{mark}")
    return all_close


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__, positional=True))
