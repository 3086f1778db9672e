"""What the commands on the grid's runs share: selection, --list, --index, training.

Tables, figures and comparisons differ in the runs they ask for and in what they make of
the records; a `Call` does the rest.
"""

import json
import os
import shlex
import sys

from reproduce import processes
from reproduce.errors import UsageError
from reproduce.experiments import published
from reproduce.experiments.configuration import (
    LARGEST_SEED,
    SMOKE,
    preset_configuration,
)
from reproduce.experiments.presets import PRESETS
from reproduce.flags import choice, comma_list, integer, switch, text, written
from reproduce.records import folders, frame

# The flags that select the runs of a call and say where they are; not every command has
# all of them.
SAME_RUNS = (
    *("comparisons", "methods", "settings", "seeds", "epochs"),
    *("preset", "digits", "mnist", "smoke", "results"),
)


def define(flags, seeds=published.SEEDS, epochs=published.EPOCHS, preset=PRESETS[0]):
    """Adds the flags of a `Call`, with the command's defaults for three of them."""
    # fmt: off
    flags.add("seeds", comma_list(integer(0, LARGEST_SEED)), seeds, "seeds of a cell")
    flags.add("epochs", integer(1), epochs,
        "length of the runs to train; if given, only runs of this length are shown")
    flags.add("preset", choice(*PRESETS), preset,
        "paper: this project's reading of the text; released: the authors' code")
    flags.add("digits", choice("mnist", "rendered"), "mnist",
        "source of digits; rendered needs no download")
    flags.add("mnist", text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("What to train")
    flags.add("train", switch(), None, "train all missing runs; --notrain: none")
    flags.add("retrain", switch(), False, "also train the runs that have records")
    flags.add("smoke", switch(), False, "the whole path at toy size, in minutes")
    flags.add("jobs", integer(1), None,
        "runs to train at once (default: as many as cores and memory allow)")
    flags.group("For a scheduler")
    flags.add("list", switch(), False, "print one command per run and exit")
    flags.add("index", integer(0), None,
        "run only this line of --list, counted from 0")
    flags.group("Where")
    flags.add("results", text(), None, folders.RESULTS_HELP)
    # fmt: on


class Call:
    """One call of a command on runs of the grid.

    Attributes:
      values: its flags.
      results: folder of the runs' records.
      epochs: length of runs to train.
      retrains: whether runs that already have records are trained, too.
      shown: the values of --epochs and --seeds, None for one that is not given.
    """

    def __init__(self, values, script, part):
        """Reads the flags.

        Args:
          values: the flags of `define` and the command's own.
          script: the command's name, as in `bash reproduce/<script>.sh`.
          part: names of the flags that select a part of what the command shows.
        """
        self.values, self.script, self.part = values, script, part
        if values.retrain and values.train is False:
            raise UsageError("--notrain: not allowed with --retrain; give one of them")
        self.results = folders.results_folder(values.results, values.smoke)
        self.shown = {name: self.explicit(name) for name in ("epochs", "seeds")}
        toy = values.smoke and not self.shown["epochs"]
        self.epochs = SMOKE["epochs"] if toy else values.epochs
        self.retrains = values.retrain or (values.smoke and values.train is not False)
        mnist = values.mnist and folders.given_path(values.mnist)
        self._mnist = mnist and str(mnist)

    def explicit(self, flag):
        """A flag's value if the user has given it, else None."""
        return self.values[flag].value if self.values[flag].present else None

    def seeds(self, default):
        """The seeds of --seeds, else the default ones; in smoke runs only the first."""
        return self.shown["seeds"] or (default[:1] if self.values.smoke else default)

    def run(self, experiment, seed, changes=()):
        """The `Configuration` of one run, with some options changed from the preset."""
        options = {"seed": seed, "epochs": self.epochs}
        if self._configuration(experiment).digits and not self.values.smoke:
            options["digits"] = self.values.digits
        return self._configuration(experiment, **{**options, **dict(changes)})

    def _configuration(self, experiment, **changes):
        preset, smoke = self.values.preset, self.values.smoke
        return preset_configuration(experiment, preset, smoke, **changes)

    def runs(self, experiments, seeds):
        """All runs, seed by seed, so that every cell has a first value early."""
        return [self.run(name, seed) for seed in seeds for name in experiments]

    def command(self, run):
        """The command that trains one run, a list of words."""
        words = [sys.executable, "-m", "reproduce.run", "--experiment", run.experiment]
        words += ["--seed", str(run.seed), "--epochs", str(run.epochs)]
        words += ["--preset", run.preset] if run.preset != "paper" else []
        changed = run.changed_from(self._configuration(run.experiment))
        for option, value in changed.items():
            words += option_words(option, value)
        if not folders.is_committed(self.results):
            words += ["--results", str(self.results)]
        words += ["--mnist", self._mnist] if self._mnist else []
        words += ["--smoke"] if self.values.smoke else []
        return words + (["--retrain"] if self.retrains else [])

    def repeat_command(self, without=()):
        """The command that selects the same runs, less the flags in `without`."""
        words = ["bash", f"reproduce/{self.script}.sh"]
        for flag in SAME_RUNS:
            if flag in self.values and flag not in without:
                value = self.explicit(flag)
                words += [] if value is None else option_words(flag, value)
        return shlex.join(words)

    def lists_or_is_one(self, runs):
        """Handles --list and --index; returns whether the command is then finished."""
        index, repository = self.values.index, str(folders.REPOSITORY)
        if self.values.list:
            paths = [f"{n}={path}" for n, path in processes.path_variables().items()]
            for run in runs:
                words = ["env", *paths, *self.command(run)]
                print(f"cd {shlex.quote(repository)} && {shlex.join(words)}")
        elif index is not None:
            if index >= len(runs):
                allowed = f"allowed: 0 to {len(runs) - 1}"
                raise UsageError(f"--index: {index} is not allowed; {allowed}")
            words = self.command(runs[index])
            environment = os.environ | processes.path_variables()
            os.chdir(folders.REPOSITORY)
            sys.stdout.flush()
            # The run replaces this process: it gets its signals and sets its exit code.
            os.execve(words[0], words, environment)
        return self.values.list

    def to_train(self, runs, longer=False):
        """The runs to train before the page is written: all, missing ones or none."""
        if self.retrains:
            return runs
        return self.missing(runs, longer) if self.values.train else []

    def missing(self, runs, longer=False):
        """The runs that have no record made by today's code at their length.

        With `longer`, a longer run's record may stand for one, see `frame.at_epoch`.
        """
        frames = frame.load(self.results)
        current = frames.runs[~frames.runs.stale.astype(bool)]
        rows = {
            length: frame.at_epoch(current, frames.epochs, length)
            if longer
            else current[current.epochs == length]
            for length in {run.epochs for run in runs}
        }
        return [r for r in runs if frame.runs_of(rows[r.epochs], r, seed=True).empty]

    def untouched(self, runs):
        """The runs of cells without a record, of any length or age, for these seeds."""
        recorded = frame.load(self.results).runs
        recorded = recorded[recorded.seed.isin({run.seed for run in runs})]
        cells = set(zip(recorded.experiment, recorded.variant, strict=True))
        return [run for run in runs if (run.experiment, run.variant) not in cells]

    def train(self, runs):
        """Trains runs, a few at once; returns the exit code, see `processes.train`."""
        commands = {run: self.command(run) for run in runs}
        return processes.train(commands, self.results, self._mnist, self.values.jobs)

    def frames(self):
        """The `frame.Frames` of the folder of results."""
        if not self.results.is_dir():  # its name may be mistyped
            reason = f"there is no folder {self.results}; train runs first"
            raise UsageError(f"--results: {reason}")
        return frame.load(self.results)

    def selects(self):
        """Whether the call selects a part, even by a flag's default value."""
        return any(self.values[flag].present for flag in self.part)

    def file(self, name):
        """Where a page or a picture such as "table1" goes, a path without suffix.

        A part goes to `outputs/`, so that it never replaces the whole. Rendered digits
        have separate files.
        """
        if self.values.smoke:
            return self.results / name
        folder = folders.OUTPUTS if self.selects() else self.results
        return folder / (name + "-rendered" * (self.values.digits == "rendered"))

    def write(self, file, shown, page, content):
        """Prints `shown`; writes `page` to `<file>.md`, `content` to `<file>.json`."""
        print(shown, flush=True)
        encoded = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        folders.write_atomically(f"{file}.json", encoded + "\n")
        folders.write_atomically(f"{file}.md", page)
        print(f"written: {folders.shown(file)}.md and .json", flush=True)


def option_words(name, value):
    """The command-line words that set an option to a value."""
    if isinstance(value, bool):  # a switch, which takes no value
        return [f"--{name}" if value else f"--no{name}"]
    return [f"--{name}", written(value)]
