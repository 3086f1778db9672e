"""MNIST's training digits: found, downloaded where needed, and checked."""

import contextlib
import hashlib
import http.client
import io
import os
import sys
import urllib.request
from pathlib import Path

import numpy as np

from data import files
from data.errors import DataError

ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
DOWNLOAD_TIMEOUT = 60  # seconds without an answer
WAYS_OUT = (
    "give the file with --mnist FILE or MNIST_NPZ, or use --digits rendered, "
    "which needs no file"
)
# What Keras's mnist.npz holds: array -> (shape, SHA-256 of its raw bytes).
ARRAYS = {
    "x_train": (
        (60000, 28, 28),
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    "y_train": (
        (60000,),
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    ),
    "x_test": (
        (10000, 28, 28),
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
    "y_test": (
        (10000,),
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
}
# Every file that passes the check holds these digits, so they can be named unread.
TRAINING_DIGEST = ARRAYS["x_train"][1]


def load_mnist(path=None):
    """Returns the digits of MNIST's training split.

    They are looked for, in this order, in `path`, in the file that the environment
    variable MNIST_NPZ names, and in Keras's cache (`datasets/mnist.npz` under
    KERAS_HOME, or ~/.keras). Where none of these is given or there, the file is
    downloaded from the address that Keras uses and kept in Keras's cache. A file that
    was named is never passed over: if it is unfit, that is an error.

    Args:
      path: File in Keras's own format (an .npz of x_train, y_train, x_test, y_test),
        or None.

    Returns:
      images: uint8 [60000, 28, 28], grey values from 0 (paper) to 255 (ink).
      labels: uint8 [60000], the digit shown.

    Raises:
      DataError: If the named file is missing, unreadable, no .npz, or not exactly
        MNIST (each of its four arrays is checked by shape, type and SHA-256), or if
        no file was named and none can be downloaded.
    """
    named = named_file(path)
    if named is not None:
        name, file = named
        return _checked(_read(file, name), name)

    cached = _keras_cache()
    if cached is not None and cached.is_file():
        name = f"{cached} (Keras's cache)"
        try:
            return _checked(_read(cached, name), name)
        except DataError as error:
            print(f"{error}; downloading it again", file=sys.stderr)
    content = _download()
    digits = _checked(content, ADDRESS)
    _keep(content, cached)
    return digits


def named_file(path=None):
    """Returns how the user named a MNIST file and where it is, or None.

    Args:
      path: File, or None to look at the environment variable MNIST_NPZ.

    Returns:
      None, or (text that names option and file, `pathlib.Path`).

    Raises:
      DataError: If the file that was named does not exist.
    """
    if path is not None:
        name, file = f"--mnist {path}", Path(path)
    elif os.environ.get("MNIST_NPZ"):
        file = Path(os.environ["MNIST_NPZ"])
        name = f"MNIST_NPZ={file}"
    else:
        return None
    try:
        file = file.expanduser()
    except RuntimeError:
        raise DataError(f"{name}: there is no such home folder; {WAYS_OUT}") from None
    if file.is_dir():
        raise DataError(f"{name}: a folder, but a file mnist.npz is needed; {WAYS_OUT}")
    if not file.exists():
        raise DataError(f"{name}: no such file; {WAYS_OUT}")
    return name, file


def _keras_cache():
    """Keras's own file, None where there is no home folder."""
    with contextlib.suppress(RuntimeError):
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        return Path(home).expanduser() / "datasets" / "mnist.npz"
    return None


def _read(file, name):
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"{name}: cannot be read ({error.strerror}); {WAYS_OUT}"
        ) from error


def _checked(content, name):
    """Returns training images and labels from the bytes of an .npz, or raises."""
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{name}: one bare array, not an .npz; {WAYS_OUT}")
        arrays = {key: archive[key] for key in archive.files}
    except DataError:
        raise
    except Exception as error:  # damaged bytes make NumPy and zipfile raise anything
        raise DataError(
            f"{name}: damaged, truncated or not an .npz file; {WAYS_OUT}"
        ) from error

    if set(arrays) != set(ARRAYS):
        raise DataError(
            f"{name}: holds the arrays {', '.join(sorted(arrays)) or '(none)'}, but "
            f"MNIST has {', '.join(sorted(ARRAYS))}; {WAYS_OUT}"
        )
    for key, (shape, digest) in ARRAYS.items():
        array = arrays[key]
        if array.shape != shape or array.dtype != np.uint8:
            raise DataError(
                f"{name}: {key} is {array.dtype} {list(array.shape)}, but MNIST's is "
                f"uint8 {list(shape)}; {WAYS_OUT}"
            )
        if hashlib.sha256(np.ascontiguousarray(array)).hexdigest() != digest:
            raise DataError(
                f"{name}: the content of {key} is not MNIST's (its SHA-256 differs); "
                f"{WAYS_OUT}"
            )
    return arrays["x_train"], arrays["y_train"]


def _download():
    print(f"downloading MNIST from {ADDRESS} ...", file=sys.stderr)
    try:
        with urllib.request.urlopen(ADDRESS, timeout=DOWNLOAD_TIMEOUT) as answer:
            return answer.read()
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"MNIST: not in Keras's cache, and cannot be downloaded from {ADDRESS} "
            f"({reason}); {WAYS_OUT}"
        ) from error


def _keep(content, file):
    """Writes a checked download to Keras's cache, whole or not at all."""
    if file is None:
        print("MNIST is not kept: there is no home folder", file=sys.stderr)
        return
    try:
        files.write_atomically(file, content)
    except OSError as error:
        print(
            f"{file}: MNIST could not be kept there ({error.strerror}); "
            "going on without",
            file=sys.stderr,
        )
