"""The declared grid: which runs make up a table, and the command of each.

Table 1 is 3 settings x 3 methods x 3 seeds, Table 2 is 2 x 3 x 3. A protocol is
what all runs of one call share. `python -m reproduce.table` trains and prints
the grid; any scheduler can train it from the commands of `--list`.
"""

import dataclasses
import pathlib
import shlex
import sys
from typing import NamedTuple

from data.specification import DATASETS
from reproduce import files, published, records
from reproduce.configuration import (
    METHODS,
    TABLE1_SETTINGS,
    TABLE2_SETTINGS,
    experiments,
    preset_configuration,
    smoke,
)
from reproduce.errors import UsageError

TITLES = {"table1": "Table 1", "table2": "Table 2"}
TABLES = tuple(TITLES)
SETTINGS = {"table1": tuple(TABLE1_SETTINGS), "table2": tuple(TABLE2_SETTINGS)}


def scenes(setting):
    """A setting's scenes in words: "1 or 3 digits", "Multi-dSprites"."""
    if setting in TABLE2_SETTINGS:
        return DATASETS[TABLE2_SETTINGS[setting]]
    return f"{' or '.join(map(str, TABLE1_SETTINGS[setting]))} digits"


class Run(NamedTuple):
    """One training run of the grid, or a variant of one."""

    experiment: str  # "table1/asr-13"
    seed: int
    changes: tuple = ()  # pairs (option, value) that differ from the preset's

    @property
    def name(self):
        """As the run's own lines begin, but for the changes."""
        words = [self.experiment, f"seed {self.seed}"]
        return " ".join(words + [f"{name}={value}" for name, value in self.changes])


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How the runs of one call are trained, and where their records are."""

    epochs: int = published.EPOCHS
    preset: str = "paper"
    digits: str = "mnist"  # "mnist", or "rendered" by this project from fonts
    mnist: str | None = None  # file; None leaves the search to the run
    smoke: bool = False
    retrain: bool = False
    results: pathlib.Path = files.RESULTS

    def named(self, name):
        """`name`, and after it the preset and the digits unless they are the usual."""
        if self.preset != "paper":
            name += f"-{self.preset}"
        if self.digits != "mnist" and not self.smoke:
            name += f"-{self.digits}"
        return name


def table_experiments(table, methods=tuple(METHODS), settings=None):
    """The experiments of a table, in the order of the paper's rows.

    Args:
      table: "table1" or "table2".
      methods: any of "air", "pprior", "asr".
      settings: any of `SETTINGS[table]`; None for all.

    Raises:
      UsageError: if a setting is not one of the table's.
    """
    allowed = SETTINGS[table]
    settings = allowed if settings is None else settings
    for setting in settings:
        if setting not in allowed:
            raise UsageError(
                f"--settings: {setting!r} is not one of {table}; "
                f"allowed: {', '.join(allowed)}"
            )
    chosen = {f"{table}/{m}-{s}" for m in methods for s in settings}
    return [experiment for experiment in experiments() if experiment in chosen]


def runs(experiments_, seeds):
    """Every run, seed by seed, so that all cells have a first value early."""
    return [Run(experiment, seed) for seed in seeds for experiment in experiments_]


def plain_options(experiment, protocol):
    """Changes that make a plain run of the protocol: substitute digits, if any."""
    base = preset_configuration(experiment, protocol.preset)
    if base.digits is None or base.digits == protocol.digits:
        return {}
    return {"digits": protocol.digits}


def configuration(run, protocol):
    """The `Configuration` of one run of the grid."""
    plain = preset_configuration(
        run.experiment,
        protocol.preset,
        seed=run.seed,
        epochs=protocol.epochs,
        **plain_options(run.experiment, protocol),
        **dict(run.changes),
    )
    if not protocol.smoke:
        return plain
    return dataclasses.replace(smoke(plain), epochs=protocol.epochs)


def log_file(run, protocol):
    """The run's log, named like the folder of its record: other runs have others."""
    name = records.run_folder("", configuration(run, protocol)).relative_to("runs")
    return files.logs_folder(protocol.results) / f"{name}.log"


def variant(experiment, protocol):
    """The variant of the grid's runs: no option changed but the digits."""
    return configuration(Run(experiment, 0), protocol).variant


def option_words(name, value):
    """The words of a command line that set an option to a value."""
    if isinstance(value, bool):  # a switch, which takes no word of its own
        return [f"--{name}" if value else f"--no{name}"]
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return [f"--{name}", str(value)]


def arguments(run, protocol):
    """The words after `python` that train one run."""
    words = ["-m", "reproduce.run", "--experiment", run.experiment]
    words += ["--seed", str(run.seed), "--epochs", str(protocol.epochs)]
    if protocol.preset != "paper":
        words += ["--preset", protocol.preset]
    if plain_options(run.experiment, protocol) and not protocol.smoke:
        words += ["--digits", protocol.digits]
    for option, value in run.changes:
        words += option_words(option, value)
    if protocol.smoke:
        words += ["--smoke"]
    if protocol.results != files.RESULTS:
        words += ["--results", str(protocol.results)]
    if protocol.mnist is not None:
        words += ["--mnist", protocol.mnist]
    if protocol.retrain:
        words += ["--retrain"]
    return words


def shell_line(run, protocol):
    """A command for any shell and any current folder that trains one run."""
    words = [sys.executable, *arguments(run, protocol)]
    return f"cd {shlex.quote(str(files.REPOSITORY))} && {shlex.join(words)}"
