"""The table command: what it trains, shows and writes."""

import json
import shutil

import made_up
import pytest

from reproduce import command_line, launch, weights
from reproduce.experiments import grid
from reproduce.records import folders
from reproduce.tables import __main__ as command


@pytest.fixture
def trained(monkeypatch):
    """The runs that would be trained, in a list."""
    wanted = []
    monkeypatch.setattr(launch.processes, "train", lambda c, *_: wanted.extend(c) or 0)
    return wanted


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    monkeypatch.setattr(folders, "OUTPUTS", tmp_path / "outputs")
    return tmp_path / "outputs"


def call(results, *words):
    argv = ["--results", str(results), *words]
    return command_line.main(command.define, command.body, "", argv)


def test_only_cells_of_paper_without_a_record_are_trained_unasked(trained, tmp_path):
    made_up.write(tmp_path, "table2/air-mnist", epochs=20)
    made_up.write(tmp_path, "table2/asr-mnist", preset="released")
    assert call(tmp_path, "--table", "table2") == 0
    experiments = [e for e in grid.experiments("table2") if "air-mnist" not in e]
    expected = [(seed, name) for seed in (0, 1, 2) for name in experiments]
    assert [(run.seed, run.experiment) for run in trained] == expected


def test_released_is_trained_only_when_asked(trained, tmp_path, outputs):
    made_up.write(tmp_path, "table2/air-mnist", epochs=20)
    words = ["--table", "table2", "--methods", "air", "--preset", "released"]
    assert call(tmp_path, *words) == 0 and trained == []
    assert call(tmp_path, *words, "--train") == 0 and len(trained) == 6
    assert call(tmp_path, *words, "--epochs", "20") == 0 and len(trained) == 12


def test_both_presets_are_shown_and_preset_shows_one(trained, tmp_path, outputs):
    made_up.write(tmp_path, "table2/air-mnist", nelbo=1.5)
    made_up.write(tmp_path, "table2/air-mnist", preset="released", nelbo=2.5)
    call(tmp_path, "--table", "table2", "--notrain")
    rows = json.loads((tmp_path / "table2.json").read_text())["rows"]
    shown = [(row["preset"], row["metrics"]["nelbo"]["mean"]) for row in rows[:2]]
    assert shown == [("released", 2.5), ("paper", 1.5)] and len(rows) == 12
    call(tmp_path, "--table", "table2", "--notrain", "--preset", "released")
    rows = json.loads((outputs / "table2.json").read_text())["rows"]
    assert {row["preset"] for row in rows} == {"released"} and trained == []


def test_a_part_never_replaces_the_table(tmp_path, outputs):
    for experiment in grid.experiments("table2"):
        made_up.write(tmp_path, experiment)
    call(tmp_path, "--table", "table2", "--notrain")
    before = (tmp_path / "table2.md").read_bytes()
    call(tmp_path, "--table", "table2", "--notrain", "--methods", "asr")
    assert (tmp_path / "table2.md").read_bytes() == before
    content = json.loads((outputs / "table2.json").read_text())
    assert {row["method"] for row in content["rows"]} == {"AIR-ASR"}
    assert all(c["verdict"] != "not enough runs" for c in content["claims"])


def test_the_offered_command_asks_for_the_same_rows(tmp_path, outputs, capsys):
    words = ["--table", "table2", "--methods", "asr,air", "--epochs", "7", "--notrain"]
    made_up.write(tmp_path, "table2/air-mnist", epochs=7)
    call(tmp_path, *words)
    offered = f"reproduce/table2.sh --methods asr,air --results {tmp_path} --train"
    assert f"To complete the table: bash {offered}" in capsys.readouterr().out


@pytest.mark.parametrize("close", [True, False])
def test_verified_weights_make_the_exit_code(close, tmp_path, trained, monkeypatch):
    asked = []
    verify = lambda *arguments: asked.append(arguments) or close  # noqa: E731
    monkeypatch.setattr(weights, "verify", verify)
    words = ("--table", "table2", "--mnist", "mnist.npz", "--verify")
    assert call(tmp_path, *words) == (0 if close else 1)
    assert asked == [("table2", tmp_path, "mnist.npz")] and trained == []


@pytest.mark.slow
def test_the_weights_shipped_for_sprites_give_their_record(tmp_path):
    for file in weights.WEIGHTS.glob("table2-asr-dsprites-*"):
        shutil.copy(file, tmp_path)
    assert weights.verify("table2", folders.RESULTS, weights=tmp_path)


@pytest.mark.parametrize(
    "words, line",
    [
        (["--results", "/nowhere"], "--results: there is no folder /nowhere"),
        (["--settings", "mnist"], "--settings: 'mnist' is not one of table1"),
        (["--retrain"], "--notrain: not allowed with --retrain"),
    ],
)
def test_bad_input_gets_one_line(words, line, tmp_path, capsys):
    assert call(tmp_path, "--notrain", *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and line in error and error.count("\n") == 1
