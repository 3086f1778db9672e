"""What stands behind the tables, against brute force; where the runs stand."""

import made_up
import pytest

from reproduce.experiments import grid, published
from reproduce.records import frame
from reproduce.report import inventory, numbers, summary
from reproduce.tables import cells, claims


def test_scenes_of_ones_own_tell_what_is_known(tmp_path):
    about = {"images": 12, "mean_ink": 0.25}
    made_up.write(
        tmp_path, "table1/asr-13", fields={"data_statistics": {"test": about}}
    )
    (line,) = inventory.scenes(frame.load(tmp_path).runs)
    assert (line["images"], line["mean grey value"]) == ("12", "0.2500")
    assert line["counts"] == line["object side in pixels"] == "-"


def test_boxes_of_the_kept_scenes(tmp_path):
    arrays = made_up.figure(scenes=2, counts=(3, 3))
    arrays["boxes"][0, :3] = [[0, 0, 10, 10], [9, 9, 10, 10], [10, 20, 10, 10]]
    arrays["boxes"][1, :3] = [[0, 0, 12, 12], [12, 0, 12, 12], [0, 0, 12, 12]]
    arrays["sample_boxes"][..., 2:] = 7
    made_up.write(tmp_path, "table2/asr-mnist", figure=arrays)
    selected = cells.select(frame.load(tmp_path).runs)
    (line,) = numbers.boxes(selected, tmp_path)
    assert line["overlapping pairs, inferred"] == "2 of 6"  # touching is no overlap
    assert line["median side, inferred, in pixels"] == "11.0"
    assert line["median side, sampled, in pixels"] == "7.0"


def test_terms_are_means_over_runs_and_the_history_tells_the_last_epochs(tmp_path):
    for seed, nelbo in ((0, 300.0), (1, 310.0)):
        made_up.write(tmp_path, "table1/asr-13", seed=seed, epochs=20, nelbo=nelbo)
    frames = frame.load(tmp_path)
    (line,) = numbers.terms(cells.select(frames.runs), frames.epochs, "table1", "paper")
    assert (line[""], line["epochs"], line["nELBO"]) == ("AIR-ASR-13", "20", "305.0")
    assert line["last 5 epochs"] == "307.0 (300 to 314)"
    assert line["lowest"] == "305.0 (epoch 20, 20)"
    assert line["inferred counts (share of the scenes)"] == "1: 50%, 3: 50%"
    assert line["50 samples"] == "-"
    fields = {"reported_epoch": 7, "importance_weighted_nelbo": 271.25}
    made_up.write(tmp_path, "table1/asr-13", epochs=30, fields=fields)
    frames = frame.load(tmp_path)
    (line,) = numbers.terms(cells.select(frames.runs), frames.epochs, "table1", "paper")
    assert line["epochs"] == "30 (reported: 7)" and line["50 samples"] == "271.2"


def all_tables(tmp_path):
    selected = cells.select(frame.load(tmp_path).runs)
    return [cells.cells(selected, grid.experiments(t), ("paper",)) for t in grid.TITLES]


def test_the_printed_numbers_are_best_as_printed(tmp_path):
    for table in grid.TITLES:
        for experiment in grid.experiments(table):
            printed = {m: v for m, (v, _) in published.published(experiment).items()}
            made_up.write(tmp_path, experiment, epochs=1, **printed)
    found = summary.numbers(all_tables(tmp_path))
    assert len(found) == 9 * 4 + 6 * 3
    best = summary.best(found)
    assert best["here"] == best["paper"] == 17 and best["all"] == 18
    assert not any("paper:" in word for line in best["rows"] for word in line)


def test_what_is_done_counts_full_runs_of_today(tmp_path):
    made_up.write(tmp_path, "table1/air-13")
    made_up.write(tmp_path, "table1/air-13", epochs=20)
    made_up.write(tmp_path, "table1/air-13", seed=3)
    made_up.write(tmp_path, "table1/air-13", preset="released")
    made_up.write(tmp_path, "table1/asr-13", fields=made_up.failed())
    made_up.write(tmp_path, "table1/asr-14", fields={"numerics": 1})
    state = summary.state(frame.load(tmp_path).runs)
    assert (state["all"], state["full"], state["runs"]) == (45, 1, 6)
    assert state["hours"] == pytest.approx(
        5 * 100 / 3600
    )  # the longer holds the shorter


def test_a_claim_of_both_tables_counts_by_the_lesser_verdict(monkeypatch):
    found = {"table1": claims.HOLDS, "table2": claims.UNDECIDED}

    def judge(table, selected, epochs, presets):
        return [
            claims.Verdict(number, "paper", found[table])
            for number, claim in claims.CLAIMS.items()
            if table in claim["tables"]
        ]

    monkeypatch.setattr(claims, "judge", judge)
    verdicts = claims.by_verdict(None, None)
    tables = {number: claim["tables"] for number, claim in claims.CLAIMS.items()}
    assert any(len(each) == 2 for each in tables.values())
    assert verdicts[claims.UNDECIDED] == [n for n in tables if "table2" in tables[n]]
    assert verdicts[claims.HOLDS] == [n for n in tables if "table2" not in tables[n]]
