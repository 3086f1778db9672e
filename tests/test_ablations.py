"""Ablations: declared variants, and longer runs that stand for shorter ones."""

import json

import numpy as np
import picture_support
import pytest
import synthetic
from matplotlib.figure import Figure
from run_support import configuration_of

from reproduce import (
    ablations,
    command_line,
    drawing,
    files,
    grid,
    grid_command,
    variants,
)

PROTOCOL = grid.Protocol(epochs=20)


def call(*words):
    return command_line.main(ablations.define, ablations.body, list(words))


def configurations(name, preset="paper"):
    """The configuration of each row, by its label."""
    comparison = ablations.comparison(name, preset)
    protocol = grid.Protocol(epochs=20, preset=preset)
    return {
        row.labels[0]: grid.configuration(run, protocol)
        for row, run in zip(comparison.rows, comparison.runs(0), strict=True)
    }


def test_each_row_changes_what_its_label_says():
    number = configurations("number")
    assert number["none"].variant == "paper"
    concrete = number["Concrete z_pres"]
    assert concrete.changed == {
        "presence": "concrete",
        "temperature": 0.1,
        "stop_threshold": 0.9,
    }
    assert number["learned scale prior"].changed == {"scale_prior": "learned"}
    assert number["learning rate 0.0001"].changed == {"learning_rate": 1e-4}
    overlap = configurations("overlap")["Concrete z_pres"]
    assert (overlap.fixed_count, overlap.fixed_count_log_odds) == (None, 100.0)
    assert overlap.steps == 6 and overlap.counts == (3,)


def test_what_the_preset_has_already_is_no_row():
    assert list(configurations("number", "released")) == ["none", "learned scale prior"]


@pytest.mark.parametrize("name", ablations.EXPERIMENTS)
def test_a_run_s_words_reach_its_configuration(name):
    for declared in ablations.comparison(name).runs(0):
        found = configuration_of(*grid.arguments(declared, PROTOCOL)[2:])
        assert found == grid.configuration(declared, PROTOCOL)


def test_values_of_every_kind_reach_the_configuration():
    """A switch takes no word of its own, and a tuple is joined by commas."""
    changes = {"counts": (2, 4), "early_end": False, "hidden_sees_location": True}
    changes |= {"init_seed": 7, "learning_rate": 3e-4, "count_rule": "sampled"}
    declared = grid.Run("table1/asr-13", 1, tuple(changes.items()))
    found = configuration_of(*grid.arguments(declared, PROTOCOL)[2:])
    assert found == grid.configuration(declared, PROTOCOL) and found.changed == changes


def test_a_longer_run_stands_for_a_shorter_one(results, capsys):
    """Its history at the shorter run's last epoch is shown, and that it is said."""
    picture_support.write(results, "table1/asr-13", epochs=9, nelbo=300.0)
    picture_support.write(
        results, "table1/asr-13", epochs=5, nelbo=320.0, learning_rate=1e-4
    )
    picture_support.write(results, "table1/asr-13", epochs=4, scale_prior="learned")
    words = ("--comparisons", "number", "--results", str(results))
    assert call(*words, "--epochs", "5") == 0
    page = (files.OUTPUTS / "ablations.md").read_text()
    assert "| **none** | 300.00 | 30.00 | 0.97 | 0.70 | 5 | 1 (0) |" in page
    assert "| learning rate 0.0001 | 320.00 " in page
    assert "| learned scale prior | missing " in page  # one epoch short
    assert "Runs of 9 epochs are shown as they were after fewer." in page
    rows = json.loads((files.OUTPUTS / "ablations.json").read_text())["number"]
    assert rows[0]["metrics"]["se"] == {"mean": 30.0, "std": None, "runs": [30.0]}
    assert rows[0]["epochs"] == 5 and rows[2]["metrics"] is None


def test_pictures_show_the_same_scenes_for_each_row_with_a_run(
    results, monkeypatch, capsys
):
    picture_support.write(results, "table1/asr-13", epochs=9)
    folder = picture_support.write(
        results, "table1/asr-13", epochs=5, learning_rate=1e-4, seed=0
    )
    pages = []
    monkeypatch.setattr(
        drawing, "page", lambda *arguments: pages.append(arguments) or Figure()
    )
    assert call("--results", str(results), "--epochs", "5") == 0
    (panels, side, caption, _, colours), arrays = pages[0], picture_support.arrays()
    assert len(pages) == 1 and side == 50 and colours == arrays["counts"][:12].max()
    assert [p.title for p in panels] == ["input", "(a)\n9 epochs", "(b)\n5 epochs"]
    assert "(a) no change; (b) learning rate 0.0001." in " ".join(caption)
    assert "5, 9 of the paper's 300 epochs" in caption[-1]
    for panel, images in zip(
        panels, ("images", "reconstructions", "reconstructions"), strict=True
    ):
        shown = [scene.image for row in panel.rows for scene in row]
        np.testing.assert_array_equal(shown, arrays[images][:12])
    assert "](figures/ablations-number.png)" in capsys.readouterr().out
    (folder / "figure.npz").unlink()
    assert call("--results", str(results), "--epochs", "5") == 2
    assert "figure.npz" in capsys.readouterr().err


def test_the_length_is_the_longest_that_fills_most_rows(results):
    protocol = grid.Protocol(results=results)
    comparison = ablations.comparison("number")

    def lengths():
        found = variants.collect(comparison, (0,), protocol, None)
        return [cell.epochs for cell in found]

    synthetic.write(results, "table1/asr-13", epochs=9)
    assert lengths() == [9, None, None, None, None]
    synthetic.write(results, "table1/asr-13", epochs=5, learning_rate=1e-4)
    assert lengths() == [5, None, None, None, 5]
    synthetic.write(results, "table1/asr-13", epochs=7, scale_prior="learned")
    assert lengths() == [5, None, 5, None, 5]
    synthetic.write(results, "table1/asr-13", epochs=7, learning_rate=1e-4)
    assert lengths() == [7, None, 7, None, 7]


def test_a_run_of_the_length_itself_is_preferred(results):
    synthetic.write(results, "table1/asr-13", epochs=9, nelbo=300.0)
    synthetic.write(results, "table1/asr-13", epochs=5, nelbo=310.0)
    comparison = ablations.comparison("number")
    protocol = grid.Protocol(results=results)
    cell = variants.collect(comparison, (0,), protocol, 5)[0]
    assert cell.mean("nelbo") == 310.0


def test_a_run_that_reports_its_best_epoch_stands_for_no_other(results):
    synthetic.write(results, "table1/asr-13", epochs=9, preset="released")
    comparison = ablations.comparison("number", "released")
    protocol = grid.Protocol(results=results, preset="released")
    assert not variants.collect(comparison, (0,), protocol, 5)[0].complete
    assert variants.collect(comparison, (0,), protocol, 9)[0].complete


def test_train_trains_only_what_no_run_stands_for(results, monkeypatch):
    picture_support.write(results, "table1/asr-13", epochs=9)
    trained = []
    monkeypatch.setattr(
        grid_command,
        "train",
        lambda values, protocol, runs: trained.extend(runs) or [],
    )
    words = ("--train", "--epochs", "5", "--comparisons", "number")
    assert call(*words, "--results", str(results)) == 0
    assert len(trained) == 4 and all(run.changes for run in trained)


def test_the_plain_call_writes_results(results, capsys):
    assert call("--results", str(results)) == 0
    assert (results / "ablations.json").exists()
    assert capsys.readouterr().out.count("5 rows missing") == 3


def test_a_page_names_the_call_that_wrote_it(results):
    assert call("--results", str(results), "--preset", "released") == 0
    page = (results / "ablations-released.md").read_text()
    command = f"bash reproduce/ablations.sh --preset released --results {results}"
    assert f"Written by `{command}`; `--train` trains what is missing." in page


@pytest.mark.parametrize(
    "words", [["--comparisons", "number,overlap,sprites"], ["--seeds", "0"]]
)
def test_a_call_that_selects_is_a_part(words, results):
    """Even if it selects what the plain call has."""
    assert call(*words, "--results", str(results)) == 0
    assert (files.OUTPUTS / "ablations.md").exists() and not any(results.iterdir())


def test_bad_input_is_one_line(capsys):
    assert call("--comparisons", "size") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    assert call("--results", str(tmp_path / "resluts")) == 2
    assert "--results: there is no folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
