"""What stands behind a table's numbers comes from records and histories."""

import pytest
import synthetic

from reproduce import cells, details, grid, history, records
from reproduce.configuration import preset_configuration


def write(results, experiment, seed, nelbos, **metrics):
    """A record whose history has these nELBOs, of training twice those of testing."""
    configuration = preset_configuration(experiment, seed=seed, epochs=len(nelbos))
    record, rows = synthetic.record_of(configuration, nelbo=nelbos[-1], **metrics)
    for row, nelbo in zip(rows, nelbos, strict=True):
        row |= {"test_nelbo": nelbo, "train_nelbo": 2 * nelbo}
    folder = records.run_folder(results, configuration)
    records.write_record(folder, record, rows)
    return folder


def page(results, table):
    experiments = grid.table_experiments(table)
    found = cells.collect(experiments, grid.Protocol(results=results))
    return details.markdown(table, found, results)


def columns(text):
    """The cells of each row by the header's names."""
    lines = [
        [c.strip() for c in line.strip("|").split("|")] for line in text.split("\n")
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_means_over_the_seeds_of_terms_training_and_best_epoch(tmp_path):
    write(tmp_path, "table1/asr-13", 0, [300.0, 100.0, 200.0], kl_scale=4.0)
    histogram = [0, 500, 0, 496, 4, 0, 0]
    write(
        *(tmp_path, "table1/asr-13", 1, [90.0, 150.0, 220.0]),
        kl_scale=6.0,
        count_histogram=histogram,
    )
    (row,) = columns(page(tmp_path, "table1"))
    assert row[""] == "AIR-ASR-13" and row["epochs"] == "3"
    assert row["nELBO"] == "210.0" and row["KL(z_scale)"] == "5.0"
    assert row["training nELBO"] == "420.0"
    assert row["last 5 epochs"] == "176.7 (90 to 300)"
    assert row["lowest"] == "95.0 (epoch 2, 1)"
    # 1000 of 2000 and 500 of 1000 scenes; four scenes are too few to name.
    assert row["inferred counts (share of the scenes)"] == "1: 50%, 3: 50%"


def test_table_2_shows_overlaps_in_samples(tmp_path):
    write(
        *(tmp_path, "table2/air-mnist", 0, [9.0]),
        overlapping_pairs_in_samples=0.125,
    )
    (row,) = columns(page(tmp_path, "table2"))
    assert row["overlapping pairs in samples"] == "12.5%" and row["IoU + 1"] == "0.75"


def test_the_reported_epoch_is_named_if_it_is_not_the_last(tmp_path):
    configuration = preset_configuration("table1/asr-13", "released", epochs=3)
    record, rows = synthetic.record_of(configuration)
    folder = records.run_folder(tmp_path, configuration)
    records.write_record(folder, record | {"reported_epoch": 2}, rows)
    released = grid.Protocol(results=tmp_path, preset="released")
    found = cells.collect(["table1/asr-13"], released)
    (row,) = columns(details.markdown("table1", found, tmp_path))
    assert row["epochs"] == "3 (reported: 2)"


def test_no_runs_no_page(tmp_path):
    assert page(tmp_path, "table1") == ""


def test_a_history_that_was_changed_is_refused(tmp_path):
    folder = write(tmp_path, "table1/air-13", 0, [3.0, 2.0])
    found = cells.collect(["table1/air-13"], grid.Protocol(results=tmp_path))
    rows = records.read_history(folder)
    rows[0]["test_nelbo"] = 1.0
    (folder / "history.csv").write_bytes(history.format(rows))
    with pytest.raises(records.RecordError, match="history.csv"):
        details.markdown("table1", found, tmp_path)
