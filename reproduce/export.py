"""Exports the training of several runs as XLA programs that need no TensorFlow.

    python -m reproduce.export --experiment table1/asr-13 --out DIR

The runs of one export advance together in one program, on any machine that has JAX:

    python -m reproduce.run_exported DIR --epochs 300
"""

import pathlib
import sys

import data
from reproduce import command_line, files, start
from reproduce import configuration as configurations
from reproduce import run as single
from reproduce.errors import UsageError

DESCRIPTION = (
    "Exports the training of several runs as XLA programs that need no TensorFlow. "
    "Its runs advance together in one program."
)
PRECISIONS = ("float32", "tensorfloat32")


def define(options):
    """The command's flags."""
    options.group("What to export")
    options.choices(
        "experiment", None, "runs of one program", configurations.experiments()
    )
    options.integers(
        "seeds", (0, 1, 2), "of each experiment", 0, configurations.LARGEST_SEED
    )
    options.choice("preset", "paper", "base of all options", configurations.PRESETS)
    options.choice(
        "precision", "float32", "of the matrix products on a GPU", PRECISIONS
    )
    options.switch("smoke", False, "toy size: rendered digits, few images, two epochs")
    options.group("Where to")
    options.text("out", None, "folder of the programs", "DIR")
    single.define_changes(options)


def body(values):
    """Exports; returns the exit code."""
    for flag in ("experiment", "out"):
        if values[flag].value is None:
            raise UsageError(f"--{flag}: a value is missing; allowed: see --help")
    files.require_writable(values.out, "--out")
    runs = configurations_from(values)
    start.tensorflow()
    from reproduce.exported import lowering

    manifest = lowering.export(runs, values.out, values.precision, values.smoke)
    size = sum(f.stat().st_size for f in pathlib.Path(values.out).iterdir())
    print(f"{len(manifest['runs'])} runs in one program, {size / 1e6:.1f} MB:")
    print(f"python -m reproduce.run_exported {values.out}")
    return 0


def configurations_from(values):
    """The `Configuration` of every run, those of one experiment side by side."""
    return [
        single.changed(values, experiment, seed=seed)
        for experiment in values.experiment
        for seed in values.seeds
    ]


if __name__ == "__main__":
    sys.exit(
        command_line.main(
            define, body, description=DESCRIPTION, errors=(data.DataError,)
        )
    )
