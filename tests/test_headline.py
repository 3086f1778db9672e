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


def text(tables, records=(), claims=(HOLDS,)):
    return headline.markdown(list(records), tables, list(claims))


def test_numbers_as_printed_are_none_of_them_worse():
    tables = {name: [cell(one) for one in grid.cells(name)] for name in grid.TABLES}
    assert "Of 54 numbers, 54 are as good as published or better, 0 worse by" in text(
        tables
    )
    assert "and 0 worse by more." in text(tables)


def test_worse_is_higher_for_losses_and_lower_for_shares():
    # Published: nELBO 360.20 ± 19.67, ACC .96 ± 0, SE 28.84 ± 1.11, mIoU .61 ± 0.
    changed = cell("table1/asr-13", nelbo=399.0, acc=0.954, se=31.07, miou=0.9)
    found = text({"table1": [changed, Cell("table1/asr-14")]})
    assert "Of 4 numbers, 1 are as good as published or better, 1 worse by" in found
    assert (
        "and 2 worse by more:\n  - AIR-ASR-13: ACC 0.95 (published 0.96 ± 0.00), "
        in (found)
    )
    assert found.count("SE 31.07 (published 28.84 ± 1.11)") == 1
    # Differences that the printed digits do not show are none.
    same = cell("table1/asr-13", nelbo=360.204, acc=0.9551)
    assert "4 are as good" in text({"table1": [same]})


def test_only_runs_of_the_protocol_count_as_done():
    others = [{"epochs": 299}, {"seed": 3}, {"variant": "released"}]
    others.append({"status": "failed"})
    records = [RECORD | change | {"wall_seconds": 3600.0} for change in ({}, *others)]
    found = text({"table1": [Cell("table1/asr-13")]}, records)
    assert "Of the 3 runs" in found and "1 are done" in found
    assert "All 5 runs here took 5.0 hours" in found
    assert "numbers" not in found


def test_claims_are_told_by_verdict_and_once():
    found = text({}, claims=(HOLDS, FAILS, FAILS))
    assert "holds: 1; does not hold: 2." in found
    assert judging.UNDECIDED not in found
