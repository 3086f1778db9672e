"""A picture of a comparison: the same test scenes as each variant infers them."""

import string
import textwrap

from reproduce import drawing, files, gather, kept_scenes, records
from reproduce.words import count_of

COLUMNS, ROWS = 2, 6  # of scenes in a panel
WIDTH = 105  # letters in a line of the caption


def draw(comparison, row_cells, results, file):
    """Draws the inputs, and a panel for each row with a run; nothing if none has one.

    Args:
      comparison: a `variants.Comparison`.
      row_cells: its rows' `cells.Cell`, see `variants.collect`; of each the first run.
      results: the results folder, which holds the runs' arrays.
      file: path without suffix.

    Raises:
      RecordError: if a run's arrays are missing or damaged.
      OSError: naming the file that could not be written.
    """
    shown = [
        (", ".join(row.labels) if row.changes else "no change", _whole(cell))
        for row, cell in zip(comparison.rows, row_cells, strict=True)
        if cell.complete
    ]
    if not shown:
        return
    panels, names, most = [], [], 0
    for letter, (label, record) in zip(string.ascii_lowercase, shown, strict=False):
        configuration = records.configuration_of(record)
        arrays = kept_scenes.load(record, results, "scenes")
        counted = len(configuration.counts) > 1
        rows = kept_scenes.scene_rows(arrays, counted, COLUMNS, ROWS)
        if not panels:
            panels.append(drawing.Panel("input", rows[::2]))
        title = f"({letter})\n{count_of(record['epochs'], 'epoch')}"
        panels.append(drawing.Panel(title, rows[1::2]))
        names.append(f"({letter}) {label}")
        most = max(most, *arrays["counts"][: COLUMNS * ROWS])
    caption = textwrap.wrap(f"{comparison.title}. {'; '.join(names)}.", WIDTH)
    if short := gather.shortness([record for _, record in shown]):
        caption.append(short)
    page = drawing.page(panels, configuration.canvas_side, caption, (), int(most))
    drawing.save(page, file)
    print(f"written: {files.shown(file)}.png and .pdf")


def _whole(cell):
    """Its first record, at its own length: the scenes kept are of its last epoch."""
    record = cell.complete[0]
    return {**record, "epochs": record.get("cut_from", record["epochs"])}
