"""The claims: each verdict from made-up cells, and from the printed numbers."""

import pytest
import synthetic

from reproduce import claims, grid, published
from reproduce.cells import Cell

METHODS = ("air", "pprior", "asr")


def cell(experiment, runs, epochs=300, failed=(), **fields):
    """A cell of complete runs, each given as a dict of metrics."""
    complete = tuple(
        {"seed": seed, "metrics": {**synthetic.METRICS, **metrics}}
        for seed, metrics in enumerate(runs)
    )
    return Cell(experiment, epochs=epochs, complete=complete, failed=failed, **fields)


def as_printed(table, **changes):
    """The table whose three runs have exactly the paper's means and deviations."""
    made = []
    for experiment in grid.table_experiments(table):
        numbers = published.published(experiment)
        runs = [
            {metric: mean + step * std for metric, (mean, std) in numbers.items()}
            for step in (-1, 0, 1)
        ]
        name = experiment.split("/")[1]
        for run in runs:
            if table == "table1" and "pprior" in name:
                run |= {"one_step_share": 1.0, "mean_count": 1.0}
            if table == "table2" and "asr" not in name:
                run |= {"overlapping_pairs_in_samples": 0.4}
            if table == "table2" and "asr" in name:
                run |= {"overlapping_pairs_in_samples": 0.02}
            run |= changes.get(name.replace("-", "_"), {})
        made.append(cell(experiment, runs))
    return made


def verdicts(table, cells):
    return {c.claim.split(".")[0]: c.verdict for c in claims.judge(table, cells)}


def evidence(table, cells, number):
    (found,) = [
        c for c in claims.judge(table, cells) if c.claim.startswith(number + ".")
    ]
    return found.evidence


def test_the_printed_numbers_support_the_papers_claims():
    table1 = verdicts("table1", as_printed("table1"))
    assert table1 == dict.fromkeys(["1", "1b", "2", "2b", "3", "7", "8"], "holds")
    table2 = verdicts("table2", as_printed("table2"))
    assert table2 == dict.fromkeys(["4", "5", "6", "7"], "holds")


def test_without_runs_nothing_is_judged():
    for table in grid.TABLES:
        empty = [Cell(experiment) for experiment in grid.table_experiments(table)]
        assert set(verdicts(table, empty).values()) == {"not enough runs"}
        assert set(verdicts(table, []).values()) == {"not enough runs"}


def test_a_tie_for_the_best_is_told_and_holds():
    text = evidence("table1", as_printed("table1"), "1")
    assert "mIoU AIR-ASR 0.61 against AIR 0.61 and AIR-pPrior 0.43 (a tie)" in text


def test_claim_1b_shows_what_differs_from_claim_1():
    text = evidence("table1", as_printed("table1"), "1b")
    assert "13: nELBO without KL(z_pres) AIR-ASR 350.20 against AIR 394.41" in text
    assert text.endswith("; ACC, SE and mIoU: as in 1") and "SE AIR-ASR" not in text


@pytest.mark.parametrize(
    "table, number, changes",
    [
        ("table1", "1", {"asr_14": {"nelbo": 600.0}}),
        ("table1", "1", {"asr_24": {"acc": 0.95}}),
        ("table1", "1", {"pprior_13": {"miou": 0.62}}),
        ("table1", "1b", {"air_13": {"kl_presence": 60.0}}),
        ("table1", "2", {"pprior_14": {"acc": 0.52}}),
        ("table1", "2b", {"pprior_24": {"one_step_share": 0.1}}),
        ("table1", "7", {f"air_{s}": {"nelbo": 400.0} for s in (13, 14, 24)}),
        ("table1", "8", {f"pprior_{s}": {"se": 9.0, "acc": 0.9} for s in (13, 14)}),
        ("table2", "4", {"air_mnist": {"miou": 0.66}}),
        ("table2", "5", {"pprior_mnist": {"nelbo": 340.0}}),
        ("table2", "5", {"pprior_mnist": {"se": 36.5}, "asr_mnist": {"se": 36.5}}),
        ("table2", "6", {"asr_dsprites": {"overlapping_pairs_in_samples": 0.45}}),
        ("table2", "6", {"air_mnist": {"overlapping_pairs_in_samples": 0.01}}),
        ("table2", "7", {"asr_mnist": {"nelbo": 337.0}}),
    ],
)
def test_each_claim_can_fail_alone(table, number, changes):
    found = verdicts(table, as_printed(table, **changes))
    assert found[number] == "does not hold"
    if number in ("2b", "6"):
        others = {n: v for n, v in found.items() if n != number}
        assert set(others.values()) == {"holds"}


def test_close_objects_without_a_trend_are_not_merged_ones():
    def of(too_few, scenes=(100, 100, 100, 100)):
        table = {
            "edges": [0, 10, 20, 30, 40],
            "scenes": list(scenes),
            "too_few": list(too_few),
        }
        each = {"too_few_by_distance": table, "too_few_by_count": {"3": table}}
        changes = {f"air_{s}": each for s in (13, 14, 24)}
        cells = as_printed("table1", **changes)
        return verdicts("table1", cells)["3"], evidence("table1", cells, "3")

    verdict, text = of([90, 40, 10, 0])
    assert verdict == "holds" and "0-10 px 90%" in text and "-1.00" in text
    assert of([0, 10, 40, 90])[0] == "does not hold"
    assert of([0, 0, 0, 0])[0] == "does not hold"
    assert of([20, 30, 20, 30])[0] == "does not hold"
    # The far bin has too few scenes to count against the trend.
    assert of([90, 40, 10, 1], [100, 100, 100, 1])[0] == "holds"
    verdict, text = of([1, 1, 0, 0], [1, 1, 100, 100])
    assert verdict == "not enough runs" and "2 distance bins" in text


@pytest.mark.parametrize(
    "falling, verdict", [(3, "holds"), (2, "does not hold"), (1, "does not hold")]
)
def test_close_objects_are_merged_where_most_counts_say_so(falling, verdict):
    """Four tables: {1, 3}, {1, 4}, and two of {2, 4}."""

    def table(number):
        too_few = [90, 40, 10] if number < falling else [20, 20, 20]
        return {"edges": [0, 10, 20, 30], "scenes": [100] * 3, "too_few": too_few}

    by_count = [{"3": table(0)}, {"4": table(1)}, {"2": table(2), "4": table(3)}]
    changes = {
        f"air_{setting}": {"too_few_by_count": tables}
        for setting, tables in zip(("13", "14", "24"), by_count, strict=True)
    }
    cells = as_printed("table1", **changes)
    assert verdicts("table1", cells)["3"] == verdict
    assert evidence("table1", cells, "3").startswith(
        f"falls in {falling} of 4 true counts; "
    )


def test_shares_in_samples_have_errors_and_a_second_kind_where_all_runs_have_it():
    # sqrt(.4 .6 / 3,000) = .0089 and sqrt(.02 .98 / 3,000) = .0026, for any seeds.
    words = "mnist: AIR 40.0% ± 0.9%, AIR-pPrior 40.0% ± 0.9%, AIR-ASR 2.0% ± 0.3%"
    text = evidence("table2", as_printed("table2"), "6")
    assert f"{words} (± standard error of each share)" in text
    assert "of one side" not in text
    one_side = {"overlapping_pairs_in_samples_of_one_side": 0.1}
    names = [
        e.split("/")[1].replace("-", "_") for e in grid.table_experiments("table2")
    ]
    cells = as_printed("table2", **dict.fromkeys(names, one_side))
    text = evidence("table2", cells, "6")
    sides = "boxes of one side: AIR 10.0% ± 0.5%, AIR-pPrior 10.0% ± 0.5%"
    assert f"mnist, {sides}" in text and f"dsprites, {sides}" in text
    del cells[0].complete[0]["metrics"]["overlapping_pairs_in_samples_of_one_side"]
    text = evidence("table2", cells, "6")
    assert f"mnist, {sides}" not in text and f"dsprites, {sides}" in text


def test_close_objects_are_pooled_over_runs():
    def table(scenes, too_few):
        return {
            "too_few_by_distance": {
                "edges": [0, 10, 20, 30],
                "scenes": scenes,
                "too_few": too_few,
            }
        }

    cells = as_printed("table1")
    tables = [table([100, 90, 0], [60, 20, 0]), table([0, 10, 100], [0, 10, 10])]
    cells[0] = cell("table1/air-13", tables)
    text = evidence("table1", cells, "3")
    shares = "0-10 px 60%, 10-20 px 30%, 20-30 px 10%"
    assert f"13, 3 objects: {shares} (rank correlation -1.00)" in text
    assert "24, 2 or 4 objects: the record does not tell them apart" in text


def test_more_objects_being_closer_is_no_merging():
    """Of 2 as of 4 objects, distance changes nothing; pooled, the share falls."""
    edges = [0, 10, 20, 30]
    by_count = {
        "2": {"edges": edges, "scenes": [20, 50, 100], "too_few": [2, 5, 10]},
        "4": {"edges": edges, "scenes": [100, 50, 20], "too_few": [50, 25, 10]},
    }
    pooled = {"edges": edges, "scenes": [120, 100, 120], "too_few": [52, 30, 20]}
    flat = {"edges": edges, "scenes": [100] * 3, "too_few": [20] * 3}
    cells = as_printed(
        "table1",
        air_13={"too_few_by_distance": flat},
        air_14={"too_few_by_distance": flat},
        air_24={"too_few_by_distance": pooled, "too_few_by_count": by_count},
    )
    assert verdicts("table1", cells)["3"] == "does not hold"
    text = evidence("table1", cells, "3")
    assert "24, 4 objects: the same share at all distances, 50%" in text


def test_missing_cells_are_named():
    cells = [c for c in as_printed("table1") if c.experiment != "table1/air-14"]
    found = verdicts("table1", cells)
    assert found.pop("2") == found.pop("2b") == "holds"  # of AIR-pPrior alone
    assert set(found.values()) == {"not enough runs"}
    assert evidence("table1", cells, "1") == "too few runs: air-14 (no run)"


def test_a_deviation_needs_two_runs():
    cells = as_printed("table2")
    numbers = {"nelbo": 337.3, "se": 36.5, "miou": 0.67}
    numbers["overlapping_pairs_in_samples"] = 0.02
    cells[2] = cell("table2/asr-mnist", [numbers])
    found = verdicts("table2", cells)
    assert found["4"] == found["7"] == "not enough runs"
    assert found["5"] == found["6"] == "holds"
    assert evidence("table2", cells, "4") == (
        "too few runs: AIR-ASR (multi-mnist) (runs: 1, needed: 2)"
    )
    assert "seeds" in evidence("table2", cells, "5")
    words = {c.claim.split(".")[0]: c.words for c in claims.judge("table2", cells)}
    assert words["4"] == "not enough runs" and words["5"] == "holds so far"


def test_a_whole_grid_is_judged_for_good():
    assert not any(c.notes for c in claims.judge("table1", as_printed("table1")))


def test_short_failed_and_rendered_runs_are_told():
    cells = as_printed("table2")
    failed = ({"seed": 3, "failure": "x", "epochs": 10},)
    runs = [record["metrics"] for record in cells[2].complete]
    cells[2] = cell("table2/asr-mnist", runs, 10, failed, digits="rendered")
    text = evidence("table2", cells, "5")
    for words in ("10, 300 of 300 epochs", "failed runs left out in asr-mnist"):
        assert words in text
    assert "rendered digits" in text and "unequal protocols" in text


def test_sprites_beside_digits_are_no_other_protocol():
    cells = [
        cell(
            c.experiment,
            [record["metrics"] for record in c.complete],
            60,
            digits="mnist" if c.setting == "mnist" else None,
        )
        for c in as_printed("table2")
    ]
    assert "unequal protocols" not in evidence("table2", cells, "6")
    rendered = [record["metrics"] for record in cells[0].complete]
    cells[0] = cell("table2/air-mnist", rendered, 60, digits="rendered")
    assert "unequal protocols" in evidence("table2", cells, "6")


def test_a_cell_whose_runs_all_failed_is_not_judged():
    cells = as_printed("table2")
    cells[2] = cell("table2/asr-mnist", [], failed=({"seed": 0},))
    assert (
        evidence("table2", cells, "5") == "too few runs: AIR-ASR (multi-mnist) (failed)"
    )


def test_smoke_runs_judge_nothing():
    cells = [
        cell(c.experiment, [r["metrics"] for r in c.complete], 2, smoke=True)
        for c in as_printed("table1")
    ]
    assert set(verdicts("table1", cells).values()) == {"not enough runs"}
    assert evidence("table1", cells, "1") == "smoke runs judge nothing"
