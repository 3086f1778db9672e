"""The cache gives the scenes that synthesis gives, whatever happens to its files."""

import dataclasses
import os
import subprocess
import sys

import filelock
import pytest
from data_support import DIGITS, SMALL, same, small, the_file

from data import DataError, cache, datasets, load, mnist, placement, synthesise
from reproduce import REPOSITORY


def test_second_load_reads_what_the_first_made(tmp_path, monkeypatch):
    made, lines = small(tmp_path)
    assert lines == ["synthesising 16 scenes (Multi-dSprites, 1 or 2 objects) ..."]
    assert the_file(tmp_path).suffix == ".npz"  # no lock, no temporary file
    monkeypatch.setattr(cache, "synthesise", None)
    read, lines = small(tmp_path)
    assert lines == [] and same(made, read)
    assert same(made, synthesise(SMALL, cache.source_objects(SMALL)))


def test_the_line_of_progress(capsys, tmp_path):
    wanted = dataclasses.replace(
        DIGITS, counts=(1,), train_images=1000, test_images=0, object_scale=1.0
    )
    load(wanted, folder=tmp_path)
    assert capsys.readouterr().err == (
        "synthesising 1,000 scenes (Multi-MNIST of rendered digits, 1 digit) ...\n"
    )


def test_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ASR_CACHE", str(tmp_path / "named"))
    small(None)
    assert len(os.listdir(tmp_path / "named")) == 1
    monkeypatch.delenv("ASR_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    small(None)
    folder = tmp_path / "home" / ".cache" / "amortized-structural-regularization"
    assert len(os.listdir(folder)) == 1


CHANGES = {
    **{"counts": (1, 3), "canvas_side": 63, "object_scale": 0.61, "separation": "ink"},
    **{"train_images": 13, "test_images": 5, "seed": 1, "test_split": "shuffled"},
}


def test_every_field_changes_the_key(monkeypatch):
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    fields = {field.name for field in dataclasses.fields(SMALL)}
    assert fields == {*CHANGES, "dataset", "digits"}
    wanted = [SMALL, DIGITS, dataclasses.replace(DIGITS, digits="mnist")]
    wanted += [dataclasses.replace(SMALL, **{n: v}) for n, v in CHANGES.items()]
    assert len(set(map(cache.source_key, wanted))) == len(wanted)


def test_objects_and_generator_change_the_key(monkeypatch):
    keys = [(cache.source_key(DIGITS), cache.source_key(SMALL))]
    for owner, name, value in (
        (datasets.rendered_digits, "VERSION", 999),
        (datasets.sprites, "SQUARE_HALF_SIDE", 8.0),
        (cache, "GENERATOR_VERSION", 999),
    ):
        monkeypatch.setattr(owner, name, value)
        keys.append((cache.source_key(DIGITS), cache.source_key(SMALL)))
    digits, sprites = zip(*keys, strict=True)
    assert digits[0] != digits[1] == digits[2] != digits[3]
    assert sprites[0] == sprites[1] != sprites[2] != sprites[3]


def test_folder_that_cannot_be_used(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    scenes, lines = small(blocked / "cache")
    assert len(lines) == 2 and "scenes cannot be kept there" in lines[0]
    assert same(scenes, small(tmp_path / "cache")[0])


def test_full_disk_leaves_nothing_behind(tmp_path):
    """A limit on the size of files stands in for a full disk."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        scenes, lines = small(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(lines) == 2 and "the scenes could not be kept" in lines[1]
    assert os.listdir(tmp_path) == []
    assert same(scenes, small(tmp_path)[0])


def test_an_error_releases_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(placement, "HOPELESS", 20_000)
    with pytest.raises(DataError, match=r"^counts: 30 objects"):
        small(tmp_path, counts=(30,))
    assert os.listdir(tmp_path) == []


def test_of_several_processes_one_makes_the_scenes(tmp_path):
    code = (
        "import sys; from data import load, SceneSpecification; "
        f"print(load({SMALL!r}, folder=sys.argv[1]).digest)"
    )
    start = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # The lock is held until both processes have said that they wait for it.
    with filelock.FileLock(tmp_path / f"scenes-{cache.source_key(SMALL)[:32]}.lock"):
        waiting = [subprocess.Popen(start, cwd=REPOSITORY, **pipes) for _ in range(2)]
        for process in waiting:
            line = process.stderr.readline()
            assert line.startswith("waiting for another process that makes the same")
    results = [process.communicate(timeout=60) for process in waiting]
    assert results[0][0] == results[1][0] != ""
    assert sum(errors.count("synthesising") for _, errors in results) == 1
    assert the_file(tmp_path).suffix == ".npz"  # no lock is left


def test_cached_mnist_scenes_need_no_mnist(tmp_path, monkeypatch):
    wanted = dataclasses.replace(DIGITS, digits="mnist")
    stand_in = datasets.rendered_digits.render_digits(50)
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setattr(mnist, "load_mnist", lambda path: stand_in)
    made = load(wanted, folder=tmp_path, progress=lambda line: None)
    monkeypatch.setattr(mnist, "load_mnist", None)
    assert same(made, load(wanted, folder=tmp_path))
    with pytest.raises(DataError, match="no such file"):  # but a name must be right
        load(wanted, mnist_path=tmp_path / "gone.npz", folder=tmp_path)
