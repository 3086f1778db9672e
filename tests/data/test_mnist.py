"""MNIST is found in the order promised, and nothing else passes for it.

A few small arrays stand in for MNIST's, with their own sums, so that these tests need
neither the file nor a network.
"""

import hashlib
import io
import os
import urllib.error
import urllib.request

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from data import DataError, load_mnist, mnist

REAL_FILE, REAL_ARRAYS = os.environ.get("MNIST_NPZ"), mnist.ARRAYS
WAYS_OUT = ("--mnist FILE", "MNIST_NPZ", "--digits rendered")


def small_arrays():
    stream = np.random.default_rng(0)
    return {
        "x_train": stream.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": stream.integers(0, 10, 6, np.uint8),
        "x_test": stream.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": stream.integers(0, 10, 2, np.uint8),
    }


def archive(arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


GOOD = archive(small_arrays())


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch, tmp_path):
    """Small arrays pass for MNIST, no file is there, and no network answers."""
    sums = {
        key: (array.shape, hashlib.sha256(array.tobytes()).hexdigest())
        for key, array in small_arrays().items()
    }
    monkeypatch.setattr(mnist, "ARRAYS", sums)
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def unreachable(address, timeout):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


def answer(monkeypatch, content):
    asked = []

    def urlopen(address, timeout):
        asked.append(address)
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def keras_file(tmp_path):
    return tmp_path / "keras" / "datasets" / "mnist.npz"


def check_error(error, *parts):
    message = str(error.value)
    assert "\n" not in message
    for part in (*parts, *WAYS_OUT):
        assert part in message


def check_digits(digits):
    images, labels = digits
    np.testing.assert_array_equal(images, small_arrays()["x_train"])
    np.testing.assert_array_equal(labels, small_arrays()["y_train"])
    assert images.dtype == labels.dtype == np.uint8


def test_lookup_order(monkeypatch, tmp_path):
    """Where all places have a file, the earlier one is read."""
    keras_file(tmp_path).parent.mkdir(parents=True)
    argument, variable = tmp_path / "argument.npz", tmp_path / "variable.npz"
    for file in (argument, variable, keras_file(tmp_path)):
        file.write_bytes(GOOD)
    read = []
    monkeypatch.setattr(
        mnist, "_read", lambda file, name: read.append(file) or file.read_bytes()
    )
    check_digits(load_mnist())
    monkeypatch.setenv("MNIST_NPZ", str(variable))
    check_digits(load_mnist())
    check_digits(load_mnist(argument))
    assert read == [keras_file(tmp_path), variable, argument]


def test_download_is_kept_for_the_next_time(monkeypatch, tmp_path, capsys):
    asked = answer(monkeypatch, GOOD)
    check_digits(load_mnist())
    check_digits(load_mnist())
    assert asked == [mnist.ADDRESS]
    assert os.listdir(keras_file(tmp_path).parent) == ["mnist.npz"]
    assert keras_file(tmp_path).read_bytes() == GOOD
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content, words", [(GOOD[:-200], "damaged, truncated"), (None, "no network")]
)
def test_what_cannot_be_downloaded_whole_is_not_kept(
    content, words, monkeypatch, tmp_path
):
    if content is not None:
        answer(monkeypatch, content)
    with pytest.raises(DataError) as error:
        load_mnist()
    check_error(error, mnist.ADDRESS, words)
    assert not keras_file(tmp_path).parent.exists()


def test_download_that_cannot_be_kept_is_used(monkeypatch, tmp_path, capsys):
    (tmp_path / "keras").write_text("a file where a folder should be")
    answer(monkeypatch, GOOD)
    check_digits(load_mnist())
    assert "could not be kept" in capsys.readouterr().err


def test_an_interrupt_while_it_is_kept_leaves_nothing(monkeypatch, tmp_path):
    def interrupted(_):
        raise KeyboardInterrupt

    answer(monkeypatch, GOOD)
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_mnist()
    assert os.listdir(keras_file(tmp_path).parent) == []


def test_damaged_keras_file_is_downloaded_again(monkeypatch, tmp_path, capsys):
    keras_file(tmp_path).parent.mkdir(parents=True)
    keras_file(tmp_path).write_bytes(GOOD[:-200])
    answer(monkeypatch, GOOD)
    check_digits(load_mnist())
    assert keras_file(tmp_path).read_bytes() == GOOD
    assert "downloading it again" in capsys.readouterr().err


def test_named_file_is_never_passed_over(monkeypatch, tmp_path):
    asked, gone = answer(monkeypatch, GOOD), tmp_path / "gone.npz"
    monkeypatch.setenv("MNIST_NPZ", str(gone))
    for named, words in (
        (gone, f"--mnist {gone}: no such file"),
        (None, f"MNIST_NPZ={gone}: no such file"),
        (tmp_path, f"--mnist {tmp_path}: a folder"),
    ):
        with pytest.raises(DataError) as error:
            load_mnist(named)
        check_error(error, words)
    assert not asked


@pytest.mark.skipif(os.geteuid() == 0, reason="as root")
def test_unreadable_file(tmp_path):
    file = tmp_path / "mnist.npz"
    file.write_bytes(GOOD)
    file.chmod(0)
    with pytest.raises(DataError) as error:
        load_mnist(file)
    check_error(error, f"--mnist {file}: cannot be read (Permission denied)")


def bad_files():
    arrays = small_arrays()
    without = {key: arrays[key] for key in ("x_train", "y_train")}
    flat = arrays | {"x_train": arrays["x_train"].reshape(6, 784)}
    floats = arrays | {"x_train": arrays["x_train"].astype(np.float32)}
    changed = arrays | {"y_test": arrays["y_test"] ^ 1}
    objects = arrays | {"y_test": np.array([None, 1], dtype=object)}
    bare = io.BytesIO()
    np.save(bare, arrays["x_train"])
    return {
        "empty": (b"", "damaged, truncated or not an .npz"),
        "text": (b"this is no archive", "damaged, truncated or not an .npz"),
        "truncated": (GOOD[: len(GOOD) // 2], "damaged, truncated or not an .npz"),
        "bare": (bare.getvalue(), "one bare array"),
        "pickled": (archive(objects), "damaged, truncated or not an .npz"),
        "keys": (archive(without), "holds the arrays x_train, y_train, but"),
        "shape": (archive(flat), "x_train is uint8 [6, 784], but MNIST's is uint8"),
        "type": (archive(floats), "x_train is float32 [6, 28, 28], but MNIST's is"),
        "sums": (archive(changed), "the content of y_test is not MNIST's"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_bad_files_are_named_with_the_ways_out(name, tmp_path):
    content, message = bad_files()[name]
    file = tmp_path / "mnist.npz"
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_mnist(file)
    check_error(error, f"--mnist {file}: ", message)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(where=strategies.integers(0, len(GOOD) - 1), bits=strategies.data())
def test_a_changed_byte_gives_the_digits_or_a_clear_error(where, bits):
    content = bytearray(GOOD)
    content[where] ^= bits.draw(strategies.integers(1, 255))
    try:
        digits = mnist._checked(bytes(content), "file")
    except DataError:
        return
    check_digits(digits)  # a byte that plays no part, such as a date


@pytest.mark.skipif("MNIST_NPZ" not in os.environ, reason="needs MNIST_NPZ")
def test_real_mnist(monkeypatch):
    file = REAL_FILE
    monkeypatch.setattr(mnist, "ARRAYS", REAL_ARRAYS)
    images, labels = load_mnist(file)
    assert images.shape == (60000, 28, 28) and labels.shape == (60000,)
    assert np.bincount(labels).min() == 5421
    assert hashlib.sha256(images.tobytes()).hexdigest() == mnist.TRAINING_DIGEST
