"""Figures 3, 4 and 5 of the paper and learning curves, drawn from run records alone.

    python -m reproduce.figures --figure 3

is what `bash reproduce/figure3.sh` runs, and `--figure curves` is `bash
reproduce/curves.sh`. A run keeps the small arrays that its figure needs, so TensorFlow
is not imported. Shown are the first scenes of the test set, or the first samples of a
fixed seed, of the first seed that has a record: nothing is picked by hand. Each input
stands once, the methods below it.

A picture never trains unasked: without --train, --retrain or --smoke a missing run is
only named, together with the command that makes it.
"""

import sys

from reproduce import command_line, launch
from reproduce.errors import UsageError
from reproduce.experiments import grid, published
from reproduce.experiments.presets import METHODS
from reproduce.figures import curves, panels
from reproduce.records import folders, record
from reproduce.tables import calls, cells

DESCRIPTION = (
    "Draws Figure 3, 4 or 5 of the paper, or each metric over the epochs, as PNG and "
    "PDF from run records. It trains only with --train, --retrain or --smoke."
)
EVERY = {s: table for table, settings in grid.SETTINGS.items() for s in settings}
# The settings that a figure can show; the first one is the paper's figure.
SETTINGS = {
    "3": grid.SETTINGS["table1"],
    "4": grid.SETTINGS["table2"],
    "5": ("dsprites",),
    "curves": tuple(EVERY),
}
COLUMNS = 8  # scenes in a row
PART = ("seeds", "epochs", "methods", "preset")


def define(flags):
    """The command's flags."""
    methods = tuple(METHODS)
    flags.group("What to draw")
    flags.add("figure", flags.word(SETTINGS), "3", "of the paper, or learning curves")
    text = "one picture each (default: the paper's; of curves all)"
    flags.add("settings", flags.several(flags.word(EVERY)), None, text)
    flags.add("methods", flags.several(flags.word(methods)), methods, "rows or lines")
    launch.define(flags, seeds=None)


def body(values):
    """Runs the command; returns the exit code."""
    allowed = SETTINGS[values.figure]
    usual = allowed if values.figure == "curves" else allowed[:1]
    settings = values.settings or usual
    if other := [setting for setting in settings if setting not in allowed]:
        raise UsageError(
            f"--settings: {other[0]!r} is not one of figure {values.figure}; allowed: "
            f"{', '.join(allowed)}"
        )
    protocol = launch.protocol_from(values)
    experiments = [
        experiment
        for experiment in grid.experiments()
        if experiment.split("-", 1)[1] in settings
        and experiment.split("/")[1].split("-")[0] in values.methods
    ]
    seeds = values.seeds or (published.SEEDS if values.figure == "curves" else (0,))
    wanted = launch.runs(experiments, seeds[:1] if protocol.smoke else seeds)
    if launch.listed_or_run(values, wanted, protocol):
        return 0
    code = 0
    if values.train or protocol.retrain:
        code = launch.train(values, launch.to_train(values, wanted, protocol), protocol)
    frames = calls.frames_of(protocol)
    runs = _drawn(values, protocol, frames.runs, experiments)
    for setting in settings:
        own = runs[runs.setting == setting]
        if own.empty:
            continue
        if values.figure == "curves":
            name = f"curves-{EVERY[setting]}-{setting}"
            picture = curves.draw(own, frames.epochs)
        else:
            suffix = "" if setting == allowed[0] else f"-{setting}"
            name = f"figure{values.figure}{suffix}"
            picture = panels.draw(_blocks(values, own, protocol.results))
        file = calls.file_of(values, protocol, f"figures/{name}", PART)
        panels.save(picture, file)
        print(f"written: {folders.shown(file)}.png and .pdf")
    return code


def _drawn(values, protocol, runs, experiments):
    """The complete runs that are drawn; tells which are missing.

    Raises:
      UsageError: if no run has a record.
    """
    selected = cells.select(
        runs[runs.experiment.isin(experiments) & (runs.preset == protocol.preset)],
        protocol.digits,
        protocol.smoke,
        values.seeds,
        protocol.epochs if values["epochs"].present else None,
    )
    complete = selected[selected.status == record.COMPLETE]
    script = "curves" if values.figure == "curves" else f"figure{values.figure}"
    command = f"{calls.call_of(values, script)} --train"
    if complete.empty:
        raise UsageError(f"no run has a record yet; made by: {command}")
    lacking = [grid.label(e) for e in experiments if e not in set(complete.experiment)]
    if lacking:
        print(f"no run yet: {', '.join(lacking)}; made by: {command}", flush=True)
    return complete


def _blocks(values, runs, results):
    """A picture's blocks, see `panels.draw`; of each method the first seed."""
    arrays = {
        run.method: record.read_figure(results / run.folder)
        for run in runs.drop_duplicates("method").itertuples()
    }
    each = [(METHODS[method], arrays.get(method)) for method in values.methods]
    if values.figure == "5":
        return [(name, panels.samples(found, COLUMNS)) for name, found in each]
    how = (values.figure == "3", COLUMNS)
    inputs = ("input", panels.inputs(next(iter(arrays.values())), *how))
    return [inputs, *((n, panels.reconstructions(found, *how)) for n, found in each)]


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION))
