"""Tables: which runs a cell averages, the results' JSON, the texts for readers."""

import json
import statistics

import pytest
import synthetic

from reproduce import claims, grid, judging, published, records, render, tables
from reproduce.cells import Cell, collect


def protocol(results, **fields):
    return grid.Protocol(results=results, **fields)


def cell_of(results, experiment="table1/asr-13", seeds=None, epochs=None, **fields):
    (cell,) = collect([experiment], protocol(results, **fields), seeds, epochs)
    return cell


def test_published_numbers():
    """A few cells typed from the paper, and the shape of the rest."""
    table1 = published.published("table1/asr-14")
    assert table1["nelbo"] == (441.54, 30.97) and table1["miou"] == (0.55, 0.08)
    assert published.published("table1/pprior-24")["acc"] == (0.0, 0.0)
    assert published.published("table1/air-13")["se"] == (31.94, 4.68)
    table2 = published.published("table2/pprior-mnist")
    assert table2 == {"nelbo": (306.6, 58.8), "se": (41.5, 15.4), "miou": (0.35, 0.10)}
    assert published.published("table2/asr-dsprites")["miou"] == (0.61, 0.03)
    sums = {
        table: round(
            sum(
                mean + std
                for experiment in grid.table_experiments(table)
                for mean, std in published.published(experiment).values()
            ),
            2,
        )
        for table in grid.TABLES
    }
    # Sums of all the printed numbers, taken column by column from the paper.
    nelbo = 404.41 + 405.21 + 360.20 + 543.44 + 519.06 + 441.54 + 639.49 + 643.28
    nelbo += 495.73 + 4.58 + 1.17 + 19.67 + 54.71 + 5.47 + 30.97 + 23.13 + 8.67 + 35.8
    acc = 0.81 + 0.48 + 0.96 + 0.48 + 0.5 + 0.96 + 0.55 + 0 + 0.98 + 0.23 + 0.03
    acc += 0.01 + 0.09 + 0.01
    se = 31.94 + 49.42 + 28.84 + 52.77 + 68.72 + 41.05 + 57.69 + 83.35 + 48.54
    se += 4.68 + 0.24 + 1.11 + 4.92 + 0.55 + 7.11 + 4.88 + 0.44 + 5.6
    miou = 0.61 + 0.43 + 0.61 + 0.43 + 0.43 + 0.55 + 0.46 + 0.1 + 0.54
    miou += 0.13 + 0.01 + 0.07 + 0.08 + 0.06 + 0.08
    assert sums["table1"] == round(nelbo + acc + se + miou, 2)
    nelbo = 328.5 + 306.6 + 337.3 + 341.5 + 274.3 + 271.8
    nelbo += 17.1 + 58.8 + 55.1 + 76.5 + 64.4 + 18.8
    se = 37.5 + 41.5 + 36.5 + 34.8 + 29.3 + 20.9 + 3.8 + 15.4 + 3.9 + 8.9 + 12.1 + 2.1
    miou = 0.25 + 0.35 + 0.67 + 0.13 + 0.21 + 0.61
    miou += 0.03 + 0.1 + 0.05 + 0.05 + 0.13 + 0.03
    assert sums["table2"] == round(nelbo + se + miou, 2)


def test_the_grid_is_the_papers():
    assert len(grid.runs(grid.table_experiments("table1"), (0, 1, 2))) == 27
    assert len(grid.runs(grid.table_experiments("table2"), (0, 1, 2))) == 18
    labels = [Cell(experiment).label for experiment in grid.table_experiments("table1")]
    assert labels[:4] == ["AIR-13", "AIR-pPrior-13", "AIR-ASR-13", "AIR-14"]
    chosen = grid.runs(grid.table_experiments("table1", ("asr",), ("24", "13")), (4, 2))
    assert [(run.experiment, run.seed) for run in chosen] == [
        ("table1/asr-13", 4),
        ("table1/asr-24", 4),
        ("table1/asr-13", 2),
        ("table1/asr-24", 2),
    ]


def test_a_cell_takes_the_longest_protocol_only(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", seed=0, epochs=10, nelbo=100.0)
    synthetic.write(tmp_path, "table1/asr-13", seed=1, epochs=10, nelbo=200.0)
    synthetic.write(tmp_path, "table1/asr-13", seed=1, epochs=20, nelbo=300.0)
    cell = cell_of(tmp_path)
    assert (cell.epochs, cell.seeds, cell.mean("nelbo")) == (20, (1,), 300.0)
    cell = cell_of(tmp_path, epochs=10)
    assert (cell.epochs, cell.seeds, cell.mean("nelbo")) == (10, (0, 1), 150.0)
    assert cell_of(tmp_path, seeds=(0,)).epochs == 10
    assert cell_of(tmp_path, epochs=30).epochs is None


def test_variants_presets_and_digits_never_mix(tmp_path):
    name = "table1/asr-13"
    synthetic.write(tmp_path, name, epochs=3, nelbo=1.0)
    synthetic.write(tmp_path, name, 1, 3, digits="rendered", nelbo=2.0)
    synthetic.write(tmp_path, name, 2, 3, preset="released", nelbo=3.0)
    synthetic.write(tmp_path, name, 3, 3, number_image_weight=1.0, nelbo=4.0)
    assert cell_of(tmp_path).values("nelbo") == [1.0]
    assert cell_of(tmp_path, digits="rendered").values("nelbo") == [2.0]
    assert cell_of(tmp_path, preset="released").values("nelbo") == [3.0]
    assert cell_of(tmp_path, digits="rendered").digits == "rendered"


def test_sprites_have_no_digits_to_substitute(tmp_path):
    synthetic.write(tmp_path, "table2/asr-dsprites", epochs=3)
    cell = cell_of(tmp_path, "table2/asr-dsprites", digits="rendered")
    assert cell.complete and cell.digits is None


def test_runs_on_different_data_are_refused_by_name(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", seed=0, epochs=3, digest="a")
    folder = synthetic.write(tmp_path, "table1/asr-13", seed=1, epochs=3, digest="b")
    with pytest.raises(records.RecordError, match=folder.name) as caught:
        cell_of(tmp_path)
    assert "data digest" in str(caught.value)


def test_means_and_deviations(tmp_path):
    values = [340.0, 350.0, 375.0]
    for seed, nelbo in enumerate(values):
        synthetic.write(tmp_path, "table1/asr-13", seed, 3, nelbo=nelbo)
    row = tables.row(cell_of(tmp_path))
    nelbo = row["metrics"]["nelbo"]
    assert nelbo["mean"] == pytest.approx(355.0)
    assert nelbo["std"] == pytest.approx(statistics.stdev(values))
    assert nelbo["runs"] == values
    without = row["metrics"]["nelbo_without_kl_presence"]["runs"]
    assert without == [330.0, 340.0, 365.0]
    assert row["seeds"] == [0, 1, 2]


def test_results_json(tmp_path):
    results = tmp_path / "results"
    synthetic.write(results, "table1/asr-13", epochs=300)
    cells = collect(grid.table_experiments("table1"), protocol(results))
    judged = claims.judge("table1", cells)
    tables.write(results / "table1", "table1", cells, judged, "COMMAND")
    content = json.loads((results / "table1.json").read_text())
    assert list(content) == ["rows", "claims"]
    assert len(content["rows"]) == 9
    assert [row["method"] for row in content["rows"][:3]] == [
        "AIR",
        "AIR-pPrior",
        "AIR-ASR",
    ]
    missing, ours = content["rows"][0], content["rows"][2]
    assert missing["metrics"] is None and missing["epochs"] is None
    assert missing["seeds"] == [] and missing["digits"] is None
    assert missing["published"]["nelbo"] == [404.41, 4.58]
    assert {k: ours[k] for k in ("dataset", "method", "setting", "preset")} == {
        "dataset": "multi_mnist",
        "method": "AIR-ASR",
        "setting": "13",
        "preset": "paper",
    }
    assert ours["epochs"] == 300 and ours["digits"] == "mnist"
    assert set(ours["metrics"]) == {
        *("nelbo", "acc", "se", "miou", "nelbo_without_kl_presence")
    }
    assert ours["metrics"]["se"] == {"mean": 30.0, "std": None, "runs": [30.0]}
    assert set(content["claims"][0]) == {"claim", "verdict", "evidence"}


def test_results_of_table2_have_no_accuracy(tmp_path):
    synthetic.write(tmp_path, "table2/air-mnist", epochs=3, acc=None)
    rows = tables.results([cell_of(tmp_path, "table2/air-mnist")], [])["rows"]
    assert set(rows[0]["metrics"]) == {"nelbo", "se", "miou"}
    assert rows[0]["dataset"] == "multi_mnist" and rows[0]["method"] == "AIR"


def test_a_failed_run_is_failed_and_no_number(tmp_path):
    synthetic.write(tmp_path, "table1/air-13", epochs=300, status="failed")
    cell = cell_of(tmp_path, "table1/air-13")
    assert render.value(cell, "nelbo") == "failed"
    row = tables.row(cell)
    assert row["metrics"] is None and row["failed_seeds"] == [0] and row["seeds"] == []
    for text in (
        render.terminal("table1", [cell], [], "COMMAND"),
        render.markdown("table1", [cell], [], "COMMAND"),
    ):
        assert "failed: step 7: kl_scale is not finite" in text
        assert "missing" not in text
    # Beside runs that ended well it is still told.
    synthetic.write(tmp_path, "table1/air-13", seed=1, epochs=300, nelbo=400.0)
    cell = cell_of(tmp_path, "table1/air-13")
    assert render.value(cell, "nelbo") == "400.00"
    assert "AIR-13 ‡✗" in render.terminal("table1", [cell], [], "COMMAND")
    assert "1 (1, 0 failed)" in render.terminal("table1", [cell], [], "COMMAND")


def made(epochs=300, seeds=3, digits="mnist", smoke=False):
    complete = tuple(
        {
            **{"seed": seed, "metrics": synthetic.METRICS, "parameters": 1234567},
            **{"wall_seconds": 7200.0, "environment": {}},
        }
        for seed in range(seeds)
    )
    return Cell("table1/asr-13", "paper", epochs, digits, complete, smoke=smoke)


@pytest.mark.parametrize(
    "cell, marks",
    [
        (made(), ""),
        (made(epochs=299), "†"),
        (made(epochs=400), ""),
        (made(seeds=2), "‡"),
        (made(digits="rendered"), "§"),
        (made(epochs=10, seeds=1), "†‡"),
        (made(epochs=2, seeds=1, digits="rendered", smoke=True), "§¶"),
        (Cell("table1/asr-13"), ""),
    ],
)
def test_marks_and_their_legend(cell, marks):
    assert render.marks(cell) == marks
    for text in (
        render.terminal("table1", [cell], [], "COMMAND"),
        render.markdown("table1", [cell], [], "COMMAND"),
    ):
        for mark in render.MARKS:
            assert (f"{mark} {render.MARKS[mark]}" in text) == (mark in marks)
        # A longer or another run mends all but the digits that were asked for.
        assert ("COMMAND" in text) == (marks not in ("", "§") or not cell.complete)


def test_the_terminal_shows_ours_above_the_papers(tmp_path):
    cells = [made(), Cell("table1/air-14")]
    judged = claims.judge("table1", cells)
    text = render.terminal("table1", cells, judged, "COMMAND")
    lines = text.splitlines()
    ours = next(k for k, line in enumerate(lines) if line.startswith("AIR-ASR-13"))
    assert "350.00 ± 0.00" in lines[ours] and "0.97 ± 0.00" in lines[ours]
    assert "300   3 (0, 1, 2)" in lines[ours]
    assert lines[ours + 1].split()[:4] == ["paper", "360.20", "±", "19.67"]
    assert "missing" in next(line for line in lines if line.startswith("AIR-14"))
    assert max(map(len, lines)) <= 88
    told = lines[lines.index("not enough runs:") + 1 :]
    numbers = [line.split()[0] for line in told]
    assert numbers == ["1.", "1b.", "2.", "2b.", "3.", "7.", "8."]


def test_the_terminal_has_one_line_a_claim_with_its_score():
    """The page has what is behind it."""
    fails = judging.Claim("1. one", judging.FAILS, ("behind it",), "2 of 3", ("short",))
    judged = [fails, judging.Claim("2. two", judging.HOLDS, ("behind it",))]
    text = render.terminal("table1", [made()], judged, "COMMAND")
    one, two = claims.IN_SHORT["1"], claims.IN_SHORT["2"]
    expected = f"holds:\n  2. {two}\ndoes not hold:\n  1. {one} (2 of 3)\n"
    assert text.endswith(expected) and "behind it" not in text
    page = render.markdown("table1", [made()], judged, "COMMAND")
    assert "- 1. one: **does not hold so far**: 2 of 3 (short)\n  - behind it" in page


def test_a_page_names_the_command_that_wrote_it():
    for preset, words in (("paper", ""), ("released", " --preset released")):
        cells = [Cell("table1/asr-13", preset)]
        page = render.markdown("table1", cells, [], "COMMAND")
        assert f"Written by `bash reproduce/table1.sh{words}`." in page


def test_the_page_has_both_values_side_by_side():
    text = render.markdown("table1", [made()], [], "COMMAND")
    (row,) = [line for line in text.splitlines() if line.startswith("| AIR-ASR-13")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:3] == ["350.00 ± 0.00", "360.20 ± 19.67"]
    assert cells[-4:] == ["300", "3 (0, 1, 2)", "1,234,567", "2 h 00 min"]
    assert "Digits are MNIST's." in text
    head = next(line for line in text.splitlines() if "nELBO | paper" in line)
    assert head.count("|") == row.count("|")


def test_the_page_of_another_preset_leaves_out_rows_without_a_run(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", epochs=300, preset="released")
    experiments = grid.table_experiments("table1")
    for preset, rows in (("released", 1), ("paper", 9)):
        cells = collect(experiments, protocol(tmp_path, preset=preset))
        text = render.markdown("table1", cells, [], "COMMAND")
        assert text.count("\n| AIR") == rows
        assert ("8 of 9 rows are left out: no run yet" in text) == (rows == 1)
        assert ("missing" in text) == (rows == 9)
    # Without any run the page still says what it would hold.
    cells = [Cell(experiment, "released") for experiment in experiments]
    assert render.markdown("table1", cells, [], "COMMAND").count("\n| AIR") == 9


def test_the_source_of_the_digits_is_told_where_it_is_the_same():
    sprites, mnist, rendered = (
        Cell("table2/air-mnist", "paper", 300, digits, made().complete)
        for digits in (None, "mnist", "rendered")
    )
    for cells, words in (
        ([mnist, sprites], "Digits are MNIST's."),
        ([rendered], "Digits are rendered."),
        ([mnist, rendered], None),
        ([sprites], None),
    ):
        text = render.markdown("table2", cells, [], "COMMAND")
        assert (words in text) if words else ("Digits are" not in text)
