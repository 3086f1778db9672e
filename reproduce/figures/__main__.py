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
    figure, allowed = values.figure, SETTINGS[values.figure]
    are_curves = figure == "curves"
    settings = values.settings or (allowed if are_curves else allowed[:1])
    if other := [setting for setting in settings if setting not in allowed]:
        raise UsageError(
            f"--settings: {other[0]!r} is not one of figure {figure}; allowed: "
            f"{', '.join(allowed)}"
        )
    protocol, code = launch.protocol_from(values), 0
    shown = {f"{EVERY[s]}/{m}-{s}" for s in settings for m in values.methods}
    experiments = [name for name in grid.experiments() if name in shown]
    seeds = values.seeds or (published.SEEDS if are_curves else (0,))
    wanted = launch.runs(experiments, seeds[:1] if protocol.smoke else seeds)
    if launch.listed_or_run(values, wanted, protocol):
        return 0
    if values.train or protocol.retrain:
        code = launch.train(values, launch.to_train(values, wanted, protocol), protocol)
    frames = calls.frames_of(protocol)
    for setting, runs in _drawn(values, protocol, frames.runs, experiments):
        if are_curves:
            name = f"curves-{EVERY[setting]}-{setting}"
            picture = curves.draw(runs, frames.epochs)
        else:
            name = f"figure{figure}" + ("" if setting == allowed[0] else f"-{setting}")
            picture = panels.draw(_blocks(values, runs, protocol.results))
        file = calls.file_of(values, protocol, f"figures/{name}", PART)
        panels.save(picture, file)
        print(f"written: {folders.shown(file)}.png and .pdf")
    return code


def _drawn(values, protocol, runs, experiments):
    """The complete runs that are drawn, by setting; tells which are missing.

    Raises:
      UsageError: if no run has a record.
    """
    selected = cells.select(
        runs[runs.experiment.isin(experiments) & (runs.preset == protocol.preset)],
        protocol.digits,
        protocol.smoke,
        values.seeds,
        calls.given(values, "epochs"),
    )
    complete = selected[selected.status == record.COMPLETE]
    script = "curves" if values.figure == "curves" else f"figure{values.figure}"
    command = f"{calls.call_of(values, script)} --train"
    if complete.empty:
        raise UsageError(f"no run has a record yet; made by: {command}")
    lacking = [grid.label(e) for e in experiments if e not in set(complete.experiment)]
    if lacking:
        print(f"no run yet: {', '.join(lacking)}; made by: {command}", flush=True)
    return complete.groupby("setting")


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
