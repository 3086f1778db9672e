"""What every command on runs of the grid shares: which runs, --list, --index, training.

Tables, figures and comparisons differ in the runs they ask for and in what they make of
the records; a `Call` is all the rest.
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

# The flags that say which runs a call is about and where they are; not every command
# has all of them.
SAME_RUNS = (
    *("comparisons", "methods", "settings", "seeds", "epochs"),
    *("preset", "digits", "mnist", "smoke", "results"),
)


def define(flags, seeds=published.SEEDS, epochs=published.EPOCHS, preset=PRESETS[0]):
    """Adds the flags of a `Call`, with the command's defaults for three of them."""
    # fmt: off
    flags.add("seeds", comma_list(integer(0, LARGEST_SEED)), seeds, "seeds of a cell")
    flags.add("epochs", integer(1), epochs,
        "length of runs to train; if given, only runs of this length are shown")
    flags.add("preset", choice(*PRESETS), preset,
        "paper: this project's reading of the text; released: the authors' code")
    flags.add("digits", choice("mnist", "rendered"), "mnist",
        "source of digits; rendered needs no download")
    flags.add("mnist", text(), None, "MNIST in Keras's format, mnist.npz")
    flags.group("What to train")
    flags.add("train", switch(), None, "train all that is missing; --notrain: nothing")
    flags.add("retrain", switch(), False, "train also the runs that have records")
    flags.add("smoke", switch(), False, "the whole path at toy size, in minutes")
    flags.add("jobs", integer(1), None,
        "runs at once (default: as cores and memory allow)")
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
      shown: the epochs and the seeds that are asked for, None where none are.
    """

    def __init__(self, values, script, part):
        """Reads the flags.

        Args:
          values: the flags of `define` and the command's own.
          script: its name, `bash reproduce/<script>.sh`.
          part: names of the flags that select a part of what it shows.
        """
        self.values, self.script, self.part = values, script, part
        if values.retrain and values.train is False:
            raise UsageError("--notrain: not allowed with --retrain; give one of them")
        self.results = folders.results_folder(values.results, values.smoke)
        if self.results.exists() and not self.results.is_dir():
            raise UsageError(f"--results: {self.results} is a file; allowed: a folder")
        self.shown = {name: self.explicit(name) for name in ("epochs", "seeds")}
        toy = values.smoke and not self.shown["epochs"]
        self.epochs = SMOKE["epochs"] if toy else values.epochs
        self.retrains = values.retrain or (values.smoke and values.train is not False)
        mnist = values.mnist and folders.given_path(values.mnist)
        self._mnist = mnist and str(mnist)

    def explicit(self, flag):
        """A flag's value; None where the call leaves it at its default."""
        return self.values[flag].value if self.values[flag].present else None

    def seeds(self, default):
        """The seeds asked for; a smoke run has one unless told otherwise."""
        return self.shown["seeds"] or (default[:1] if self.values.smoke else default)

    def run(self, experiment, seed, changes=()):
        """The `Configuration` of one run, with some options changed from the preset."""
        plain = self._plain(experiment)
        own = {"seed": seed, "epochs": self.epochs}
        if plain.digits and not self.values.smoke:
            own["digits"] = self.values.digits
        return self._plain(experiment, **{**own, **dict(changes)})

    def _plain(self, experiment, **changes):
        preset, smoke = self.values.preset, self.values.smoke
        return preset_configuration(experiment, preset, smoke, **changes)

    def runs(self, experiments, seeds):
        """Every run, seed by seed, so that all cells have a first value early."""
        return [self.run(name, seed) for seed in seeds for name in experiments]

    def command(self, run):
        """The words of a command that trains one run."""
        words = [sys.executable, "-m", "reproduce.run", "--experiment", run.experiment]
        words += ["--seed", str(run.seed), "--epochs", str(run.epochs)]
        words += ["--preset", run.preset] if run.preset != "paper" else []
        for option, value in run.changed_from(self._plain(run.experiment)).items():
            words += option_words(option, value)
        if not folders.is_committed(self.results):
            words += ["--results", str(self.results)]
        words += ["--mnist", self._mnist] if self._mnist else []
        words += ["--smoke"] if self.values.smoke else []
        return words + (["--retrain"] if self.retrains else [])

    def repeat_command(self, without=()):
        """The command that asks for the same runs, but for some of its flags."""
        words = ["bash", f"reproduce/{self.script}.sh"]
        for flag in SAME_RUNS:
            if flag in self.values and flag not in without:
                value = self.explicit(flag)
                words += [] if value is None else option_words(flag, value)
        return shlex.join(words)

    def lists_or_is_one(self, runs):
        """Serves --list and --index; returns whether the command ends with that."""
        index, place = self.values.index, str(folders.REPOSITORY)
        if self.values.list:
            for run in runs:
                words = ["env", f"PYTHONPATH={place}", *self.command(run)]
                print(f"cd {shlex.quote(place)} && {shlex.join(words)}")
        elif index is not None:
            if index >= len(runs):
                allowed = f"allowed: 0 to {len(runs) - 1}"
                raise UsageError(f"--index: {index} is not allowed; {allowed}")
            words = self.command(runs[index])
            environment = processes.subprocess_environment()
            os.chdir(folders.REPOSITORY)
            sys.stdout.flush()
            # Signals and the exit code are the run's.
            os.execve(words[0], words, environment)
        return self.values.list

    def to_train(self, runs, longer=False):
        """The runs to train before the page is written: all, those missing, or none."""
        if self.retrains:
            return runs
        return self.missing(runs, longer) if self.values.train else []

    def missing(self, runs, longer=False):
        """The runs that have no record of today's code at the length asked for.

        A `longer` run's record may count, see `frame.at_epoch`.
        """
        frames = frame.load(self.results)
        ended = frames.runs[~frames.runs.stale.astype(bool)]
        at = {
            length: frame.at_epoch(ended, frames.epochs, length)
            if longer
            else ended[ended.epochs == length]
            for length in {run.epochs for run in runs}
        }
        return [r for r in runs if frame.runs_of(at[r.epochs], r, seed=True).empty]

    def untouched(self, runs):
        """The runs of cells that have no record, of any length and age, of any of the
        runs' seeds."""
        found = frame.load(self.results).runs
        found = found[found.seed.isin({run.seed for run in runs})]
        known = set(zip(found.experiment, found.variant, strict=True))
        return [run for run in runs if (run.experiment, run.variant) not in known]

    def train(self, runs):
        """Trains runs, a few at once; returns the exit code, see `processes.train`."""
        words = {run: self.command(run) for run in runs}
        return processes.train(words, self.results, self._mnist, self.values.jobs)

    def frames(self):
        """The `frame.Frames` of the folder of results."""
        if not self.results.is_dir():  # its name may be mistyped
            fault = f"there is no folder {self.results}; train runs first"
            raise UsageError(f"--results: {fault}")
        return frame.load(self.results)

    def selects(self):
        """Whether it asks for a part, even by a flag's usual value."""
        return any(self.values[flag].present for flag in self.part)

    def file(self, name):
        """Where a page or a picture such as "table1" goes, a path without suffix.

        A part never replaces what the plain call has written: it goes to `outputs/`.
        Substitute digits have files of their own.
        """
        if self.values.smoke:
            return self.results / name
        folder = folders.OUTPUTS if self.selects() else self.results
        return folder / (name + "-rendered" * (self.values.digits == "rendered"))

    def write(self, file, shown, page, content):
        """Prints what is shown; writes `<file>.md` and, of plain values, `.json`."""
        print(shown, flush=True)
        told = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        folders.write_atomically(f"{file}.json", told + "\n")
        folders.write_atomically(f"{file}.md", page)
        print(f"written: {folders.shown(file)}.md and .json", flush=True)


def option_words(name, value):
    """The words of a command line that set an option to a value."""
    if isinstance(value, bool):  # a switch, which takes no word of its own
        return [f"--{name}" if value else f"--no{name}"]
    return [f"--{name}", written(value)]
