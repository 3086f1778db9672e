"""Comparisons: the declared rows, the runs behind them, their pages."""

import functools

import made_up
import pytest

from reproduce import command_line, launch
from reproduce.comparisons import __main__ as command
from reproduce.comparisons import declared, rows
from reproduce.experiments.presets import PRESETS
from reproduce.records import frame

PAGES = declared.pages()
EVERY = [(p, c) for p, page in PAGES.items() for c in page.comparisons]
LEARNED = {"scale_prior": "learned"}


def comparison(*options, experiment="table1/asr-13"):
    made = [declared.Row((str(o),), experiment, dict(o)) for o in options]
    return declared.Comparison("title", ("change",), tuple(made))


@pytest.mark.parametrize("page, name", EVERY)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_declared_row_can_be_run(page, name, preset):
    found = PAGES[page].comparisons[name]
    wanted = found.of(preset)
    if preset == "paper":
        assert len(wanted) == len(found.rows)  # none is the same as another
    protocol = launch.Protocol(preset=preset)
    variants = [
        (
            row.experiment,
            launch.configuration(launch.Run(row.experiment, 0, c), protocol),
        )
        for row, c in wanted
    ]
    assert len({(e, c.variant) for e, c in variants}) == len(wanted)


@pytest.mark.parametrize("page, name", EVERY)
def test_the_preset_itself_is_a_row_of_every_experiment(page, name):
    """Without it there would be nothing to compare with."""
    if page == "own_constraint":
        pytest.skip("compares a weight of 0 with another")
    wanted = PAGES[page].comparisons[name].of("paper")
    plain = {row.experiment for row, changes in wanted if not changes}
    assert plain == {row.experiment for row, _ in wanted}


def test_the_weights_are_those_that_the_paper_searched():
    number = PAGES["sensitivity"].comparisons["number"].rows
    grid = {(a, b) for a in "1 10 100".split() for b in "1 10 100".split()}
    assert {row.labels for row in number} == grid
    overlap = PAGES["sensitivity"].comparisons["overlap"]
    chosen = {"1", "20", "10"}
    for row, changes in overlap.of("paper"):
        assert len(changes) <= 1
        assert all(f"{v:g}" in ("1", "10", "20", "100") for _, v in changes)
        assert not changes or f"{changes[0][1]:g}" in row.labels
    assert chosen <= {label for row in overlap.rows for label in row.labels}


def test_a_longer_run_stands_for_a_shorter_one(tmp_path):
    made_up.write(tmp_path, "table1/asr-13", epochs=60, nelbo=300.0)
    made_up.write(tmp_path, "table1/asr-13", epochs=20, nelbo=290.0, changes=LEARNED)
    frames = frame.load(tmp_path)
    found = rows.collect(comparison({}, LEARNED), frames)
    assert found.epochs.tolist() == [20, 20]
    assert found.nelbo.tolist() == [300.0 + 40, 290.0]  # as its history has it
    assert found.cut_from.tolist() == [[60], []]
    assert rows.collect(comparison({}, LEARNED), frames, epochs=60).state.tolist() == [
        "complete",
        "missing",
    ]


def test_a_run_that_reports_its_best_epoch_stands_for_itself_alone(tmp_path):
    best = {"reported_epoch": "lowest_loss"}
    made_up.write(tmp_path, "table1/asr-13", epochs=60, changes=best)
    made_up.write(tmp_path, "table1/asr-13", epochs=20)
    found = rows.collect(comparison({}, best), frame.load(tmp_path), epochs=20)
    assert found.state.tolist() == ["complete", "missing"]


def test_the_own_run_of_a_length_comes_before_a_longer_one(tmp_path):
    made_up.write(tmp_path, "table1/asr-13", epochs=60, nelbo=300.0)
    made_up.write(tmp_path, "table1/asr-13", epochs=20, nelbo=111.0)
    found = rows.collect(comparison({}), frame.load(tmp_path), epochs=20)
    assert found.nelbo.tolist() == [111.0] and found.cut_from.tolist() == [[]]


def test_rows_of_an_experiment_have_the_length_that_fills_most(tmp_path):
    for epochs, changes in ((20, {}), (20, LEARNED), (30, {})):
        made_up.write(tmp_path, "table1/asr-13", epochs=epochs, changes=changes)
    frames = frame.load(tmp_path)
    assert rows.collect(comparison({}, LEARNED), frames).epochs.tolist() == [20, 20]
    assert rows.collect(comparison({}), frames).epochs.tolist() == [30]


def call(results, page, *words):
    parts = (
        functools.partial(f, PAGES[page], page) for f in (command.define, command.body)
    )
    return command_line.main(*parts, "", ["--results", str(results), *words])


def test_train_leaves_out_rows_that_a_run_of_today_covers(
    tmp_path, monkeypatch, capsys
):
    wanted = []
    monkeypatch.setattr(launch, "train", lambda v, runs, p: wanted.extend(runs) or 0)
    made_up.write(tmp_path, "table1/asr-13", epochs=60)
    old = {"numerics": 1}
    made_up.write(tmp_path, "table1/asr-13", epochs=20, changes=LEARNED, fields=old)
    assert call(tmp_path, "ablations", "--comparisons", "number", "--train") == 0
    assert launch.Run("table1/asr-13", 0) not in wanted
    assert launch.Run("table1/asr-13", 0, (("scale_prior", "learned"),)) in wanted
    assert len(wanted) == 4
    page = capsys.readouterr().out
    assert (
        "| **none** | 390.00 |" in page and "| learned scale prior ↺ | 350.00 |" in page
    )


def test_list_has_a_line_for_every_row_once(tmp_path, capsys):
    call(tmp_path, "ablations", "--list")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    own = sum(len(c.rows) for c in PAGES["ablations"].comparisons.values())
    assert 0 < len(lines) < own  # sections share the tables' own runs
    assert all("--epochs 20" in line for line in lines)


def test_a_picture_has_the_rows_of_its_own_length(tmp_path):
    shown = made_up.figure()
    made_up.write(tmp_path, "table1/asr-13", epochs=60, figure=shown)
    for changes in (LEARNED, {"hidden_sees_location": True}):
        made_up.write(
            tmp_path, "table1/asr-13", epochs=20, changes=changes, figure=shown
        )
    found = rows.collect(PAGES["ablations"].comparisons["number"], frame.load(tmp_path))
    told = command.draw(found, tmp_path, tmp_path / "picture")
    assert told == "(a) learned scale prior; (b) z_scale's hidden layers see z_loc"
    assert (tmp_path / "picture.png").exists() and (tmp_path / "picture.pdf").exists()
