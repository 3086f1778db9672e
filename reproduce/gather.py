"""The cells that a picture is drawn from, after training what was asked for.

A picture never trains unasked: `--train` trains what has no record, `--retrain`
and `--smoke` train all; without them a missing run is only named, together with
the command that makes it.
"""

from reproduce import cells, files, grid_command, published
from reproduce.words import count_of

DIGITS = {"mnist": "MNIST", "rendered": "rendered digits"}


def gather(values, protocol, runs):
    """Trains if asked to, and reads the runs' cells.

    Args:
      values: the flags of `grid_command.define`.
      protocol: their `grid.Protocol`.
      runs: list of `grid.Run`, all that are asked for.

    Returns:
      cells: a list of `cells.Cell`, one an experiment, in order.
      failures: a list of `pool.Failure`.

    Raises:
      RecordError: if a record among them is damaged.
      DataError: if MNIST is needed for training and cannot be had.
    """
    epochs = protocol.epochs if values["epochs"].present else None
    seeds = {run.seed for run in runs} if values["seeds"].present else None
    failures = []
    if protocol.retrain or values.train:
        wanted = grid_command.runs_to_train(values, protocol, runs, epochs, seeds)
        failures = grid_command.train(values, protocol, wanted) if wanted else []
    files.require_folder(protocol.results, "--results")
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    return cells.collect(experiments, protocol, seeds, epochs), failures


def name_missing(found, command):
    """Says in one line which cells have no run, and the command that makes them."""
    missing = [cell.label for cell in found if not cell.complete]
    if missing:
        print(f"no run yet: {', '.join(missing)}; made by: {command}", flush=True)


def picture_file(name, values, protocol, flags):
    """A picture's path without suffix.

    `results/figures/` holds what the plain call draws; a call that selects by one
    of the `flags` goes to `outputs/figures/`, a smoke run to its own
    folder. Presets and substitute digits have pictures of their own.
    """
    part = grid_command.selects(values, flags)
    folder = files.OUTPUTS if part and not protocol.smoke else protocol.results
    return folder / "figures" / protocol.named(name)


def describe(record):
    """A run in a few words: its epochs, its seed, the source of its digits."""
    words = [count_of(record["epochs"], "epoch"), f"seed {record['seed']}"]
    if record["digits"] is not None:
        words.append(DIGITS[record["digits"]])
    return ", ".join(words)


def shortness(records_):
    """One line that says plainly how the runs shown fall short of the paper's.

    Args:
      records_: the records of the runs shown.

    Returns:
      A text, or None if nothing falls short.
    """
    faults = []
    if any(record["smoke"] for record in records_):
        faults.append("toy-size runs: they show only that everything works")
    elif short := {r["epochs"] for r in records_ if r["epochs"] < published.EPOCHS}:
        shown = ", ".join(str(epochs) for epochs in sorted(short))
        faults.append(f"short runs: {shown} of the paper's {published.EPOCHS} epochs")
    if any(record["digits"] == "rendered" for record in records_):
        faults.append("digits rendered from fonts, not MNIST")
    if not faults:
        return None
    text = "; ".join(faults)
    return text[0].upper() + text[1:] + "."
