"""Parts of a table, smoke tables, and the commands that complete them."""

import json

import pytest
import synthetic

from reproduce import command_line, files, grid, grid_command, interrupts, table


def call(*words):
    return command_line.main(table.define, table.body, words, table.DESCRIPTION)


@pytest.fixture
def no_training(monkeypatch):
    def train(*_):
        raise AssertionError("trains")

    monkeypatch.setattr(grid_command, "train", train)


@pytest.mark.parametrize(
    "words",
    [
        ("--epochs", "300"),
        ("--seeds", "0,1,2"),
        ("--methods", "air,pprior,asr"),
        ("--settings", "13,14,24"),
    ],
)
def test_a_call_that_selects_keeps_the_whole_table(words, results, no_training):
    """Even if it selects what the plain call has: it shows less than that one."""
    for experiment in grid.table_experiments("table1"):
        synthetic.write(results, experiment, epochs=10)
    assert call("--results", str(results), "--notrain") == 0
    before = {p: p.read_bytes() for p in results.glob("table1.*")}
    assert len(before) == 2
    assert call("--results", str(results), "--notrain", *words) == 0
    assert {p: p.read_bytes() for p in results.glob("table1.*")} == before
    assert (files.OUTPUTS / "table1.json").exists()


def test_a_part_tells_the_same_claims_everywhere(results, capsys, no_training):
    for method in ("air", "pprior"):
        for setting in ("13", "14", "24"):
            synthetic.write(results, f"table1/{method}-{setting}", epochs=10)
    words = ("--results", str(results), "--notrain", "--methods", "air,pprior")
    assert call(*words) == 0
    out = capsys.readouterr().out
    assert "not enough runs" not in out
    shown = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    shown = [word for word in shown if word.endswith(".")]
    told = json.loads((files.OUTPUTS / "table1.json").read_text())["claims"]
    page = (files.OUTPUTS / "table1.md").read_text().partition("claims\n\n")[2]
    listed = [line.split()[1] for line in page.splitlines() if line[:2] == "- "]
    assert sorted(shown) == [claim["claim"].split()[0] for claim in told] == listed
    assert "2." in shown and "1." not in shown


def test_smoke_with_notrain_trains_nothing(results, capsys, no_training):
    synthetic.write(results, "table1/asr-13", epochs=2)
    assert call("--smoke", "--notrain", "--results", str(results)) == 0
    assert capsys.readouterr().out.count("missing") > 9


@pytest.mark.parametrize(
    "words, note",
    [
        (["--smoke"], "a smoke run begins again when it is called again"),
        (["--retrain"], "the same command without --retrain goes on"),
        ([], "the same command goes on"),
    ],
)
def test_an_interrupted_call_says_how_it_goes_on(
    words, note, results, capsys, monkeypatch
):
    def interrupted(*_):
        raise interrupts.Interrupted(2, "the same command goes on")

    monkeypatch.setattr(grid_command.pool, "run", interrupted)
    words = [*words, "--digits", "rendered", "--results", str(results)]
    assert call(*words) == 130
    assert capsys.readouterr().err == f"interrupted: {note}\n"


def test_the_completing_command_has_the_flags_that_select(results, capsys):
    """But for the seeds and epochs, which it is to complete."""
    words = ["--methods", "asr", "--settings", "13,24", "--preset", "released"]
    words += ["--digits", "rendered", "--mnist", "a b.npz", "--results", str(results)]
    assert call(*words, "--notrain", "--epochs", "7", "--seeds", "3") == 0
    command = (
        "bash reproduce/table1.sh --methods asr --settings 13,24 --preset released "
        f"--digits rendered --mnist 'a b.npz' --results {results} --train"
    )
    assert f"To complete the table: {command}\n" in capsys.readouterr().out
    page = (files.OUTPUTS / "table1-released-rendered.md").read_text()
    assert f"To complete the table: `{command}`" in page
