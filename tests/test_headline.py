"""The report's first lines: the best methods, the claims, and how near the paper."""

from reproduce import claims, grid, headline, judging, published
from reproduce.cells import Cell

HOLDS = judging.Claim("1. one", judging.HOLDS, (), "11 of 12")
FAILS = judging.Claim("2. two", judging.FAILS, ())
RECORD = {
    "experiment": "table1/asr-13",
    "variant": "paper",
    "seed": 0,
    "epochs": 300,
    "status": "complete",
    "wall_seconds": 3600.0,
}


def cell(experiment, **changes):
    means = {m: mean for m, (mean, _) in published.published(experiment).items()}
    run = {"seed": 0, "metrics": {**means, **changes}}
    return Cell(experiment, epochs=300, complete=(run,))


def text(tables, records=(), judged=((HOLDS, "Table 1"),)):
    return headline.markdown(list(records), tables, list(judged))


def all_cells():
    return {
        name: [cell(one) for one in grid.table_experiments(name)]
        for name in grid.TABLES
    }


def test_the_published_numbers_themselves_are_near():
    found = text(all_cells())
    for method in ("AIR", "AIR-pPrior", "AIR-ASR"):
        assert f"| {method} | 18 | 0 | 0 |" in found
    assert "Worse by more:" not in found and "Better by more:" not in found
    assert "count as near, and ± 0.00" in found


def test_the_farthest_share_that_counts_as_near_is_told():
    # Published: ACC .81 ± .23 and mIoU .61 ± .13, and .98 ± .01.
    changed = [cell("table1/air-13", acc=0.36, miou=0.40)]
    changed.append(cell("table1/asr-24", acc=0.5))  # far, so no example
    found = text({"table1": changed})
    assert "count as near (AIR-13: ACC 0.36 against 0.81 ± 0.23), and" in found
    changed[0] = cell("table1/air-13", acc=0.80, miou=0.40)
    found = text({"table1": changed})
    assert "count as near (AIR-13: mIoU 0.40 against 0.61 ± 0.13), and" in found


def test_worse_and_better_depend_on_the_metric():
    # Published: nELBO 360.20 ± 19.67, ACC .96 ± 0, SE 28.84 ± 1.11, mIoU .61 ± 0.
    changed = cell("table1/asr-13", nelbo=399.0, acc=0.954, se=31.07, miou=0.9)
    found = text({"table1": [changed, Cell("table1/asr-14")]})
    assert "| AIR-ASR | 1 | 1 | 2 |" in found
    worse = "ACC 0.95 (published 0.96 ± 0.00), SE 31.07 (published 28.84 ± 1.11)"
    assert f"Worse by more:\n\n- AIR-ASR-13: {worse}\n" in found
    better = "mIoU 0.90 (published 0.61 ± 0.00)"
    assert found.endswith(f"Better by more:\n\n- AIR-ASR-13: {better}")
    # Differences that the printed digits do not show are none.
    same = cell("table1/asr-13", nelbo=360.204, acc=0.9551)
    assert "| AIR-ASR | 4 | 0 | 0 |" in text({"table1": [same]})
    # Exactly two deviations, .02, which no binary fraction is.
    for acc in (0.96, 1.0):
        edge = cell("table1/asr-24", acc=acc)
        assert "| AIR-ASR | 4 | 0 | 0 |" in text({"table1": [edge]})


def test_the_best_method_is_named_and_the_papers_where_it_differs():
    found = text(all_cells())
    assert "AIR-ASR in 17 of 18 comparisons, in the paper in 17." in found
    asr = "AIR-ASR | AIR-ASR | AIR-ASR | AIR and AIR-ASR |"  # mIoU .61 and .61
    assert f"| Table 1, 1 or 3 digits | {asr}" in found
    assert "| Table 2, Multi-MNIST | AIR-pPrior | - | AIR-ASR | AIR-ASR |" in found
    # AIR with the lowest SE and the highest ACC of one setting.
    tables = all_cells()
    tables["table1"][0] = cell("table1/air-13", se=28.83, acc=0.97)
    found = text(tables)
    assert "AIR-ASR in 15 of 18 comparisons, in the paper in 17." in found
    air = "AIR (paper: AIR-ASR)"
    assert f"1 or 3 digits | AIR-ASR | {air} | {air} | AIR and AIR-ASR |" in found


def test_methods_are_compared_where_all_three_have_runs():
    tables = all_cells()
    assert tables["table1"][0].experiment == "table1/air-13"
    tables["table1"][0] = Cell("table1/air-13")
    found = text(tables)
    assert "1 or 3 digits" not in found and "of 14 comparisons" in found
    assert "Which method" not in text({"table1": [cell("table1/asr-13")]})


def test_only_runs_of_the_protocol_count_as_done():
    others = [{"seed": 1, "epochs": 299}, {"seed": 3}, {"variant": "released"}]
    others.append({"seed": 2, "status": "failed"})
    records = [RECORD | change for change in ({}, *others)]
    found = text({"table1": [Cell("table1/asr-13")]}, records)
    assert "Of the 3 runs" in found and "1 are done" in found
    assert "All 5 runs here took 5.0 hours" in found
    assert "deviations" not in found


def test_the_time_of_a_run_that_was_continued_counts_once():
    """Seed 0 went on from 64 to 300 epochs, and its time from one hour to four."""
    long = RECORD | {"wall_seconds": 4 * 3600.0}
    others = [{"epochs": 64}, {"seed": 1}, {"experiment": "table1/air-13"}]
    records = [long, *(RECORD | other for other in others)]
    for order in (records, records[::-1]):
        assert "All 4 runs here took 6.0 hours" in text({}, order)


def test_claims_are_told_by_verdict_and_once():
    pairs = [(HOLDS, "Table 1"), (FAILS, "Table 1"), (FAILS, "Table 2")]
    found = text({}, judged=pairs)
    one, two = claims.IN_SHORT["1"], claims.IN_SHORT["2"]
    assert found.endswith(
        f"- holds:\n  - 1. {one} (11 of 12)\n- does not hold:\n  - 2. {two}"
    )


def test_a_claim_with_two_verdicts_names_its_tables():
    other = judging.Claim("2. two", judging.HOLDS, (), "3 of 3")
    pairs = [(HOLDS, "Table 1"), (FAILS, "Table 1"), (other, "Table 2")]
    found = text({}, judged=pairs)
    assert f"  - 2. {claims.IN_SHORT['2']} (Table 2: 3 of 3)" in found
    assert f"  - 2. {claims.IN_SHORT['2']} (Table 1)" in found


def test_every_claim_has_its_words():
    judged = [claim for name in grid.TABLES for claim in claims.judge(name, [])]
    assert {claim.number for claim in judged} == set(claims.IN_SHORT)
