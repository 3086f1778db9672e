"""The report's first lines count what is as published, near it, and far from it."""

from reproduce import grid, headline, judging, published
from reproduce.cells import Cell

HOLDS = judging.Claim("1. one", judging.HOLDS, ())
FAILS = judging.Claim("2. two", judging.FAILS, ())
RECORD = {"epochs": 300, "variant": "paper", "seed": 0, "status": "complete"}


def cell(experiment, **changes):
    means = {m: mean for m, (mean, _) in published.published(experiment).items()}
    run = {"seed": 0, "metrics": {**means, **changes}}
    return Cell(experiment, epochs=300, complete=(run,))


def text(tables, records=(), judged=((HOLDS, "Table 1"),)):
    return headline.markdown(list(records), tables, list(judged))


def test_numbers_as_printed_are_none_of_them_worse():
    tables = {name: [cell(one) for one in grid.cells(name)] for name in grid.TABLES}
    found = text(tables)
    for method in ("AIR", "AIR-pPrior", "AIR-ASR"):
        assert f"| {method} | 18 | 0 | 0 |" in found
    assert "Worse by more:" not in found


def test_worse_is_higher_for_losses_and_lower_for_shares():
    # Published: nELBO 360.20 ± 19.67, ACC .96 ± 0, SE 28.84 ± 1.11, mIoU .61 ± 0.
    changed = cell("table1/asr-13", nelbo=399.0, acc=0.954, se=31.07, miou=0.9)
    found = text({"table1": [changed, Cell("table1/asr-14")]})
    assert "| AIR-ASR | 1 | 1 | 2 |" in found
    worse = "ACC 0.95 (published 0.96 ± 0.00), SE 31.07 (published 28.84 ± 1.11)"
    assert found.endswith(f"Worse by more:\n\n- AIR-ASR-13: {worse}")
    # Differences that the printed digits do not show are none.
    same = cell("table1/asr-13", nelbo=360.204, acc=0.9551)
    assert "| AIR-ASR | 4 | 0 | 0 |" in text({"table1": [same]})
    # Exactly two deviations, .02, which no binary fraction is.
    edge = cell("table1/asr-24", acc=0.96)
    assert "| AIR-ASR | 3 | 1 | 0 |" in text({"table1": [edge]})


def test_only_runs_of_the_protocol_count_as_done():
    others = [{"epochs": 299}, {"seed": 3}, {"variant": "released"}]
    others.append({"status": "failed"})
    records = [RECORD | change | {"wall_seconds": 3600.0} for change in ({}, *others)]
    found = text({"table1": [Cell("table1/asr-13")]}, records)
    assert "Of the 3 runs" in found and "1 are done" in found
    assert "All 5 runs here took 5.0 hours" in found
    assert "deviations" not in found


def test_claims_are_told_by_verdict_and_once():
    pairs = [(HOLDS, "Table 1"), (FAILS, "Table 1"), (FAILS, "Table 2")]
    found = text({}, judged=pairs)
    assert "holds: 1; does not hold: 2." in found
    assert judging.UNDECIDED not in found


def test_a_claim_with_two_verdicts_names_its_tables():
    other = judging.Claim("2. two", judging.HOLDS, ())
    pairs = [(HOLDS, "Table 1"), (FAILS, "Table 1"), (other, "Table 2")]
    found = text({}, judged=pairs)
    assert "holds: 1, 2 (Table 2); does not hold: 2 (Table 1)." in found
