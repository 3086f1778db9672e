"""The scenes and samples that a run keeps in figure.npz, ready to be drawn."""

import numpy as np

from reproduce import outcome, records, summaries

# The arrays of each kind and their numbers of axes; the first one counts scenes.
FIELDS = {
    "scenes": {
        **{"images": 3, "reconstructions": 3, "boxes": 3},
        **{"counts": 1, "true_counts": 1},
    },
    "samples": {"sample_images": 3, "sample_boxes": 3, "sample_counts": 1},
}


def load(record, results, kind):
    """The arrays of one kind that a run keeps.

    Args:
      record: the run's record.
      results: the results folder.
      kind: "scenes", test scenes and what was inferred of them, or "samples", scenes
        sampled from the prior.

    Returns:
      A dict of arrays, the names in `FIELDS`.

    Raises:
      RecordError: if they are missing, damaged or not as many as a run keeps.
    """
    configuration = records.configuration_of(record)
    folder = records.run_folder(results, configuration)
    try:
        with np.load(folder / outcome.FIGURE_FILE) as archive:
            return _checked(archive, configuration, kind)
    except OSError as error:
        reason = f"{outcome.FIGURE_FILE}: {error.strerror or 'cannot be read'}"
        raise records.RecordError(folder, reason) from None
    except Exception:  # damaged bytes make NumPy and zipfile raise anything
        reason = f"{outcome.FIGURE_FILE} is damaged or lacks an array"
        raise records.RecordError(folder, reason) from None


def _checked(archive, configuration, kind):
    """The arrays; ValueError if one has another shape than a run's."""
    scenes = summaries.SHOWN_SCENES
    if kind == "scenes":
        scenes = min(scenes, configuration.test_images)
    arrays = {name: archive[name] for name in FIELDS[kind]}
    for name, axes in FIELDS[kind].items():
        if arrays[name].ndim != axes or len(arrays[name]) != scenes:
            raise ValueError(f"{name} has the shape {arrays[name].shape}")
    return arrays


def scene_rows(arrays, counted, columns, blocks):
    """Rows of originals, each followed by its reconstructions with boxes.

    Args:
      arrays: of `load`, the kind "scenes".
      counted: whether the counts are shown too: they are known where every scene has
        as many.
      columns: scenes in a row.
      blocks: rows of originals.

    Returns:
      A list of lists of `drawing.Scene`.
    """
    from reproduce import drawing

    rows = []
    true = arrays["true_counts"] if counted else [None] * len(arrays["images"])
    inferred = arrays["counts"] if counted else true
    for first in range(0, columns * blocks, columns):
        chosen = range(first, min(first + columns, len(arrays["images"])))
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


def sample_rows(arrays, columns, rows):
    """Rows of samples, a list of lists of `drawing.Scene`; `arrays`: as `load`'s."""
    from reproduce import drawing

    images = arrays["sample_images"][: columns * rows]
    scenes = [drawing.Scene(image) for image in images]
    return [scenes[i : i + columns] for i in range(0, len(scenes), columns)]
