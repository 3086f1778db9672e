"""Which runs a cell averages, and what comes of them."""

import made_up
import pytest

from reproduce.experiments import grid
from reproduce.records import folders, frame
from reproduce.tables import cells, render

ASR = "table1/asr-13"


def table(results, experiments=(ASR,), presets=("paper",), **options):
    selected = cells.select(frame.load(results).runs, **options)
    return cells.cells(selected, experiments, presets)


def nelbos(found):
    return [cell["metrics"]["nelbo"]["mean"] for cell in found]


def test_a_cell_averages_the_longest_protocol(tmp_path):
    for epochs, nelbo in ((10, 1.0), (20, 2.0), (20, 4.0)):
        made_up.write(tmp_path, ASR, seed=int(nelbo), epochs=epochs, nelbo=nelbo)
    (cell,) = table(tmp_path)
    assert (cell["epochs"], cell["seeds"]) == (20, [2, 4])
    expected = {"mean": 3.0, "std": 2.0**0.5, "runs": [2.0, 4.0]}
    assert cell["metrics"]["nelbo"] == expected
    assert nelbos(table(tmp_path, epochs=10)) == [1.0]
    assert nelbos(table(tmp_path, seeds=(4,))) == [4.0]


def test_presets_variants_digits_and_smoke_runs_never_mix(tmp_path):
    runs = {
        1.0: {},
        2.0: {"preset": "released"},
        3.0: {"changes": {"learning_rate": 1e-4}},
        4.0: {"changes": {"digits": "rendered"}},
    }
    for nelbo, options in runs.items():
        made_up.write(tmp_path, ASR, epochs=20, nelbo=nelbo, **options)
    toy = {"digits": "rendered", "train_images": 1_280, "test_images": 128}
    smoke = (("smoke", True),)
    made_up.write(tmp_path, ASR, epochs=2, nelbo=5.0, changes=toy, fields=smoke)
    both = table(tmp_path, presets=("released", "paper"))
    assert nelbos(both) == [2.0, 1.0]
    assert nelbos(table(tmp_path, digits="rendered")) == [4.0]
    assert nelbos(table(tmp_path, smoke=True)) == [5.0]
    made_up.write(tmp_path, "table2/asr-dsprites", nelbo=6.0)
    sprites = table(tmp_path, ["table2/asr-dsprites"], digits="rendered")
    assert nelbos(sprites) == [6.0]  # no digits in them


def test_runs_of_unequal_data_are_not_averaged(tmp_path):
    made_up.write(tmp_path, ASR)
    made_up.write(tmp_path, ASR, seed=1, fields={"data_digest": "other"})
    with pytest.raises(folders.FileError, match="paper-300ep-seed1: its data are not"):
        table(tmp_path)


def test_a_failed_run_is_told_and_left_out(tmp_path):
    made_up.write(tmp_path, ASR, nelbo=1.0)
    made_up.write(tmp_path, ASR, seed=1, fields=made_up.failed())
    made_up.write(tmp_path, "table1/air-13", fields=made_up.failed())
    found = table(tmp_path, ["table1/air-13", ASR, "table1/air-14"])
    assert [cell["state"] for cell in found] == ["failed", "complete", "missing"]
    assert [cell["failed_seeds"] for cell in found] == [[0], [1], []]
    assert nelbos(found[1:2]) == [1.0] and found[0]["metrics"] is None
    text = render.terminal("table1", found, [], "COMMAND")
    assert "AIR-13, seed 0, 300 epochs failed: step 7: kl_scale is not finite" in text


def test_a_failed_longer_run_does_not_hide_complete_ones(tmp_path):
    for seed in (0, 1):
        made_up.write(tmp_path, ASR, seed=seed, epochs=64, nelbo=1.0)
    made_up.write(tmp_path, ASR, seed=2, fields=made_up.failed())  # of 300 epochs
    (cell,) = table(tmp_path, [ASR])
    assert (cell["state"], cell["epochs"], cell["seeds"]) == ("complete", 64, [0, 1])
    assert cell["failed_seeds"] == [2] and "✗" in cell["marks"]
    for epochs in (64, 300):
        fields = made_up.failed()
        made_up.write(tmp_path, "table1/air-13", epochs=epochs, fields=fields)
    (cell,) = table(tmp_path, ["table1/air-13"])  # no run of it is complete
    assert (cell["state"], cell["epochs"], cell["failed_seeds"]) == ("failed", 300, [0])


@pytest.mark.parametrize(
    "mark, written",
    [
        ("†", {"epochs": 299}),
        ("‡", {"seeds": (0, 1)}),
        ("‡", {"seeds": (0, 1, 3)}),
        ("↺", {"fields": {"numerics": 1}}),
        ("§", {"changes": {"digits": "rendered"}}),
        ("", {}),
    ],
)
def test_what_falls_short_is_marked_and_explained(mark, written, tmp_path):
    for seed in written.pop("seeds", (0, 1, 2)):
        made_up.write(tmp_path, ASR, seed=seed, **written)
    digits = dict(written.get("changes", {})).get("digits", "mnist")
    found = table(tmp_path, digits=digits)
    assert found[0]["marks"] == mark
    text = render.terminal("table1", found, [], "COMMAND")
    legend = text.split("\n\n")[-1]
    assert ("COMMAND" in legend) == (mark in ("†", "‡", "↺") and mark != "")
    assert not mark or f"\n{mark} {cells.MARKS[mark]}" in text


@pytest.mark.parametrize("name", grid.TITLES)
def test_the_full_table_fits_a_terminal_of_100_columns(name, tmp_path):
    experiments = grid.experiments(name)
    for experiment in experiments:
        for seed in (0, 1, 2):
            made_up.write(tmp_path, experiment, seed=seed, nelbo=500.0 + 30 * seed)
    found = table(tmp_path, experiments, ("released", "paper"))
    text = render.terminal(name, found, [], "COMMAND")
    assert max(map(len, text.split("\n"))) <= render.WIDTH
    for experiment in experiments:
        assert grid.label(experiment) in text
    assert text.count("published") == len(experiments) == text.count("0, 1, 2")
