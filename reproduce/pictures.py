"""The report's pictures, each with what it shows and the command that draws it."""

from reproduce import grid, inferred_boxes, published

FIGURES = {  # by name of the file
    "figure3": (
        "Figure 3: one or three digits, inferred boxes and reconstructions",
        "figure3.sh",
    ),
    "figure3-14": ("As Figure 3: one or four digits", "figure3.sh --settings 14"),
    "figure3-24": ("As Figure 3: two or four digits", "figure3.sh --settings 24"),
    "figure4": ("Figure 4: three digits that do not overlap", "figure4.sh"),
    "figure4-dsprites": (
        "As Figure 4: three sprites that do not overlap",
        "figure4.sh --settings dsprites",
    ),
    "figure5": (
        "Figure 5: samples from the prior on Multi-dSprites (in the released code all "
        "objects of AIR-pPrior and AIR-ASR have one size)",
        "figure5.sh",
    ),
    "own_constraint": (
        "A constraint that is not in the paper: two models, without and with it",
        "own_constraint.sh",
    ),
}
CURVES = (
    "The metrics of the test images by epoch; dotted, the nELBO in training. The grey "
    "vertical line is where these runs end; right of it stand the published values "
    f"with their standard deviations: the paper trains for {published.EPOCHS} epochs. "
    "First epochs may lie outside the axes. Drawn by `bash reproduce/curves.sh`."
)
SUBJECTS = {"table1": "Number of objects", "table2": "Overlap, three objects"}


def markdown(folder, tables):
    """The sections of figures and of learning curves; "" without any picture.

    Args:
      folder: of the results, with the pictures in figures/.
      tables: the tables' cells, lists of `cells.Cell` by name.

    Raises:
      RecordError: if a run's arrays are damaged.
    """
    figures = []
    for name, (text, command) in FIGURES.items():
        if _exists(folder, name):
            sizes = _sizes(folder, tables) if name == "figure5" else ""
            told = f"{text}.{sizes} Drawn by `bash reproduce/{command}`."
            figures.append(f"{_picture(name, text)}\n\n{told}")
    curves = [
        _picture(
            f"curves-{table}-{setting}",
            f"{SUBJECTS[table]}, {grid.scenes(setting)}, by epoch",
        )
        for table, settings in grid.SETTINGS.items()
        for setting in settings
        if _exists(folder, f"curves-{table}-{setting}")
    ]
    parts = ["## Figures", *figures] if figures else []
    parts += ["## Learning curves", CURVES, *curves] if curves else []
    return "\n\n".join(parts)


def _exists(folder, name):
    return (folder / "figures" / f"{name}.png").exists()


def _picture(name, text):
    return f"![{text}](figures/{name}.png)"


def _sizes(folder, tables):
    """Where the sizes of Figure 5 come from; "" without its arrays."""
    found = [
        boxes
        for cell in tables["table2"]
        if cell.setting == "dsprites"
        and (boxes := inferred_boxes.of_cell(cell, folder))
    ]
    if not found:
        return ""
    sampled, inferred = (
        _range(getattr(boxes, kind) for boxes in found)
        for kind in ("sampled", "inferred")
    )
    return (
        f" Sizes are drawn from the prior of z_scale (median about {sampled} pixels), "
        f"not from what the models infer (medians about {inferred} pixels)."
    )


def _range(values):
    """Rounded numbers from the least to the largest, such as "14 to 22"."""
    rounded = [round(value) for value in values]
    ends = dict.fromkeys((min(rounded), max(rounded)))
    return " to ".join(map(str, ends))
