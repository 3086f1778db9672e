"""Figures 3, 4 and 5 of the paper, drawn from run records alone.

    python -m reproduce.figures --figure 3

is what `bash reproduce/figure3.sh` runs. A run keeps the small arrays that its
figure needs (`evaluation.figure_arrays`), so nothing is trained and TensorFlow is
not imported. Shown are the first scenes of the test set, or the first samples of a
fixed seed, of the first seed that has a record: nothing is picked by hand.
"""

import sys

import numpy as np

from reproduce import (
    command_line,
    gather,
    grid,
    grid_command,
    outcome,
    records,
    summaries,
)
from reproduce.configuration import METHODS, TABLE1_SETTINGS
from reproduce.errors import UsageError

DESCRIPTION = (
    "Draws Figure 3, 4 or 5 of the paper as PNG and PDF from run records. It trains "
    "only with --train, --retrain or --smoke."
)
FIGURES = {"3": "table1", "4": "table2", "5": "table2"}
SETTING = {"4": "mnist", "5": "dsprites"}
COLUMNS, BLOCKS = 4, 2  # of scenes in a panel of Figures 3 and 4
SAMPLES = (4, 4)  # columns and rows in a panel of Figure 5
# The arrays of a figure and their numbers of axes; the first one counts scenes.
FIELDS = {
    "scenes": {
        **{"images": 3, "reconstructions": 3, "boxes": 3},
        **{"counts": 1, "true_counts": 1},
    },
    "samples": {"sample_images": 3},
}


def define(options):
    """The command's flags."""
    options.group("What to draw")
    options.choice("figure", "3", "of the paper", tuple(FIGURES))
    options.choices(
        "settings",
        ("13",),
        "of figure 3: allowed counts; one picture each",
        tuple(TABLE1_SETTINGS),
    )
    options.choices("methods", tuple(METHODS), "panels", tuple(METHODS))
    grid_command.define(options, seeds=None)


def body(values):
    """Runs the command; returns the exit code."""
    if values.figure != "3" and values["settings"].present:
        raise UsageError(f"--settings: figure {values.figure} has one setting only")
    protocol = grid_command.protocol_from(values)
    source = FIGURES[values.figure]
    settings = values.settings if values.figure == "3" else (SETTING[values.figure],)
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
            if values.figure == "3" and setting != "13":
                name += f"-{setting}"  # the appendix's
            flags = ("seeds", "epochs", "methods")
            file = gather.picture_file(name, values, protocol, flags)
            draw(values.figure, cells, protocol, file)
    return grid_command.tell_failures(failures)


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
        arrays = load(record, protocol.results, figure)
        side = records.configuration_of(record).canvas_side
        title = f"({letter}) {cell.method}\n{gather.describe(record)}"
        if figure == "5":
            panels.append(drawing.Panel(title, _samples(arrays)))
        else:
            panels.append(drawing.Panel(title, _scenes(arrays, figure == "3")))
            largest = max(largest, int(arrays["counts"][: COLUMNS * BLOCKS].max()))
    labels = () if figure == "5" else ("input", "model") * BLOCKS
    caption = [_caption(figure, cells[0])]
    if short := gather.shortness(shown):
        caption.append(short)
    page = drawing.page(panels, side, caption, labels, largest)
    drawing.save(page, file)
    print(f"written: {files.shown(file)}.png and .pdf")


def load(record, results, figure):
    """The arrays of a run that a figure is drawn from.

    Raises:
      RecordError: if they are missing, damaged or not those of the figure.
    """
    configuration = records.configuration_of(record)
    folder = records.run_folder(results, configuration)
    try:
        with np.load(folder / outcome.FIGURE_FILE) as archive:
            return _checked(archive, configuration, figure)
    except OSError as error:
        reason = f"{outcome.FIGURE_FILE}: {error.strerror or 'cannot be read'}"
        raise records.RecordError(folder, reason) from None
    except Exception:  # damaged bytes make NumPy and zipfile raise anything
        reason = f"{outcome.FIGURE_FILE} is damaged or lacks an array"
        raise records.RecordError(folder, reason) from None


def _checked(archive, configuration, figure):
    """The arrays of a figure; ValueError if one has another shape than a run's."""
    kind, scenes = "samples", summaries.SHOWN_SCENES
    if figure != "5":
        kind, scenes = "scenes", min(scenes, configuration.test_images)
    arrays = {name: archive[name] for name in FIELDS[kind]}
    for name, axes in FIELDS[kind].items():
        if arrays[name].ndim != axes or len(arrays[name]) != scenes:
            raise ValueError(f"{name} has the shape {arrays[name].shape}")
    return arrays


def _scenes(arrays, counted):
    """Rows of originals, each followed by its reconstructions with boxes.

    `counted` shows the counts too: they are known where every scene has as many.
    """
    from reproduce import drawing

    rows = []
    true = arrays["true_counts"] if counted else [None] * len(arrays["images"])
    inferred = arrays["counts"] if counted else true
    for first in range(0, COLUMNS * BLOCKS, COLUMNS):
        chosen = range(first, min(first + COLUMNS, len(arrays["images"])))
        rows.append([drawing.Scene(arrays["images"][i], count=true[i]) for i in chosen])
        rows.append(
            [
                drawing.Scene(
                    arrays["reconstructions"][i],
                    arrays["boxes"][i][: arrays["counts"][i]],
                    inferred[i],
                    wrong=counted and inferred[i] != true[i],
                )
                for i in chosen
            ]
        )
    return rows


def _samples(arrays):
    from reproduce import drawing

    columns, rows = SAMPLES
    images = arrays["sample_images"][: columns * rows]
    scenes = [drawing.Scene(image) for image in images]
    return [scenes[i : i + columns] for i in range(0, len(scenes), columns)]


def _caption(figure, cell):
    if figure == "3":
        counts = f"{cell.setting[0]} or {cell.setting[1]}"
        return (
            f"The first test scenes of {counts} digits: inputs with the true count, "
            "reconstructions with inferred count (red: wrong) and boxes."
        )
    if figure == "4":
        return (
            "The first test scenes of three digits: inputs, and reconstructions with "
            "the inferred boxes."
        )
    return "The first samples of one seed from each model's prior on Multi-dSprites."


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
