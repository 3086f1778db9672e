"""The claims: each verdict from made-up runs, and from the printed numbers."""

import made_up
import numpy as np
import pandas
import pytest

from reproduce.experiments import grid, published
from reproduce.records import frame
from reproduce.tables import cells, claims


def run(experiment, seed, metrics, **fields):
    """A row of the frame, as `cells.select` gives it."""
    table, method, setting = grid.parts(experiment)
    values = made_up.METRICS | metrics
    return {
        **dict(table=table, method=method, setting=setting, preset="paper", seed=seed),
        **dict(epochs=300, status="complete", smoke=False, stale=False, digits="mnist"),
        **values,
        "nelbo_without_kl_presence": values["nelbo"] - values["kl_presence"],
        "record": {"environment": {}},
        "overlapping_pairs_in_samples_error": np.nan,
        **fields,
    }


def as_printed(table, metrics=(), **fields):
    """Three runs a cell with exactly the paper's means and deviations.

    `metrics` has changes by cell, such as {"asr-13": {"se": 99.0}}; `fields` changes of
    all rows.
    """
    metrics, rows = dict(metrics), []
    for experiment in grid.experiments(table):
        name = experiment.split("/")[1]
        for seed, step in enumerate((-1, 0, 1)):
            printed = published.published(experiment).items()
            values = {metric: mean + step * std for metric, (mean, std) in printed}
            if "pprior" in name:
                values |= {"one_step_share": 1.0, "mean_count": 1.0}
            separate = table == "table2" and "asr" in name
            values["overlapping_pairs_in_samples"] = 0.02 if separate else 0.4
            values |= metrics.get(name, {})
            own = {n: values.pop(n) for n in list(values) if n not in made_up.METRICS}
            rows.append(run(experiment, seed, values, **own, **fields))
    return pandas.DataFrame(rows)


NO_EPOCHS = pandas.DataFrame(columns=["folder", "epoch"])


def judged(table, runs):
    """The verdicts by number."""
    return {v.number: v for v in claims.judge(table, runs, NO_EPOCHS, ["paper"])}


@pytest.mark.parametrize("table", grid.TITLES)
def test_the_printed_numbers_support_the_papers_claims(table):
    found = judged(table, as_printed(table))
    assert {v.verdict for v in found.values()} == {"holds"}
    assert not any(v.notes or v.told for v in found.values())


SAME_SHARE = {"edges": [0, 10, 20, 30], "scenes": [100] * 3, "too_few": [9, 9, 9]}


@pytest.mark.parametrize(
    "number, metrics, told",
    [
        ("1", {"asr-24": {"se": 99.0}}, "AIR is better in SE on 24"),
        ("1", {"asr-13": {"acc": 0.95}}, "ACC of AIR-ASR is 0.95 on 13"),
        ("1", {"air-14": {"nelbo": 400.0}}, "AIR is better in nELBO on 14"),
        ("1b", {"air-14": {"kl_presence": 200.0}}, "AIR is better in nELBO without"),
        ("2", {"pprior-14": {"acc": 0.51}}, "it counts"),
        (
            "2b",
            {"pprior-13": {"one_step_share": 0.89, "mean_count": 2.5}},
            "2.50 on 13",
        ),
        (
            "3",
            {
                f"air-{s}": {"too_few_by_count": {s[1]: SAME_SHARE}}
                for s in ("13", "14")
            },
            "; 3 objects on 13: the same share at all distances",
        ),
        (
            "4",
            {"asr-mnist": {"miou": 0.4}},
            "on Multi-MNIST AIR-ASR has the highest mIoU, but",
        ),
        (
            "4",
            {"air-dsprites": {"miou": 0.9}},
            "on Multi-dSprites AIR has the highest mIoU",
        ),
        (
            "5",
            {"asr-mnist": {"nelbo": 200.0}},
            "nELBO is as good or better with AIR-ASR",
        ),
        ("5", {"asr-mnist": {"se": 41.5}}, "SE is as good or better with AIR-pPrior"),
        (
            "6",
            {"air-mnist": {"overlapping_pairs_in_samples": 0.01}},
            "AIR has the smallest on Multi-MNIST",
        ),
        (
            "6",
            {"air-mnist": {"overlapping_pairs_in_samples": 0.025}},
            "AIR-ASR has the smallest on Multi-MNIST within chance",
        ),
        (
            "7",
            {f"asr-{s}": {"nelbo": 350.0} for s in ("13", "14")},
            "AIR-ASR varies less",
        ),
        (
            "8",
            {
                f"air-{s}": {"nelbo": 999.0, "se": 99.0, "acc": 0.0}
                for s in ("13", "14")
            },
            "AIR-pPrior is better in nELBO (13, 14)",
        ),
    ],
)
def test_a_claim_that_does_not_hold_says_what_happened_instead(number, metrics, told):
    table = claims.CLAIMS[number]["tables"][0]
    found = judged(table, as_printed(table, metrics))[number]
    assert found.verdict == "does not hold"
    assert told in found.told and told in found.to_json()["evidence"]


def test_a_claim_that_holds_for_another_reason_says_so():
    six = {"acc": 0.0, "one_step_share": 0.0, "mean_count": 6.0}
    runs = as_printed("table1", {f"pprior-{s}": six for s in grid.SETTINGS["table1"]})
    found = judged("table1", runs)["2"]
    assert found.verdict == "holds"
    assert found.told.startswith("for another reason than the paper's")
    assert "13: 6.00, 14: 6.00, 24: 6.00" in found.told


def test_a_tie_for_the_best_is_told_and_holds():
    points = judged("table1", as_printed("table1"))["1"].points
    assert points[0].endswith(
        "mIoU AIR-ASR 0.61 against AIR 0.61 and AIR-pPrior 0.43 (a tie)"
    )


def test_scenes_of_each_count_are_judged_apart():
    """Where the counts are pooled, more objects mean closer pairs and more misses."""
    flat = {"edges": [0, 10, 20, 30], "scenes": [100, 50, 100], "too_few": [50, 25, 50]}
    rare = flat | {"too_few": [1, 0, 0]}
    falling = flat | {"too_few": [90, 20, 1]}
    by_count = {
        "air-14": {"too_few_by_count": {"4": rare}},
        "air-24": {"too_few_by_count": {"2": flat, "4": falling}},
    }
    points = judged("table1", as_printed("table1", by_count))["3"].points
    assert points[-3:] == (
        "14, 4 objects: 3 scenes with too few objects",
        "24, 2 objects: the same share at all distances, 50%",
        "24, 4 objects: 0-10 px 90%, 10-20 px 40%, 20-30 px 1% "
        "(rank correlation -1.00)",
    )


def test_the_standard_error_is_the_records_or_binomial():
    share = {"overlapping_pairs_in_samples": 0.5}
    error = share | {"overlapping_pairs_in_samples_error": 0.0123}
    runs = as_printed("table2", {"air-mnist": share, "pprior-mnist": error})
    text = judged("table2", runs)["6"].points[0]
    binomial = (0.25 / 3000) ** 0.5
    assert f"AIR 50.0% ± {binomial:.1%}" in text and "AIR-pPrior 50.0% ± 1.2%" in text


@pytest.mark.parametrize("table", grid.TITLES)
def test_what_is_missing_is_named(table):
    runs = as_printed(table)
    assert all(v.verdict == "not enough runs" for v in judged(table, runs[:0]).values())
    without = runs[runs.method != "pprior"]
    for verdict in judged(table, without).values():
        needs = "pprior" in verdict.claim.get("methods", ["pprior"])
        assert (verdict.verdict == "not enough runs") == needs
        assert not needs or "AIR-pPrior" in verdict.points[0]
    one = judged(table, runs[runs.seed == 0])["7"]
    assert one.verdict == "not enough runs" and "2 runs each of AIR" in one.points[0]
    smoke = judged(table, as_printed(table, smoke=True))
    assert {v.points for v in smoke.values()} == {("smoke runs judge nothing",)}


@pytest.mark.parametrize(
    "fields, note",
    [
        ({"epochs": 64}, "fewer than 300 epochs"),
        ({"stale": True}, cells.MARKS["↺"]),
        ({"digits": "rendered"}, cells.MARKS["§"]),
    ],
)
def test_runs_that_fall_short_are_noted(fields, note):
    found = judged("table1", as_printed("table1", **fields))["8"]
    assert found.notes == (note,) and found.words == "holds so far"


def test_failed_runs_are_left_out_and_noted():
    runs = as_printed("table1")
    runs.loc[runs.seed == 2, ["status", "nelbo"]] = ["failed", np.nan]
    found = judged("table1", runs)["8"]
    assert found.notes == (cells.MARKS["✗"],)


def test_methods_are_compared_after_as_many_epochs(tmp_path):
    """AIR-ASR has trained three times as long: at the others' length it is behind."""
    for experiment in grid.experiments("table2"):
        short = {"epochs": 100, "nelbo": 350.0, "miou": 0.5}
        long = {"epochs": 300, "nelbo": 200.0, "miou": 0.9}
        made_up.write(tmp_path, experiment, **(long if "asr" in experiment else short))
    frames = frame.load(tmp_path)
    selected = cells.select(frames.runs)
    found = cells.at_equal_length(selected, frames.epochs)
    assert set(found.epochs) == {100} and found.cut_from.dropna().tolist() == [300] * 2
    assert set(found.nelbo[found.method == "asr"]) == {400.0}  # 200 + 300 - 100
    kept = cells.at_equal_length(selected[selected.method == "asr"], frames.epochs)
    assert set(kept.epochs) == {300}  # with nothing to compare
    verdicts = claims.judge("table2", selected, frames.epochs, ["paper"])
    notes = {verdict.number: verdict.notes for verdict in verdicts}
    points = {verdict.number: verdict.points for verdict in verdicts}
    assert "nELBO AIR-pPrior 350.0 against AIR-ASR 400.0" in points["5"]
    assert "compared after 100 epochs, which all methods have reached" in notes["5"]
    assert "the methods' runs differ in length" in notes["6"]  # samples of their ends
    experiment = grid.experiments("table2")[0]
    made_up.write(tmp_path, experiment, 1, epochs=100, fields=made_up.failed())
    frames = frame.load(tmp_path)
    verdicts = claims.judge(
        "table2", cells.select(frames.runs), frames.epochs, ["paper"]
    )
    assert all(cells.MARKS["✗"] in v.notes for v in verdicts if v.number == "6")


@pytest.mark.parametrize("table", grid.TITLES)
def test_the_order_of_the_runs_does_not_matter(table):
    runs = as_printed(table)
    shuffled = runs.sample(frac=1, random_state=0)
    assert judged(table, runs) == judged(table, shuffled)
