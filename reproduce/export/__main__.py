"""Exports the training of an experiment's runs: see `reproduce.export`."""

import sys

from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.experiments import published
from reproduce.experiments.configuration import LARGEST_SEED
from reproduce.records import folders
from reproduce.run import options, start

DESCRIPTION = (
    "Exports the training of an experiment's runs as XLA programs that need no "
    "TensorFlow. The runs, one a seed, advance together in batched products."
)


def define(flags):
    """The command's flags."""
    flags.group("What to export")
    options.define_names(flags)
    seeds = flags.several(flags.integer(0, LARGEST_SEED))
    flags.add("seeds", seeds, published.SEEDS, "runs of the experiment")
    text = (
        "products of matrices in TensorFloat-32 on a GPU that has it: faster, rounded"
    )
    flags.add("tensorfloat32", flags.switch(), False, text)
    flags.group("Where to")
    flags.add("out", flags.text(), None, "folder of the programs")
    options.define_changes(flags)


def body(values):
    """Exports; returns the exit code."""
    for flag in ("experiment", "out"):
        if values[flag].value is None:
            raise UsageError(f"--{flag}: a value is missing; see --help")
    folders.require_writable(values.out, "--out")
    configurations = [
        options.configuration_from(values, values.experiment, seed=seed)
        for seed in values.seeds
    ]
    for name, only in (("compiler", "xla"), ("nonfinite_gradients", "stop")):
        if (value := getattr(configurations[0], name)) != only:
            raise UsageError(f"--{name}: {value} cannot be exported; use {only}")
    start.tensorflow()
    from reproduce.export import programs

    size = programs.export(
        configurations, values.out, values.tensorfloat32, values.smoke
    )
    print(f"{len(configurations)} runs in one program, {size / 1e6:.1f} MB:")
    print(f"python -m reproduce.run_exported {values.out}")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION))
