"""Scenes from the disk where they were made before, and made and kept where not."""

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
from pathlib import Path

import filelock
import numpy as np

from data import files
from data.datasets import DATASETS
from data.scenes import Scenes, SceneSet, content_digest, synthesise

FORMAT = "scenes of amortized-structural-regularization"
GENERATOR_VERSION = 1  # changes when the same specification would give other scenes
MESSAGE_AFTER = 1.0  # seconds of waiting for another process before a line says so


def load(specification, mnist_path=None, folder=None, progress=None):
    """Returns the scenes of a specification, made only if they are not on the disk.

    The file is found by a SHA-256 of everything that determines the scenes: the
    specification, the source objects and the version of the generator. Its content
    carries a digest that is checked at each load; a file that does not pass is made
    anew. Files are written whole or not at all, and of several processes that need
    the same scenes one makes them while the others wait. Where the folder cannot be
    used (not writable, disk full), a line says so and the scenes are made in memory.

    Args:
      specification: `data.SceneSpecification`.
      mnist_path: MNIST file, or None for the lookup of `data.load_mnist`. Where the
        scenes are cached it is not read: only one content passes as MNIST.
      folder: Folder of the cache; None for the environment variable ASR_CACHE or
        else ~/.cache/amortized-structural-regularization.
      progress: Function that is called with one line of text, at the start of long
        work and for each warning; None prints to stderr.

    Returns:
      `data.Scenes`.

    Raises:
      DataError: If the source objects cannot be had, or do not fit on the canvas.
    """
    say = progress or _print
    key = source_key(specification, mnist_path)
    try:
        folder = Path(folder or default_folder()).expanduser()
    except RuntimeError:
        say(
            "~: there is no home folder to keep scenes in; going on without "
            "(ASR_CACHE names another folder)"
        )
        return _make(specification, mnist_path, say)
    file = folder / f"scenes-{key[:32]}.npz"

    # Quietly: what is wrong with a file is said at the second look, with the lock.
    scenes = _read(file, key, _quiet)
    if scenes is not None:
        return scenes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _Lock(file.with_suffix(".lock"), say)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        say(
            f"{folder}: scenes cannot be kept there ({_reason(error)}); "
            "going on without (ASR_CACHE names another folder)"
        )
        return _make(specification, mnist_path, say)
    try:
        scenes = _read(file, key, say)  # another process may have made it meanwhile
        if scenes is None:
            scenes = _make(specification, mnist_path, say)
            _write(file, key, specification, scenes, say)
        return scenes
    finally:
        lock.release()


def default_folder():
    """Returns the cache's folder: ASR_CACHE, or one under ~/.cache."""
    named = os.environ.get("ASR_CACHE")
    return named or Path.home() / ".cache" / "amortized-structural-regularization"


def source_key(specification, mnist_path=None):
    """Returns the SHA-256, in hexadecimal, of everything that determines the scenes.

    Args:
      specification: `data.SceneSpecification`.
      mnist_path: As in `load`. A file that was named must exist, though it is not
        read here.

    Raises:
      DataError: If a MNIST file that was named is missing, or Matplotlib's fonts are.
    """
    described = {
        "format": FORMAT,
        "generator": GENERATOR_VERSION,
        "objects": _source(specification).fingerprint(mnist_path),
        "specification": dataclasses.asdict(specification),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def source_objects(specification, mnist_path=None):
    """Returns the objects that scenes are made of, uint8 [M, H, W], grey 0 to 255.

    Args and errors are those of `load`.
    """
    return _source(specification).objects(mnist_path)


def _source(specification):
    return DATASETS[specification.dataset].sources[specification.digits]


def _make(specification, mnist_path, say):
    objects = source_objects(specification, mnist_path)
    dataset = DATASETS[specification.dataset]
    name = dataset.title
    if specification.digits == "rendered":
        name += " of rendered digits"
    counts = " or ".join(str(count) for count in specification.counts)
    plural = "" if specification.counts == (1,) else "s"
    say(
        f"synthesising {specification.total_images:,} scenes "
        f"({name}, {counts} {dataset.noun}{plural}) ..."
    )
    return synthesise(specification, objects)


def _print(line):
    print(line, file=sys.stderr, flush=True)


def _quiet(line):
    pass


def _reason(error):
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class _Lock:
    """A lock between processes whose file is removed when it is released."""

    def __init__(self, file, say):
        self._file, self._say = file, say
        self._lock = filelock.FileLock(file)

    def acquire(self):
        try:
            self._lock.acquire(timeout=MESSAGE_AFTER)
        except filelock.Timeout:
            self._say("waiting for another process that makes the same scenes ...")
            self._lock.acquire()

    def release(self):
        # Who waits on the removed file still gets its turn, and then finds the
        # scenes; who comes after makes a new lock file, and finds them too.
        for give_back in (self._file.unlink, self._lock.release):
            with contextlib.suppress(OSError):  # the scenes are there; it ends with us
                give_back()


def _write(file, key, specification, scenes, say):
    """Writes scenes in one step; on failure warns and leaves nothing behind."""
    description = json.dumps(
        {
            "format": FORMAT,
            "key": key,
            "digest": scenes.digest,
            "specification": dataclasses.asdict(specification),
        }
    )
    arrays = {
        f"{part}_{name}": array
        for part in ("train", "test")
        for name, array in getattr(scenes, part)._asdict().items()
    }
    try:
        files.write_atomically(
            file,
            lambda stream: np.savez(
                stream, description=np.array(description), **arrays
            ),
        )
    except (OSError, ValueError) as error:  # zipfile hides a full disk in the latter
        say(
            f"{file}: the scenes could not be kept ({_reason(error)}); going on without"
        )


def _read(file, key, say):
    """Returns the scenes of a file, or None if it is missing or does not pass."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            description = json.loads(str(archive["description"]))
            train, test = (
                SceneSet(*(archive[f"{part}_{name}"] for name in SceneSet._fields))
                for part in ("train", "test")
            )
        if description["format"] != FORMAT or description["key"] != key:
            raise ValueError("it holds other data")
        digest = content_digest(train, test)
        if digest != description["digest"]:
            raise ValueError("its content was changed")
        return Scenes(train, test, digest)
    except FileNotFoundError:
        return None
    except Exception as error:  # damaged bytes make NumPy and zipfile raise anything
        say(
            f"{file}: damaged or foreign file in the cache ({_reason(error)}); "
            "making the scenes anew"
        )
        return None
