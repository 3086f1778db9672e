"""The command that runs exported programs: records, retraining, bad input."""

import export_support as support
import pytest

import data
from reproduce import environment, records, run_exported
from reproduce.exported import training as exported_training

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
        return run_exported.main(
            [
                *(str(programs), *words),
                *("--results", str(tmp_path / "results")),
                *("--checkpoints", str(tmp_path / "checkpoints")),
            ],
        )

    return run


def test_the_command_writes_records_like_a_run(
    call, exported, tmp_path, capsys, monkeypatch
):
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
        assert surroundings["exported_from"] == exported.manifest["git"]
        assert record["git"] == environment.git() and "trained_by" not in record
    assert call("--epochs", "1") == 0
    assert "its record is there already" in capsys.readouterr().out
    # More epochs begin where the shorter runs ended, here with other code.
    other = {"commit": "f" * 40, "dirty": False}
    monkeypatch.setattr(environment, "git", lambda: other)
    assert call("--epochs", "2") == 0
    shown = capsys.readouterr().out
    assert "resumed" in shown and "epoch 1/2" not in shown
    found = records.find(tmp_path / "results", "table1/asr-13", epochs=2)
    for record in found.values():
        first, second = record["trained_by"]
        assert (first["first_step"], second["first_step"]) == (0, 3)
        assert first["exported_from"] == exported.manifest["git"]
        assert second == first | other | {"first_step": 3} and record["git"] == other


def test_a_run_that_has_its_record_is_left_out(call, tmp_path, capsys, monkeypatch):
    assert call("--epochs", "1") == 0
    first, *others = sorted(tmp_path.rglob("record.json"))
    kept = {file: file.read_bytes() for file in others}
    folder = str(first.parent.relative_to(tmp_path / "results" / "runs"))
    first.unlink()
    (tmp_path / "checkpoints" / folder / "state.npz").unlink()
    capsys.readouterr()
    trained, train_all = [], exported_training.Training.train_all
    monkeypatch.setattr(
        exported_training.Training,
        "train_all",
        lambda self: trained.extend(self.runs) or train_all(self),
    )
    assert call("--epochs", "1") == 0
    shown = capsys.readouterr().out
    assert shown.count("its record is there already") == len(support.RUNS) - 1
    assert shown.count(": begins: ") == shown.count(": done: ") == 1
    assert all(file.read_bytes() == content for file, content in kept.items())
    assert records.read_record(first.parent)["status"] == records.COMPLETE
    assert sorted(run.left_out for run in trained) == [False, True, True]
    assert [run.failure for run in trained] == [None] * len(support.RUNS)


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
    capsys.readouterr()
    assert call("--epochs", "1", "--retrain") == 2
    assert capsys.readouterr().err == "error: --mnist: no such file\n"
    assert all(f.read_bytes() == content for f, content in kept.items())
    monkeypatch.setattr(run_exported.data, "load", good)
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
