"""The report is made of the records, the tables and the observations."""

import statistics

import picture_support
import synthetic

from reproduce import report
from reproduce.command_line import main


def write_report(folder):
    assert main(report.define, report.body, ["--results", str(folder)]) == 0
    return (folder / "README.md").read_text("utf-8")


def test_report_counts_full_runs_and_lists_every_run(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", seed=0, epochs=300)
    synthetic.write(tmp_path, "table1/asr-13", seed=1, epochs=4, digest="other")
    # None of the table's own: other options, preset, digits, seed.
    synthetic.write(tmp_path, "table1/air-13", epochs=300, scale_prior="learned")
    synthetic.write(tmp_path, "table1/air-13", epochs=300, preset="released")
    synthetic.write(tmp_path, "table1/air-13", epochs=300, digits="rendered")
    synthetic.write(tmp_path, "table1/air-13", epochs=300, seed=7)
    text = write_report(tmp_path)
    assert "(300 epochs, seeds 0 to 2), 1 are done" in text
    assert text.count("| table1/asr-13 |") == 2
    assert "| paper+scale_prior=learned | 0 | 300 |" in text
    assert text.count("| multi_mnist, [1, 3] | test | 100 |") == 2  # two digests


def test_smoke_runs_are_left_out(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", epochs=4)
    synthetic.write(tmp_path, "table1/air-13", epochs=2, smoke=True, test_images=128)
    text = write_report(tmp_path)
    assert "All 1 runs here" in text and "| table1/air-13 |" not in text


def test_report_takes_over_tables_figures_and_observations(tmp_path):
    claims = "## The paper's claims\n\n- twice\n"
    (tmp_path / "table1.md").write_text(f"# Table 1\n\nrows\n\n## Notes\n\n{claims}")
    (tmp_path / "table1-released.md").write_text(f"# Code\n\ncells\n\n{claims}")
    (tmp_path / "observations.md").write_text("# Observations\n\nSomething failed.\n")
    (tmp_path / "figures").mkdir()
    curves = ("curves-table1-24", "curves-table2-dsprites")
    for name in ("figure4", "figure4-dsprites", *curves):
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"")
    (tmp_path / "ablations.md").write_text("# Ablations\n\n## Sprites\n")
    assert "(sensitivity.md)" not in write_report(tmp_path)
    (tmp_path / "sensitivity.md").write_text("# Sensitivity\n")
    text = write_report(tmp_path)
    assert "(sensitivity.md)" in text
    assert "\n## Table 1\n\nrows\n\n### Notes" in text and "twice" not in text
    assert "\n## Code\n\ncells\n" in text
    assert "\n## Observations\n\nSomething failed." in text
    assert "(figures/figure4.png)" in text and "figure5" not in text
    assert "`bash reproduce/figure4.sh --settings dsprites`" in text
    assert "Number of objects, 2 or 4 digits, by epoch" in text
    assert "three objects, Multi-dSprites, by epoch" in text
    assert "\n## Ablations\n\n### Sprites" in text


def test_a_run_of_an_exported_program_is_listed_by_its_jax(tmp_path):
    packages = {"jax": "0.10.2", "jaxlib": "0.10.2", "numpy": "2.4.6"}
    synthetic.write(tmp_path, "table1/asr-13", packages=packages)
    synthetic.write(tmp_path, "table1/asr-14")
    text = write_report(tmp_path)
    assert "| JAX 0.10.2 |\n" in text and "| TensorFlow 2.0 |\n" in text


def test_what_all_runs_have_in_common_is_told_once(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", epochs=4)
    runs = write_report(tmp_path).partition("\n## Runs\n")[2]
    assert "| 0 | 4 | complete |" in runs and "The same in all runs" not in runs
    synthetic.write(tmp_path, "table1/asr-14", epochs=5)
    runs = write_report(tmp_path).partition("\n## Runs\n")[2]
    assert "| run | variant | epochs |\n" in runs
    assert "| table1/asr-13 | paper | 4 |\n" in runs
    same = "The same in all runs: seed 0, state complete, parameters 1,234,567, time"
    assert same in runs and "threads 1" in runs and "library TensorFlow 2.0" in runs


def test_scenes_of_the_released_preset_are_named(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13")
    assert "split off" not in write_report(tmp_path).partition("## Data")[2]
    synthetic.write(tmp_path, "table1/asr-13", preset="released", digest="other")
    data = write_report(tmp_path).partition("## Data")[2]
    assert "| multi_mnist, [1, 3] | test |" in data
    assert "| multi_mnist, [1, 3] (preset released) | test |" in data
    assert "test scenes are split off the shuffled training scenes" in data


def test_the_numbers_behind_both_presets_are_shown(tmp_path):
    synthetic.write(tmp_path, "table1/asr-13", preset="released")
    text = write_report(tmp_path)
    assert "### Behind the numbers of Table 1 (preset released)\n\n|  | epochs" in text
    assert "### Behind the numbers of Table 1\n" not in text


def test_rows_without_a_run_are_counted_beside_the_link_to_the_search(tmp_path):
    (tmp_path / "sensitivity.md").write_text("# Sensitivity\n")
    for experiment in ("table1/asr-13", "table2/asr-mnist"):
        synthetic.write(tmp_path, experiment, epochs=4)
    synthetic.write(tmp_path, "table1/asr-13", epochs=4, number_image_weight=1.0)
    text = write_report(tmp_path)
    assert (
        "[sensitivity.md](sensitivity.md) (19 of its 22 rows have no run yet)" in text
    )


def test_figure_5_says_where_its_sizes_come_from(tmp_path):
    picture_support.write(tmp_path, "table2/asr-dsprites", side=64)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/figure5.png").write_bytes(b"")
    text = write_report(tmp_path)
    boxes = picture_support.arrays(64)["boxes"]
    counts = picture_support.arrays(64)["counts"]
    sides = [b[2] for scene, n in zip(boxes, counts, strict=True) for b in scene[:n]]
    median = round(statistics.median(sides))
    assert f"the prior of z_scale (median about {median} pixels), not from" in text
    # Without the arrays nothing is said.
    (tmp_path / "runs/table2/asr-dsprites/paper-4ep-seed0/figure.npz").unlink()
    text = write_report(tmp_path)
    assert "Figure 5: samples" in text and "prior of z_scale (" not in text


def test_observations_that_are_no_text_are_named(tmp_path, capsys):
    synthetic.write(tmp_path, "table1/asr-13")
    (tmp_path / "observations.md").write_bytes(b"caf\xe9")
    assert main(report.define, report.body, ["--results", str(tmp_path)]) == 2
    assert "observations.md: not text in UTF-8" in capsys.readouterr().err


def test_a_damaged_record_is_named(tmp_path, capsys):
    folder = synthetic.write(tmp_path, "table1/asr-13")
    (folder / "record.json").write_text("{")
    assert main(report.define, report.body, ["--results", str(tmp_path)]) == 2
    assert folder.name in capsys.readouterr().err


def test_the_claims_come_in_the_order_of_their_numbers(tmp_path):
    synthetic.write(tmp_path, "table2/pprior-mnist", epochs=5, nelbo=340.0)
    synthetic.write(tmp_path, "table2/asr-mnist", epochs=5)
    text = write_report(tmp_path)
    judged = text.partition("\n## The paper's claims\n")[2]
    lines = [line for line in judged.split("\n") if line.startswith("| ")]
    numbers = [line.split()[1] for line in lines[1:11]]
    assert numbers == [
        "1.",
        "1b.",
        "2.",
        "2b.",
        "3.",
        "4.",
        "5.",
        "6.",
        "7.",
        "8.",
    ]
    assert "published one | Table 1 and Table 2 | **not enough runs**" in text
    verdict = "| Table 2 | **does not hold so far** | 1 of 3 comparisons | short runs"
    assert f"{verdict} (5 of 300 epochs)" in text
    assert "- 5. Table 2:\n  - nELBO AIR-pPrior 340.00 against AIR-ASR" in text
    assert "### Behind the numbers of Table 2\n\n|  | epochs |" in text
    assert "Behind the numbers of Table 1" not in text
