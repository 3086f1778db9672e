"""Rows of scenes: what is drawn where, pixel by pixel."""

import io

import made_up
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from reproduce.figures import panels


def pixels(figure):
    """The picture as colours in [0, 1]. Shape [height, width, 3]."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=figure.dpi)
    stream.seek(0)
    return matplotlib.image.imread(stream)[..., :3]


def block(picture, row, column, side, above):
    """The pixels of one scene, one for each of the scene's own."""
    factor = panels.SCENE // side
    cell = side * factor
    top = above + row * (cell + above)
    left = panels.LABELS + column * (cell + panels.GAP)
    part = picture[top : top + cell, left : left + cell]
    return part.reshape(side, factor, side, factor, 3).transpose(0, 2, 1, 3, 4)


@pytest.mark.parametrize("side", [50, 64, 7])
@pytest.mark.parametrize("counted", [False, True])
def test_every_pixel_of_a_scene_is_a_square_of_its_grey(side, counted):
    """No pixel is interpolated, cut or moved by a fraction."""
    images = np.random.default_rng(0).integers(0, 256, (6, side, side), dtype=np.uint8)
    scenes = [panels.Scene(image, count=3 if counted else None) for image in images]
    picture = pixels(panels.draw([("a", [scenes[:3]]), ("b", [scenes[3:]])]))
    above = panels.COUNTS if counted else panels.GAP
    for number, image in enumerate(images):
        found = block(picture, number // 3, number % 3, side, above)
        expected = np.broadcast_to(image[:, :, None, None, None] / 255, found.shape)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_boxes_are_drawn_where_they_are_in_the_colours_of_their_order():
    boxes = np.array([[10, 20, 15, 15], [30, 5, 10, 10]])
    scene = panels.Scene(np.zeros((50, 50), np.uint8), boxes)
    picture = pixels(panels.draw([("a", [[scene] * 8])]))
    found = block(picture, 0, 0, 50, panels.GAP)
    for colour, (x, y, width, height) in zip(panels.BOX_COLOURS, boxes, strict=False):
        near = np.abs(found - to_rgb(colour)).max(axis=-1).min(axis=(2, 3)) < 0.02
        rows, columns = np.nonzero(near)
        assert abs(rows.min() - y) <= 1 and abs(rows.max() - (y + height)) <= 1
        assert abs(columns.min() - x) <= 1 and abs(columns.max() - (x + width)) <= 1
    inside = found[25:30, 15:20]
    assert inside.max() == 0  # boxes are lines


def test_a_wrong_count_is_red():
    image = np.zeros((50, 50), np.uint8)
    for wrong in (True, False):
        scenes = [panels.Scene(image, count=2, wrong=wrong)] * 8
        heading = pixels(panels.draw([("a", [scenes])]))[
            : panels.COUNTS, panels.LABELS :
        ]
        is_red = (heading[..., 0] - heading[..., 1] > 0.5).any()
        assert is_red == wrong and heading.min() < 0.5


def test_rows_of_a_run_come_from_its_arrays():
    arrays = made_up.figure(counts=(1, 3))
    arrays["counts"] = arrays["counts"].copy()
    arrays["counts"][1] = 2
    _, (_, (scenes,)), none = panels.compared([("a", arrays), ("b", None)], True)
    assert none == ("b", [])
    assert [scene.count for scene in scenes[:4]] == [1, 2, 1, 3]
    assert [scene.wrong for scene in scenes[:4]] == [False, True, False, False]
    assert [len(scene.boxes) for scene in scenes[:4]] == [1, 2, 1, 3]
    _, (_, (plain,)) = panels.compared([("a", arrays)], False)
    assert [(scene.count, scene.wrong) for scene in plain] == [(None, False)] * 8
    assert [len(row) for row in panels.samples(arrays)] == [8, 8]
    assert panels.samples(None) == []


def test_a_file_depends_on_what_it_shows_alone(tmp_path):
    arrays = made_up.figure()
    for name in ("one", "two"):
        rows = panels.compared([("AIR", arrays), ("AIR-ASR", None)], True)
        panels.save(panels.draw(rows), tmp_path / name)
    for kind in ("png", "pdf"):
        files = [(tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two")]
        assert files[0] == files[1]
        assert b"Matplotlib" not in files[0] and b"CreationDate" not in files[0]
