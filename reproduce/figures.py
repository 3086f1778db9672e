"""Figures 3, 4 and 5 of the paper, drawn from run records alone.

    python -m reproduce.figures --figure 3

is what `bash reproduce/figure3.sh` runs. A run keeps the small arrays that its
figure needs (`evaluation.figure_arrays`), so nothing is trained and TensorFlow is
not imported. Shown are the first scenes of the test set, or the first samples of a
fixed seed, of the first seed that has a record: nothing is picked by hand.
"""

import sys

from reproduce import (
    command_line,
    gather,
    grid,
    grid_command,
    kept_scenes,
    records,
)
from reproduce.configuration import METHODS, TABLE1_SETTINGS, TABLE2_SETTINGS
from reproduce.errors import UsageError

DESCRIPTION = (
    "Draws Figure 3, 4 or 5 of the paper as PNG and PDF from run records. It trains "
    "only with --train, --retrain or --smoke."
)
FIGURES = {"3": "table1", "4": "table2", "5": "table2"}
# The settings that a figure can show; the first one is the paper's figure.
SETTINGS = {
    "3": tuple(TABLE1_SETTINGS),
    "4": tuple(TABLE2_SETTINGS),
    "5": ("dsprites",),
}
COLUMNS, BLOCKS = 4, 2  # of scenes in a panel of Figures 3 and 4
SAMPLES = (4, 4)  # columns and rows in a panel of Figure 5


def define(options):
    """The command's flags."""
    options.group("What to draw")
    options.choice("figure", "3", "of the paper", tuple(FIGURES))
    options.choices(
        "settings",
        None,
        "one picture each: 13, 14, 24 of figure 3, mnist, dsprites of figure 4 "
        "(default the first)",
        [setting for figure in ("3", "4") for setting in SETTINGS[figure]],
    )
    options.choices("methods", tuple(METHODS), "panels", tuple(METHODS))
    grid_command.define(options, seeds=None)


def body(values):
    """Runs the command; returns the exit code."""
    settings = _settings(values)
    protocol = grid_command.protocol_from(values)
    source = FIGURES[values.figure]
    experiments = grid.table_experiments(source, values.methods, settings)
    seeds = values.seeds or (0,)
    runs = grid.runs(experiments, seeds)
    if grid_command.listed_or_run(values, runs, protocol):
        return 0
    found, failures = gather.gather(values, protocol, runs)
    train = f"{grid_command.call_of(values, f'figure{values.figure}')} --train"
    if not any(cell.complete for cell in found):
        raise UsageError(
            f"figure {values.figure}: no run has a record yet; made by: {train}"
        )
    gather.name_missing(found, train)
    for setting in settings:
        cells = [cell for cell in found if cell.setting == setting]
        if any(cell.complete for cell in cells):
            name = f"figure{values.figure}"
            if setting != SETTINGS[values.figure][0]:
                name += f"-{setting}"
            flags = ("seeds", "epochs", "methods")
            file = gather.picture_file(name, values, protocol, flags)
            draw(values.figure, cells, protocol, file)
    return grid_command.tell_failures(failures)


def _settings(values):
    """The settings asked for.

    Raises:
      UsageError: if the figure does not have one of them.
    """
    allowed = SETTINGS[values.figure]
    wanted = values.settings or allowed[:1]
    for setting in wanted:
        if setting not in allowed:
            raise UsageError(
                f"--settings: {setting!r} is not one of figure {values.figure}; "
                f"allowed: {', '.join(allowed)}"
            )
    return wanted


def draw(figure, cells, protocol, file):
    """Draws one picture and writes it.

    Args:
      figure: "3", "4" or "5".
      cells: list of `cells.Cell`, one a panel; of each the first complete run.
      protocol: the `grid.Protocol`; its results folder holds the arrays.
      file: path without suffix.

    Raises:
      RecordError: if a run's arrays are missing, damaged or do not fit the figure.
    """
    from reproduce import drawing, files

    shown = [cell.complete[0] for cell in cells if cell.complete]
    panels, largest, side = [], 0, None
    for letter, cell in zip("abc", cells, strict=False):
        if not cell.complete:
            panels.append(drawing.Panel(f"({letter}) {cell.method}", []))
            continue
        record = cell.complete[0]
        kind = "samples" if figure == "5" else "scenes"
        arrays = kept_scenes.load(record, protocol.results, kind)
        side = records.configuration_of(record).canvas_side
        title = f"({letter}) {cell.method}\n{gather.describe(record)}"
        if figure == "5":
            panels.append(
                drawing.Panel(title, kept_scenes.sample_rows(arrays, *SAMPLES))
            )
        else:
            counted = figure == "3"
            rows = kept_scenes.scene_rows(arrays, counted, COLUMNS, BLOCKS)
            panels.append(drawing.Panel(title, rows))
            largest = max(largest, int(arrays["counts"][: COLUMNS * BLOCKS].max()))
    labels = () if figure == "5" else ("input", "model") * BLOCKS
    caption = [_caption(figure, cells[0])]
    if short := gather.shortness(shown):
        caption.append(short)
    page = drawing.page(panels, side, caption, labels, largest)
    drawing.save(page, file)
    print(f"written: {files.shown(file)}.png and .pdf")


def _caption(figure, cell):
    if figure == "3":
        counts = f"{cell.setting[0]} or {cell.setting[1]}"
        return (
            f"The first test scenes of {counts} digits: inputs with the true count, "
            "reconstructions with inferred count (red: wrong) and boxes."
        )
    if figure == "4":
        objects = "digits" if cell.setting == "mnist" else "sprites"
        return (
            f"The first test scenes of three {objects}: inputs, and reconstructions "
            "with the inferred boxes."
        )
    return "The first samples of one seed from each model's prior on Multi-dSprites."


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
