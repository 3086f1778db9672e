"""The search of the weights: declared runs, separate from the tables' own."""

import json

import synthetic
from run_support import configuration_of

from reproduce import command_line, files, grid, grid_command, sensitivity


def call(*words):
    return command_line.main(sensitivity.define, sensitivity.body, list(words))


def test_the_paper_s_weights_are_declared_once_each():
    number = sensitivity.weights("number")
    assert sorted(number) == [(a, b) for a in (1, 10, 100) for b in (1, 10, 100)]
    overlap = sensitivity.weights("overlap")
    chosen = (1, 1, 20, 10)
    assert len(overlap) == len(set(overlap)) == 13 and chosen in overlap
    for point in overlap:
        assert sum(a != b for a, b in zip(point, chosen, strict=True)) <= 1


def test_other_weights_are_variants_and_the_chosen_ones_the_table_s():
    protocol = grid.Protocol(epochs=5)
    for search in sensitivity.SEARCHES:
        variants = [
            grid.configuration(run, protocol).variant
            for run in sensitivity.comparison(search).runs(0)
        ]
        assert len(set(variants)) == len(variants) and variants.count("paper") == 1


def test_list_has_self_contained_commands(capsys):
    assert call("--list", "--epochs", "5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 + 13
    assert all("--epochs 5" in line for line in lines)
    assert "--number_image_weight 1.0 --number_marginal_weight 1.0" in lines[0]


def test_the_table_shows_values_and_what_is_missing(results, capsys):
    for seed, nelbo in enumerate((300.0, 310.0)):
        synthetic.write(
            results, "table1/asr-13", seed, 5, nelbo=nelbo, number_image_weight=1.0
        )
    synthetic.write(results, "table1/asr-13", 0, 5)
    synthetic.write(results, "table1/asr-13", 0, 300, nelbo=1.0)  # alone in its length
    assert call("--seeds", "0,1", "--results", str(results)) == 0
    page = (files.OUTPUTS / "sensitivity.md").read_text()
    assert (
        "| 1 | 100 | 305.00 ± 7.07 | 30.00 | 0.97 | 0.70 | 5 | 2 (0, 1) |"
        in page.replace("30.00 ± 0.00", "30.00")
        .replace("0.97 ± 0.00", "0.97")
        .replace("0.70 ± 0.00", "0.70")
    )
    assert "| **10** | **100** | 350.00" in page
    assert "7 rows missing" in page and "13 rows missing" in page
    rows = json.loads((files.OUTPUTS / "sensitivity.json").read_text())
    assert [row["metrics"] is None for row in rows["number"]].count(False) == 2
    assert all(row["metrics"] is None for row in rows["overlap"])


def test_the_plain_call_writes_results(results, capsys):
    assert call("--results", str(results)) == 0
    assert (results / "sensitivity.md").exists()
    assert capsys.readouterr().out.count("missing") > 20


def test_train_trains_only_what_has_no_record(results, monkeypatch, capsys):
    synthetic.write(results, "table1/asr-13", 0, 5)
    trained = []
    monkeypatch.setattr(
        grid_command,
        "train",
        lambda values, protocol, runs: trained.extend(runs) or [],
    )
    words = ("--train", "--epochs", "5", "--searches", "number")
    assert call(*words, "--results", str(results)) == 0
    assert len(trained) == 8 and all(run.changes for run in trained)


def test_a_run_s_words_reach_its_configuration():
    """What --list prints is parsed back to the same configuration."""
    protocol = grid.Protocol(epochs=5)
    for declared in sensitivity.comparison("overlap").runs(0):
        found = configuration_of(*grid.arguments(declared, protocol)[2:])
        assert found == grid.configuration(declared, protocol)


def test_bad_input_is_one_line(capsys):
    assert call("--searches", "size") == 2
    assert capsys.readouterr().err.count("\n") == 1
