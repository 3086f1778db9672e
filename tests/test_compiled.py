"""Programs that are kept: found again, never trusted if damaged or of elsewhere."""

import json
import os
import subprocess
import sys

import pytest

from reproduce import compiled, environment, files

PROGRAM = """
import pathlib, sys
from reproduce import compiled
with compiled.kept(pathlib.Path(sys.argv[1])):
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def product(x):
        return tf.reduce_sum(tf.exp(x @ x))

    print(product(tf.ones([8, 8])).numpy())
"""


def run(folder):
    """Compiles a program in a process of its own; what it prints, and its programs."""
    environment_ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        cwd=files.REPOSITORY,
        env=environment_,
    )
    assert done.returncode == 0, done.stderr
    assert "features" not in done.stderr  # no line about the processor
    return done.stdout, {f: f.stat().st_mtime_ns for f in folder.rglob("*.pb")}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    printed, programs = run(folder)
    assert len(programs) == 1
    return folder, printed, programs


def test_the_second_process_loads_and_computes_the_same(first):
    folder, printed, programs = first
    assert run(folder) == (printed, programs)


def test_a_damaged_program_is_compiled_again(first):
    folder, printed, programs = first
    (file,) = programs
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert run(folder)[0] == printed
    assert file.stat().st_size == len(whole)


@pytest.fixture
def sealed(tmp_path):
    """A folder with two programs whose content does not matter here."""
    with compiled.kept(tmp_path):
        for name in ("a.pb", "b.pb"):
            (tmp_path / compiled.FOLDER / name).write_bytes(name.encode())
    return tmp_path / compiled.FOLDER


def names_after(programs):
    with compiled.kept(programs.parent):
        return sorted(file.name for file in programs.glob("*.pb"))


def test_sealed_programs_stay_and_others_go(sealed):
    (sealed / "unsealed.pb").touch()
    (sealed / "b.pb").write_bytes(b"B.pb")
    assert names_after(sealed) == ["a.pb"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"machine": 1', None])
def test_without_good_seals_all_go(sealed, content):
    seals = sealed / compiled.SEALS
    if content is None:
        seals.unlink()
    else:
        seals.write_bytes(content)
    assert names_after(sealed) == []


@pytest.mark.parametrize("change", ["processor", "versions"])
def test_programs_of_another_machine_go(sealed, monkeypatch, change):
    monkeypatch.setattr(environment, change, lambda: "another")
    assert names_after(sealed) == []


def test_an_interrupt_seals_and_the_environment_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--given")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with pytest.raises(KeyboardInterrupt), compiled.kept(tmp_path):
        flags = os.environ["TF_XLA_FLAGS"]
        assert flags.split()[0] == "--given" and str(tmp_path) in flags.split()[1]
        (tmp_path / compiled.FOLDER / "a.pb").touch()
        raise KeyboardInterrupt
    assert os.environ["TF_XLA_FLAGS"] == "--given"
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    seals = json.loads((tmp_path / compiled.FOLDER / compiled.SEALS).read_bytes())
    assert list(seals["digests"]) == ["a.pb"]


def test_nothing_is_kept_where_it_cannot_be(tmp_path, monkeypatch):
    def environment_within(folder):
        with compiled.kept(folder):
            return os.environ.get("TF_XLA_FLAGS")

    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    (tmp_path / "file").touch()
    assert environment_within(tmp_path / "file") is None
    assert environment_within(tmp_path / "with blank") is None
    monkeypatch.setattr(compiled, "ROOM", 1e30)
    assert environment_within(tmp_path) is None


def test_remove(sealed):
    compiled.remove(sealed.parent)
    compiled.remove(sealed.parent)  # there is nothing left: no error
    assert not sealed.exists()
