"""How long AIR-ASR takes to the figures that the paper publishes for it.

    python -m benchmarks.time_to_published

Reads the committed records: the first epoch after which each metric of the test
images is at least as good as the paper's mean, and all of them are, and the wall time
up to then, on the device that the record names.
"""

import sys

from reproduce import command_line
from reproduce.experiments.configuration import experiments
from reproduce.experiments.published import LOWER_IS_BETTER, TITLES, published
from reproduce.flags import choice, text
from reproduce.records import folders, frame


def define(flags):
    """The command's flags."""
    flags.group("What to read")
    flags.add("experiment", choice(*experiments()), "table1/asr-13", "whose figures")
    flags.add("results", text(), str(folders.RESULTS), "folder that holds runs/")


def body(values):
    """Prints one line a record."""
    targets = {n: mean for n, (mean, _) in published(values.experiment).items()}
    wanted = ", ".join(f"{TITLES[name]} {mean}" for name, mean in targets.items())
    print(f"{values.experiment}: published {wanted}")
    runs, epochs = frame.load(values.results)
    runs = runs[runs.experiment == values.experiment]
    for run in runs.itertuples():
        rows = epochs[epochs.folder == run.folder].to_dict("records")
        machine, name = run.record["environment"], run.folder.rpartition("/")[2]
        where = f"{machine['device']}, {machine['threads']} thread(s)"
        print(f"{name}: {reached(rows, targets)} ({where})")
    if not len(runs):
        print("no run has a record yet")


def reached(rows, targets):
    """When a history reaches each target, and all of them in one epoch, in words."""
    wanted = {TITLES[name]: [name] for name in targets} | {"all": list(targets)}
    return "; ".join(
        f"{title} {_first(rows, {name: targets[name] for name in names})}"
        for title, names in wanted.items()
    )


def _first(rows, targets):
    """The first epoch that reaches all of some targets."""
    seconds = 0.0
    for row in rows:
        seconds += row["seconds"]
        if all(_as_good(row, name, mean) for name, mean in targets.items()):
            return f"after epoch {row['epoch']:.0f}, {seconds / 60:.1f} min"
    return f"not in {len(rows)} epochs, {seconds / 60:.1f} min"


def _as_good(row, name, mean):
    value = row[f"test_{name}"]
    return value <= mean if name in LOWER_IS_BETTER else value >= mean


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
