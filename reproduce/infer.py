"""Applies a trained model to your own images: counts, boxes and reconstructions.

    python -m reproduce.infer checkpoints/table1/asr-13/paper-10ep-seed0 a.png b.jpg

The first argument, MODEL, is a run's folder of checkpoints, a file of results/weights/
or a .keras file; the others are pictures, folders of pictures or .npy arrays.

The models know light ink on a dark background, so an image with a light edge is
inverted. It is padded to a square and scaled to the model's canvas; boxes are given in
pixels of the original image.
"""

import json
import sys
import warnings

import numpy as np

from data import DataError, pictures
from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.flags import switch, text
from reproduce.records import folders
from reproduce.words import count_of

MOST = 10_000  # images per call
SHOWN, BATCH = 64, 64  # images printed and drawn; images in a batch


def define(flags):
    """The command's flags."""
    flags.group("What to do")
    help_text = "ink is dark; --noinvert: light (default: judged by each image's edge)"
    flags.add("invert", switch(), None, help_text)
    help_text = "name of the .json, .png and .pdf (default outputs/inferred)"
    flags.add("out", text(), None, help_text)


def body(values, words):
    """Runs inference; returns the exit code, 2 if an image could not be read."""
    if len(words) < 2:
        raise UsageError("a model and an image are needed; see --help")
    out = folders.given_path(values.out or folders.OUTPUTS / "inferred")
    folders.require_writable(out.parent, "--out")
    files = [file for word in words[1:] for file in _files(word)]
    model = _model(words[0])
    images, errors, side = [], 0, model.canvas_side
    for file in files:
        try:
            for name, grey in pictures.read(file):
                images.append(pictures.prepare(name, grey, side, values.invert))
                if len(images) > MOST:
                    raise UsageError(f"more than {MOST:,} images; give fewer at once")
        except DataError as error:  # continue with the others
            print(f"error: {error}", file=sys.stderr, flush=True)
            errors += 1
    if images:
        from reproduce.run.evaluation import Evaluation

        canvases = np.stack([image.canvas for image in images])
        inferred = Evaluation(model, min(BATCH, len(images))).predict(canvases)
        _write(out, words[0], images, inferred)
    return 2 if errors else 0


def _model(name):
    """The `air.AIR` that the argument MODEL names."""
    path = folders.given_path(name)
    saved = path.suffix == ".keras"
    if not (path.is_file() if path.suffix in (".keras", ".npz") else path.is_dir()):
        kinds = "neither a checkpoint's folder nor a .npz or .keras file"
        raise UsageError(f"MODEL: {name} is {kinds}")
    from reproduce.run import start

    start.tensorflow()
    import keras

    import air
    from reproduce.run.trained import trained_model

    if not saved:
        return trained_model(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about the unused optimiser
            model = keras.saving.load_model(path)
    except Exception as error:  # damaged bytes make Keras and zipfile raise anything
        reason = str(error).rpartition("Exception encountered: ")[2].strip()
        reason = reason.split("\n")[0] or type(error).__name__
        raise UsageError(f"MODEL: {name} cannot be loaded: {reason[:300]}") from None
    if not isinstance(model, air.AIR):
        raise UsageError(f"MODEL: {name} does not contain an air.AIR model")
    return model


def _files(word):
    """The files that an argument names: itself, or those in a folder, by name."""
    path = folders.given_path(word)
    files = pictures.files_in(path) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{word}: this folder contains no pictures or .npy arrays")
    return files


def _write(out, model, images, inferred):
    """Prints what was inferred, and writes it as JSON and as a picture."""
    from reproduce.figures import panels

    drawn = np.rint(255 * inferred["reconstructions"].clip(0, 1)).astype(np.uint8)
    entries, scenes = [], []
    for i, image in enumerate(images):
        count = int(inferred["counts"][i])
        boxes = inferred["boxes"][i][:count]
        entries.append(
            {
                "image": image.name,
                "size": image.size,
                "inverted": image.inverted,
                "count": count,
                "boxes": image.in_original(boxes).round(3).tolist(),
                "nelbo": float(inferred["nelbo"][i]),
                "reconstruction": drawn[i].tolist(),
            }
        )
        scene = panels.Scene(image.canvas, boxes, count)
        scenes.append((scene, panels.Scene(drawn[i])))
        if i < SHOWN:
            remark = f" ({image.told})" if image.told else ""
            print(f"{image.name}: {count_of(count, 'object')}{remark}")
    if len(images) > SHOWN:
        print(f"{len(images) - SHOWN:,} more are in the .json, not in the picture")
    encoded = json.dumps({"model": model, "images": entries}, ensure_ascii=False)
    folders.write_atomically(f"{out}.json", encoded + "\n")
    scenes, blocks = scenes[:SHOWN], []
    blank = panels.Scene(np.full_like(drawn[0], 255))  # keeps the text's size
    columns = panels.COLUMNS
    scenes += [(blank, blank)] * (-len(scenes) % columns)
    for first in range(0, len(scenes), columns):
        rows = zip(*scenes[first : first + columns], strict=True)
        blocks += zip(("input", "inferred"), ([list(row)] for row in rows), strict=True)
    panels.save(panels.draw(blocks), out)
    print(f"written: {folders.shown(out)}.json, .png and .pdf")


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__, positional=True))
