"""Overlaps and sides of inferred boxes, from the scenes kept with a record."""

import io

import numpy as np
import picture_support
import pytest
import synthetic

from reproduce import cells, files, grid, inferred_boxes, outcome, records


def write(results, seed, boxes, sampled_side):
    """A record of Table 2 whose 16 scenes all have these boxes, of which two exist."""
    folder = synthetic.write(results, "table2/asr-mnist", seed, epochs=4)
    two = np.full(16, 2, np.int32)
    sampled = np.full((16, 3, 4), sampled_side, np.float32)
    changes = {"boxes": np.tile(np.float32(boxes), (16, 1, 1)), "counts": two}
    changes |= {"sample_boxes": sampled, "sample_counts": two}
    # White pixels at (x, y): in the first box of both, and in the third box alone.
    images = np.zeros((16, 50, 50), np.uint8)
    images[:, 3, 9] = images[:, 39, 3] = images[:, 39, 4] = 255
    changes |= {"images": images}
    stream = io.BytesIO()
    np.savez_compressed(stream, **picture_support.arrays() | changes)
    files.write_atomically(folder / outcome.FIGURE_FILE, stream.getvalue())
    return folder


def cell(results):
    (found,) = cells.collect(["table2/asr-mnist"], grid.Protocol(results=results))
    return found


APART = [[0, 0, 10, 10], [20, 0, 12, 12], [0, 0, 40, 40]]  # the third does not exist
MEETING = [[0, 0, 20, 20], [19, 0, 20, 20], [0, 0, 40, 40]]


def test_pairs_and_sides_are_pooled_over_the_runs(tmp_path):
    write(tmp_path, 0, APART, 13.0)
    assert inferred_boxes.of_cell(cell(tmp_path), tmp_path) == (0, 16, 11.0, 13.0, 2.0)
    write(tmp_path, 1, MEETING, 15.0)
    assert inferred_boxes.of_cell(cell(tmp_path), tmp_path) == (16, 32, 16.0, 14.0, 2.0)
    text = inferred_boxes.markdown([cell(tmp_path)], tmp_path)
    assert text.endswith("| AIR-ASR (multi-mnist) | 16 of 32 | 16.0 | 14.0 | 2.0 |")


def test_ink_is_covered_where_a_pixel_s_centre_is_in_a_box_that_exists(tmp_path):
    # x from 8.6 to 9.6 holds the centre 9.5; from 9.6 on it does not.
    write(tmp_path, 0, [[8.6, 0, 1, 10], [3, 38, 1, 2], [0, 0, 40, 40]], 13.0)
    assert inferred_boxes.of_cell(cell(tmp_path), tmp_path).uncovered == 1
    write(tmp_path, 0, [[9.6, 0, 1, 10], [3, 38, 1, 2], [0, 0, 40, 40]], 13.0)
    assert inferred_boxes.of_cell(cell(tmp_path), tmp_path).uncovered == 2


def test_without_kept_scenes_there_is_no_table(tmp_path):
    synthetic.write(tmp_path, "table2/asr-mnist", epochs=4)
    assert inferred_boxes.of_cell(cell(tmp_path), tmp_path) is None
    assert inferred_boxes.markdown([cell(tmp_path)], tmp_path) == ""


def test_damaged_arrays_are_named(tmp_path):
    file = write(tmp_path, 0, APART, 13.0) / outcome.FIGURE_FILE
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(records.RecordError, match="figure.npz"):
        inferred_boxes.markdown([cell(tmp_path)], tmp_path)
