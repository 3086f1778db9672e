"""Exports the training of an experiment's runs, one per seed, as XLA programs.

    python -m reproduce.export --experiment table1/asr-13 --seeds 0,1,2 --out DIR

`python -m reproduce.run_exported DIR` runs them with JAX, without TensorFlow.
"""

import sys

from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.experiments import configuration, published
from reproduce.flags import comma_list, integer, text
from reproduce.records import folders
from reproduce.run import start


def define(flags):
    """The command's flags."""
    flags.group("What to export")
    configuration.define(flags)
    seeds = comma_list(integer(0, configuration.LARGEST_SEED))
    flags.add("seeds", seeds, published.SEEDS, "one run per seed")
    flags.group("Where to")
    flags.add("out", text(), None, "folder for the programs")
    configuration.define_changes(flags)


def body(values):
    """Exports the runs; returns the exit code."""
    if values.out is None:
        raise UsageError("--out: a value is missing; see --help")
    out = folders.given_path(values.out)
    folders.require_writable(out, "--out")
    runs = [configuration.from_flags(values, seed=seed) for seed in values.seeds]
    if runs[0].compiler != "xla":
        raise UsageError(f"--compiler: {runs[0].compiler} cannot be exported; use xla")
    start.tensorflow()
    from reproduce.export import programs

    size = programs.export(runs, out, values.smoke)
    print(f"{len(runs)} runs, {size / 1e6:.1f} MB:")
    print(f"python -m reproduce.run_exported {values.out}")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
