"""Comparisons: the declared rows, the runs behind them, their pages."""

import functools

import made_up
import numpy as np
import pytest

from reproduce import command_line, launch
from reproduce.comparisons import __main__ as command
from reproduce.comparisons import rows
from reproduce.experiments.presets import PRESETS
from reproduce.flags import Flags
from reproduce.records import frame

PAGES = rows.PAGES
EVERY = [(page, name) for page in PAGES for name in PAGES[page]["sections"]]
ASR, LEARNED = "table1/asr-13", {"scale_prior": "learned"}


def planned(results, *words, page="ablations"):
    flags = Flags()
    launch.define(flags, seeds=(0,), epochs=PAGES[page]["epochs"])
    flags.parse(["--results", str(results), *words])
    return launch.Call(flags.values, page, ())


def collected(results, *options, epochs=None):
    """The rows of a section with these options, and what comes of their runs."""
    listed = [[[[str(o)], dict(o)] for o in options]]
    section = {"experiment": ASR, "rows": listed, "epochs": 20}
    words = ["--epochs", str(epochs)] if epochs else []
    return rows.collect(section, planned(results, *words), frame.load(results))


def column(found, name):
    return [row[name] for row in found]


def nelbos(found):
    return [row["metrics"] and row["metrics"]["nelbo"]["mean"] for row in found]


@pytest.mark.parametrize("page, name", EVERY)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_declared_row_can_be_run(page, name, preset, tmp_path):
    section, call = PAGES[page]["sections"][name], planned(tmp_path, "--preset", preset)
    wanted = rows.declared(section, preset)
    if preset == "paper":  # none is the same as another
        assert len(wanted) == np.prod(list(map(len, section["rows"])))
    variants = {call.run(row.experiment, 0, row.changes).name for row in wanted}
    assert len(variants) == len(wanted)
    assert all(len(row.labels) == len(section["columns"]) for row in wanted)
    if preset == "paper" and page != "own_constraint":  # what to compare with
        plain = {row.experiment for row in wanted if not row.changes}
        assert plain == {row.experiment for row in wanted}


def test_a_longer_run_stands_for_a_shorter_one_that_is_not_there(tmp_path):
    made_up.write(tmp_path, ASR, epochs=60, nelbo=300.0)
    made_up.write(tmp_path, ASR, epochs=20, nelbo=290.0, changes=LEARNED)
    found = collected(tmp_path, {}, LEARNED)
    assert column(found, "epochs") == [20, 20]
    assert nelbos(found) == [300.0 + 40, 290.0]  # as its history has it
    assert column(found, "cut_from") == [[60], []]
    found = collected(tmp_path, {}, LEARNED, epochs=60)
    assert column(found, "state") == ["complete", "missing"]
    made_up.write(tmp_path, ASR, epochs=20, nelbo=111.0)
    found = collected(tmp_path, {}, LEARNED)
    assert nelbos(found) == [111.0, 290.0] and column(found, "cut_from") == [[], []]


def test_todays_longer_run_goes_before_one_of_older_code(tmp_path):
    made_up.write(tmp_path, ASR, epochs=20, nelbo=1.0, fields={"numerics": 1})
    for epochs in (60, 90):
        made_up.write(tmp_path, ASR, epochs=epochs, nelbo=10.0 * epochs)
    (row,) = collected(tmp_path, {})
    assert (row["cut_from"], row["stale"]) == ([90], False)  # the table's own run


def test_a_row_is_drawn_from_a_run_that_did_not_fail(tmp_path):
    made_up.write(tmp_path, ASR, epochs=20, fields=made_up.failed())
    folder = made_up.write(tmp_path, ASR, epochs=20, seed=1)
    section = {"experiment": ASR, "rows": [[[["none"], {}]]], "epochs": 20}
    call = planned(tmp_path, "--seeds", "0,1")
    (row,) = rows.collect(section, call, frame.load(tmp_path))
    assert tmp_path / row["folders"][0] == folder and row["failed_seeds"] == [0]


def test_a_run_that_reports_its_best_epoch_stands_for_itself_alone(tmp_path):
    best = {"reported_epoch": "lowest_loss"}
    made_up.write(tmp_path, ASR, epochs=60, changes=best)
    made_up.write(tmp_path, ASR, epochs=20)
    found = collected(tmp_path, {}, best, epochs=20)
    assert column(found, "state") == ["complete", "missing"]


def test_rows_of_a_section_have_its_length(tmp_path):
    for epochs, changes in ((20, {}), (20, LEARNED), (30, LEARNED)):
        made_up.write(tmp_path, ASR, epochs=epochs, changes=changes)
    assert column(collected(tmp_path, {}, LEARNED), "epochs") == [20, 20]
    found = collected(tmp_path, {}, LEARNED, epochs=30)
    assert column(found, "epochs") == [None, 30]


def call(results, page, *words):
    parts = (
        functools.partial(f, PAGES[page], page) for f in (command.define, command.body)
    )
    return command_line.main(*parts, "", ["--results", str(results), *words])


def test_train_leaves_out_rows_that_a_run_of_today_covers(
    tmp_path, monkeypatch, capsys
):
    wanted = []
    monkeypatch.setattr(launch.processes, "train", lambda c, *_: wanted.extend(c) or 0)
    shown, old = {"figure": made_up.figure()}, {"numerics": 1}
    made_up.write(tmp_path, ASR, epochs=60, **shown)
    made_up.write(tmp_path, ASR, epochs=20, changes=LEARNED, fields=old, **shown)
    assert call(tmp_path, "ablations", "--comparisons", "number", "--train") == 0
    changes = [run.changed for run in wanted]
    assert {} not in changes and LEARNED in changes and len(wanted) == 5
    page = capsys.readouterr().out
    assert (
        "| **none** | 390.00 |" in page and "| learned scale prior ↺ | 350.00 |" in page
    )


def test_list_has_a_line_for_every_row_once(tmp_path, capsys):
    call(tmp_path, "ablations", "--list")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    sections = PAGES["ablations"]["sections"].values()
    own = sum(len(rows.declared(section)) for section in sections)
    assert 0 < len(lines) < own  # sections share the tables' own runs
    lengths = [("air-1" in line, "--epochs 64" in line) for line in lines]
    assert set(lengths) == {(True, True), (False, False)}


def test_a_picture_tells_which_rows_are_of_longer_runs(tmp_path):
    shown = made_up.figure()
    del shown["true_counts"]  # as of scenes of one's own
    made_up.write(tmp_path, ASR, epochs=60, figure=shown)
    made_up.write(tmp_path, ASR, epochs=20, changes=LEARNED, figure=shown)
    section = PAGES["ablations"]["sections"]["number"]
    found = rows.collect(section, planned(tmp_path), frame.load(tmp_path))
    told = command.draw(found, tmp_path, tmp_path / "picture")
    assert told == "(a) none (after 60 epochs); (b) learned scale prior"
    assert (tmp_path / "picture.png").exists() and (tmp_path / "picture.pdf").exists()
