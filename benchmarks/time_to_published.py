"""How long AIR-ASR takes to the figures that the paper publishes for it.

    python -m benchmarks.time_to_published

Reads the committed records: the first epoch after which nELBO, ACC and mIoU of the
test images are all at least as good as the paper's means, and the wall time up to
then, on the device that the record names.
"""

import sys

from reproduce import command_line, files, records
from reproduce.published import published

BETTER = {"nelbo": -1, "acc": 1, "miou": 1}  # sign of an improvement


def define(options):
    """The command's flags."""
    options.group("What to read")
    options.text("experiment", "table1/asr-13", "whose figures")
    options.text("results", str(files.RESULTS), "folder that holds runs/", "DIR")


def body(values):
    """Prints one line a record."""
    targets = {
        name: mean
        for name, (mean, _) in published(values.experiment).items()
        if name in BETTER
    }
    wanted = ", ".join(f"{name} {mean}" for name, mean in targets.items())
    print(f"{values.experiment}: published {wanted}")
    found = records.find(values.results, values.experiment)
    for folder, record in found.items():
        rows = records.read_history(folder)
        machine = record["environment"]
        where = f"{machine['device']}, {machine['threads']} thread(s)"
        print(f"{folder.name}: {reached(rows, targets)} ({where})")
    if not found:
        print("no run has a record yet")


def reached(rows, targets):
    """When a history reaches the targets, in words."""
    seconds = 0.0
    for row in rows:
        seconds += row["seconds"]
        if all(
            BETTER[name] * (row[f"test_{name}"] - mean) >= 0
            for name, mean in targets.items()
        ):
            return f"reached after epoch {row['epoch']:.0f}, {seconds / 60:.1f} min"
    return f"not reached in {len(rows)} epochs, {seconds / 60:.1f} min"


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=__doc__.split("\n")[0]))
