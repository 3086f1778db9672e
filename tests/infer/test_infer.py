"""A model on images of one's own: every kind of file is read, or told in one line."""

import json

import numpy as np
import pytest
from PIL import Image

from data import pictures
from reproduce import command_line, infer

SIDE = 50  # of the tiny models' canvas, in pixels


def call(*words):
    argv = list(map(str, words))
    return command_line.main(infer.define, infer.body, argv=argv, positional=True)


def scene(height=SIDE, width=SIDE):
    """Two light rectangles on black, uint8."""
    image = np.zeros((height, width), np.uint8)
    image[height // 10 : height // 3, width // 10 : width // 3] = 255
    image[height // 2 : height * 4 // 5, width // 2 : width * 3 // 4] = 200
    return image


def cover(grey):
    """The scene's ink in one grey on a transparent ground."""
    colour = np.full((SIDE, SIDE, 3), grey, np.uint8)
    return Image.fromarray(np.dstack([colour, scene()]), "RGBA")


GREY, TALL = Image.fromarray(scene()), scene(200, 100)
SMALL = np.pad(TALL, [(0, 0), (50, 50)]).reshape(50, 4, 50, 4).mean(axis=(1, 3))
WIDE = scene().astype(np.uint16) * 257
GROUND = np.rint(204 - 0.8 * scene()).astype(np.uint8)  # dark on grey paper
KINDS = {  # from a file's name to its content; those named ink are dark on light
    "grey.png": GREY,
    "palette.gif": GREY.convert("P"),
    "ink.png": Image.fromarray(255 - scene()),
    "cmyk.tiff": GREY.convert("RGB").convert("CMYK"),
    "transparent.png": cover(255),
    "ink-transparent.png": cover(0),
    "sixteen.png": Image.fromarray(WIDE),
    "tall.png": Image.fromarray(TALL),
    "ink-grey.png": Image.fromarray(GROUND),
    "several.npy": np.stack([scene()] * 2) / 255,
    "sixteen.npy": WIDE.astype(">u2"),
    "colours.npy": np.stack([scene()] * 3, axis=-1)[None],
    "colour.npy": np.stack([scene()] * 3, axis=-1),
}
FAULTS = {  # from a file's name to its content and a part of the line about it
    "gone.png": (None, "No such file"),
    "empty.png": (b"", "damaged, or no picture"),
    "short.png": (80, "damaged, or no picture"),
    "short.npy": (100, "damaged, or no picture"),
    "huge.png": (Image.new("1", (9000, 6000)), "more than 50,000,000"),
    "range.npy": (np.full((5, 5), 3.0), "values from 3 to 3"),
    "nan.npy": (np.full((5, 5), np.nan), "values from nan to nan"),
    "objects.npy": (np.array([{}]), "damaged, or no picture"),
}


def write(file, content):
    """Writes an image, an array, bytes, or so many bytes of a good file."""
    if isinstance(content, Image.Image):
        content.save(file)
    elif isinstance(content, np.ndarray):
        np.save(file, content, allow_pickle=True)
    elif isinstance(content, int):
        write(file, scene() if file.suffix == ".npy" else GREY)
        file.write_bytes(file.read_bytes()[:content])
    elif content is not None:
        file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_files(name, tmp_path):
    wanted = SMALL if name == "tall.png" else scene().astype(float)
    for found, grey in pictures.read(write(tmp_path / name, KINDS[name])):
        prepared = pictures.prepare(found, grey, SIDE)
        assert name in found and prepared.inverted == name.startswith("ink")
        assert np.abs(prepared.canvas - wanted).max() <= 1


def test_boxes_are_in_the_pixels_of_the_image():
    prepared = pictures.prepare("wide", np.zeros((100, 300), np.float32), SIDE)
    boxes = prepared.in_original(np.array([[10.0, 20, 5, 5]]))
    np.testing.assert_allclose(boxes, [[60, 20, 30, 30]])
    assert prepared.told == "300 x 100 pixels padded and scaled to 50"


def test_a_run_infers_as_its_model_predicts(tiny_networks, finished, tmp_path, capsys):
    from reproduce.run.trained import trained_model

    (state,) = finished.rglob("state.npz")
    model, stem = trained_model(state.parent), tmp_path / "out"
    np.save(tmp_path / "images.npy", np.stack([scene(), 255 - scene()]))
    assert call(state.parent, tmp_path, "--noinvert", "--out", stem) == 0
    entries = json.loads(stem.with_suffix(".json").read_text("utf-8"))["images"]
    expected = model.predict(np.load(tmp_path / "images.npy"))["counts"].tolist()
    assert [entry["count"] for entry in entries] == expected
    assert call(state.parent, state.parent) == 2  # no picture in it
    assert call(tmp_path / "gone.npz", tmp_path) == 2
    assert call(tmp_path, tmp_path / "images.npy") == 2
    assert capsys.readouterr().err.count("error: ") == 3
    # Files that cannot be taken get a line each; the others are inferred.
    model.save(tmp_path / "model.keras")
    files = [write(tmp_path / name, content) for name, (content, _) in FAULTS.items()]
    files.append(write(tmp_path / "tall.png", Image.fromarray(255 - TALL)))
    assert call(tmp_path / "model.keras", *files, "--out", stem) == 2
    told, errors = capsys.readouterr()
    for line, name in zip(errors.splitlines(), FAULTS, strict=True):
        assert line.startswith("error: ") and name in line and FAULTS[name][1] in line
    assert "dark on light" in told and "100 x 200" in told
    (entry,) = json.loads(stem.with_suffix(".json").read_text("utf-8"))["images"]
    assert entry["size"] == [100, 200] and len(entry["boxes"]) == entry["count"]
    assert Image.open(tmp_path / "out.png").width > 1000
