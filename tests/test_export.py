"""The command that runs exported programs: records, retraining, bad input."""

import subprocess
import sys

import export_support as support
import pytest

import data
from reproduce import command_line, records, run_exported

pytestmark = pytest.mark.usefixtures("tiny_exports")


@pytest.fixture
def call(exported, monkeypatch, tmp_path):
    """A function that calls the command on the exported runs; gives its exit code."""

    def load(specification, **_):
        counts = [c.counts for c in exported.configurations]
        run = counts.index(specification.counts)
        return support.scenes(exported.configurations[run], run)

    monkeypatch.setattr(run_exported.data, "load", load)

    def run(*words, programs=exported.folder):
        return command_line.main(
            run_exported.define,
            run_exported.body,
            [
                *("--programs", str(programs), *words),
                *("--results", str(tmp_path / "results")),
                *("--checkpoints", str(tmp_path / "checkpoints")),
            ],
        )

    return run


def test_the_command_writes_records_like_a_run(call, tmp_path, capsys):
    assert call("--epochs", "1") == 0
    shown = capsys.readouterr().out
    assert "table1/asr-13, 2 runs  epoch 1/1" in shown and "begins" in shown
    found = records.find(tmp_path / "results", "table1/asr-13")
    assert [record["seed"] for record in found.values()] == [0, 1]
    for record in found.values():
        assert record["status"] == records.COMPLETE
        assert record["epochs"] == record["reported_epoch"] == 1
        surroundings = record["environment"]
        assert surroundings["runs_at_once"] == len(support.RUNS)
        assert surroundings["packages"]["jax"]
        assert surroundings["exported_with"]["tensorflow"]
        assert surroundings["precision"] == "float32"
    assert call("--epochs", "1") == 0
    assert "its record is there already" in capsys.readouterr().out
    # More epochs begin where the shorter runs ended.
    assert call("--epochs", "2") == 0
    shown = capsys.readouterr().out
    assert "resumed" in shown and "epoch 1/2" not in shown


def test_retrain_loses_nothing_before_the_input_has_proved_good(
    call, tmp_path, capsys, monkeypatch
):
    assert call("--epochs", "1") == 0
    kept = {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}
    names = {file.name for file in kept}
    assert {"record.json", "state.npz"} <= names
    good = run_exported.data.load

    def refuse(specification, **_):
        raise data.DataError("--mnist: no such file")

    monkeypatch.setattr(run_exported.data, "load", refuse)
    with pytest.raises(data.DataError):
        call("--epochs", "1", "--retrain")
    assert all(f.read_bytes() == content for f, content in kept.items())
    monkeypatch.setattr(run_exported.data, "load", good)
    capsys.readouterr()
    assert call("--epochs", "1", "--retrain") == 0
    shown = capsys.readouterr().out
    assert "begins" in shown and "resumed" not in shown and "epoch 1/1" in shown


def test_bad_folders_are_told_in_one_line(call, exported, tmp_path, capsys):
    assert call(programs=tmp_path / "none") == 2
    assert "manifest.json: No such file" in capsys.readouterr().err
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in exported.folder.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    (damaged / "train.mlir").write_bytes(b"nothing")
    assert call(programs=damaged) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "train.mlir is damaged" in error
    (damaged / "manifest.json").write_text("{")
    assert call(programs=damaged) == 2
    assert "manifest.json is damaged" in capsys.readouterr().err


def test_running_needs_no_tensorflow():
    code = """
import sys
for name in ("tensorflow", "keras", "tensorflow_probability"):
    sys.modules[name] = None  # importing it fails
import benchmarks.exported, reproduce.outcome, reproduce.run_exported
import reproduce.exported.runtime, reproduce.exported.training
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_folder_may_come_first():
    words = run_exported.arguments(["DIR", "--epochs", "1"])
    assert words == ["--programs", "DIR", "--epochs", "1"]
    assert run_exported.arguments(["--epochs", "1"]) == ["--epochs", "1"]
    assert run_exported.arguments([]) == []
