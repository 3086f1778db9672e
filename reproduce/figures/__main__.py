"""Figures 3, 4 and 5 of the paper and learning curves, drawn from run records alone.

    python -m reproduce.figures --figure 3

is what `bash reproduce/figure3.sh` runs, and `--figure curves` is `bash
reproduce/curves.sh`. A run keeps the small arrays that its figure needs, so TensorFlow
is not imported. Shown are the first scenes of the test set, or the first samples of a
fixed seed, of the first seed that has a record: nothing is picked by hand. Each input
is shown once, with the methods below it.

Nothing is trained unless asked for: without --train, --retrain or --smoke a missing run
is only named, together with the command that trains it.
"""

import sys

from reproduce import command_line, launch
from reproduce.errors import UsageError
from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS
from reproduce.figures import curves, panels
from reproduce.flags import choice, comma_list
from reproduce.records import folders, record
from reproduce.tables import cells

EVERY = {s: table for table, settings in grid.SETTINGS.items() for s in settings}
# The settings that a figure can show; the first one is the paper's figure.
SETTINGS = {
    "3": grid.SETTINGS["table1"],
    "4": grid.SETTINGS["table2"],
    "5": ("dsprites",),
    "curves": tuple(EVERY),
}
PART = ("seeds", "epochs", "methods", "preset")


def define(flags):
    """The command's flags."""
    flags.group("What to draw")
    flags.add("figure", choice(*SETTINGS), "3", "of the paper, or learning curves")
    help_text = "one picture each (default: the paper's; for curves all)"
    flags.add("settings", comma_list(choice(*EVERY)), None, help_text)
    flags.add("methods", comma_list(choice(*METHODS)), tuple(METHODS), "rows or lines")
    launch.define(flags, seeds=None)


def body(values):
    """Runs the command; returns the exit code."""
    figure, allowed = values.figure, SETTINGS[values.figure]
    are_curves = figure == "curves"
    settings = values.settings or (allowed if are_curves else allowed[:1])
    if other := [setting for setting in settings if setting not in allowed]:
        reason = f"{other[0]!r} is not one of figure {figure}"
        raise UsageError(f"--settings: {reason}; allowed: {', '.join(allowed)}")
    call = launch.Call(values, "curves" if are_curves else f"figure{figure}", PART)
    chosen = {f"{EVERY[s]}/{m}-{s}" for s in settings for m in values.methods}
    experiments = [name for name in grid.experiments() if name in chosen]
    seeds = call.seeds(published.SEEDS if are_curves else (0,))
    runs = call.runs(experiments, seeds)
    if call.lists_or_is_one(runs):
        return 0
    code = call.train(call.to_train(runs))
    frames = call.frames()
    complete = _complete(call, frames.runs, experiments)
    for setting, group in complete.groupby("setting"):
        if are_curves:
            name = f"curves-{EVERY[setting]}-{setting}"
            picture = curves.draw(group, frames.epochs)
        else:
            name = call.script + ("" if setting == allowed[0] else f"-{setting}")
            picture = panels.draw(_blocks(values, group, call.results))
        file = call.file(f"figures/{name}")
        panels.save(picture, file)
        print(f"written: {folders.shown(file)}.png and .pdf")
    return code


def _complete(call, runs, experiments):
    """The complete runs of experiments; prints which have none, UsageError if all."""
    values = call.values
    runs = runs[runs.experiment.isin(experiments) & (runs.preset == values.preset)]
    selected = cells.select(runs, values.digits, values.smoke, **call.shown)
    complete = selected[selected.status == record.COMPLETE]
    command = f"made by: {call.repeat_command()} --train"
    if complete.empty:
        raise UsageError(f"no run has a record yet; {command}")
    missing = [grid.label(e) for e in experiments if e not in set(complete.experiment)]
    if missing:
        print(f"no run yet: {', '.join(missing)}; {command}", flush=True)
    return complete


def _blocks(values, runs, results):
    """A picture's blocks, see `panels.draw`; the first seed of each method."""
    arrays = {
        run.method: record.read_figure(results / run.folder)
        for run in runs.drop_duplicates("method").itertuples()
    }
    labelled = [(METHODS[method], arrays.get(method)) for method in values.methods]
    if values.figure == "5":
        return [(label, panels.samples(scenes)) for label, scenes in labelled]
    return panels.compared(labelled, counted=values.figure == "3")


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
