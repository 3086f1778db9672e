"""Run records: written whole, found again, refused when anything disagrees."""

import contextlib
import errno
import json
import os
import stat

import pytest
import synthetic

from reproduce import files, records
from reproduce.configuration import preset_configuration

EXPERIMENT = "table1/asr-13"


@pytest.fixture
def folder(tmp_path):
    return synthetic.write(tmp_path, EXPERIMENT, epochs=3)


def edit(folder, **fields):
    """Changes fields of record.json by hand, as a text editor would."""
    file = folder / "record.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_folder_is_the_one_that_readers_are_told(folder, tmp_path):
    expected = tmp_path / "runs/table1/asr-13/paper-3ep-seed0"
    assert folder == expected and expected.is_dir()


def test_a_record_is_read_back_as_written(folder):
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    written, _ = synthetic.record_of(configuration)
    read = records.read_record(folder)
    assert {name: read[name] for name in written} == written
    assert read["format"] == 1
    assert read["configuration_digest"] == configuration.digest
    assert records.configuration_of(read) == configuration


def test_history_is_read_back_exactly(tmp_path):
    configuration = preset_configuration(EXPERIMENT, epochs=2)
    nelbo = 1.0 / 3.0 + 1e-15
    record, history = synthetic.record_of(configuration, nelbo=nelbo)
    history[0]["test_extra"], history[1]["test_extra"] = None, 1e-300
    folder = records.run_folder(tmp_path, configuration)
    records.write_record(folder, record, history)
    assert records.read_history(folder) == history


def test_changed_options_and_digits_have_folders_of_their_own(tmp_path):
    synthetic.write(tmp_path, EXPERIMENT, epochs=3)
    synthetic.write(tmp_path, EXPERIMENT, epochs=3, digits="rendered")
    synthetic.write(tmp_path, EXPERIMENT, epochs=3, number_image_weight=1.0)
    synthetic.write(tmp_path, EXPERIMENT, epochs=3, seed=1)
    names = [folder.name for folder in records.find(tmp_path, EXPERIMENT)]
    assert names == [
        "paper+digits=rendered-3ep-seed0",
        "paper+number_image_weight=1.0-3ep-seed0",
        "paper-3ep-seed0",
        "paper-3ep-seed1",
    ]
    plain = records.find(tmp_path, EXPERIMENT, variant="paper")
    assert [record["seed"] for record in plain.values()] == [0, 1]
    assert len(records.find(tmp_path, EXPERIMENT, variant="paper", seed=1)) == 1
    assert not records.find(tmp_path, EXPERIMENT, epochs=300)
    assert not records.find(tmp_path, "table1/air-13")


def test_a_run_that_has_not_ended_is_no_record(folder, tmp_path):
    (folder / "record.json").unlink()
    assert records.find(tmp_path, EXPERIMENT) == {}


def test_a_damaged_record_of_another_variant_does_no_harm(folder, tmp_path):
    other = synthetic.write(tmp_path, EXPERIMENT, epochs=3, digits="rendered")
    (other / "record.json").write_text("{")
    assert list(records.find(tmp_path, EXPERIMENT, variant="paper")) == [folder]
    with pytest.raises(records.RecordError):
        records.find(tmp_path, EXPERIMENT)


def test_an_option_added_later_keeps_old_records(folder):
    record = json.loads((folder / "record.json").read_text())
    del record["configuration"]["stop_threshold"]
    (folder / "record.json").unlink()
    record = {k: v for k, v in record.items() if k not in records.ADDED_FIELDS}
    records.write_record(folder, record, records.read_history(folder))
    configuration = records.configuration_of(records.read_record(folder))
    assert configuration.stop_threshold == 0.99


def truncate(folder):
    file = folder / "record.json"
    file.write_text(file.read_text()[:-40])


def empty(folder):
    (folder / "record.json").write_text("")


def binary(folder):
    (folder / "record.json").write_bytes(b"\xff\xfe\x00")


def foreign(folder):
    (folder / "record.json").write_text('{"rows": []}')


def a_list(folder):
    (folder / "record.json").write_text("[1]")


def other_format(folder):
    edit(folder, format=2)


def missing_field(folder):
    record = json.loads((folder / "record.json").read_text())
    del record["git"]
    (folder / "record.json").write_text(json.dumps(record))


def other_kind(folder):
    edit(folder, wall_seconds="long")


def edited_metric(folder):
    edit(folder, metrics={**synthetic.METRICS, "miou": 0.99})


def edited_unchecked_metric(folder):
    edit(folder, metrics={**synthetic.METRICS, "one_step_share": 0.0})


def edited_data_digest(folder):
    edit(folder, data_digest="e")


def edited_seed(folder):
    edit(folder, seed=1)


def edited_configuration(folder):
    record = json.loads((folder / "record.json").read_text())
    edit(folder, configuration={**record["configuration"], "learning_rate": 0.01})


def edited_configuration_and_digest(folder):
    configuration = preset_configuration(EXPERIMENT, epochs=3, learning_rate=0.01)
    edit(
        folder,
        configuration=configuration.to_json(),
        configuration_digest=configuration.digest,
    )


def other_status(folder):
    edit(folder, status="fine")


def moved(folder):
    os.rename(folder, folder.with_name("paper-3ep-seed2"))


def no_history(folder):
    (folder / "history.csv").unlink()


def edited_history(folder):
    file = folder / "history.csv"
    file.write_text(file.read_text().replace("1.5", "1.4"))


def short_history(folder):
    file = folder / "history.csv"
    file.write_text(file.read_text()[:-20])


def empty_history(folder):
    (folder / "history.csv").write_text("")


DAMAGES = {
    truncate: "cut short",
    empty: "cut short",
    binary: "not JSON",
    foreign: "not a run record",
    a_list: "not a run record",
    other_format: "format 2",
    missing_field: "'git'",
    other_kind: "wall_seconds",
    edited_metric: "miou is 0.99",
    edited_unchecked_metric: "was changed after",
    edited_data_digest: "was changed after",
    edited_seed: "seed is 1",
    edited_configuration: "does not agree with its digest",
    edited_configuration_and_digest: "the configuration says",
    other_status: "status",
    moved: "belongs to table1/asr-13/paper-3ep-seed0",
    no_history: "history.csv: No such file",
    edited_history: "not the one that the record was made from",
    short_history: "not the one that the record was made from",
    empty_history: "not the one that the record was made from",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_record_is_refused_by_name(folder, damage):
    records.read_record(folder)  # good so far
    damage(folder)
    folder = next(folder.parent.glob("paper-3ep-seed*"))
    with pytest.raises(records.RecordError) as caught:
        records.read_record(folder)
    message = str(caught.value)
    assert DAMAGES[damage] in message
    assert files.shown(folder) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "history, reason",
    [
        (lambda rows: rows[:-1], "2 of 3 epochs"),
        (lambda rows: [rows[0], rows[2], rows[1]], "count the epochs"),
        (lambda rows: rows[:-1] + [{**rows[-1], "test_se": 31.0}], "se is 30.0"),
        (lambda rows: [{**row, "test_nelbo": None} for row in rows], "nelbo"),
        (
            lambda rows: [{**row, "train_loss": float("nan")} for row in rows],
            "not finite",
        ),
    ],
)
def test_a_record_that_disagrees_with_its_history_is_not_written(
    tmp_path, history, reason
):
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    record, rows = synthetic.record_of(configuration)
    folder = records.run_folder(tmp_path, configuration)
    with pytest.raises(records.RecordError, match=reason):
        records.write_record(folder, record, history(rows))
    assert not folder.exists()


def test_a_value_that_is_not_finite_is_not_written(tmp_path):
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    record, rows = synthetic.record_of(configuration, kl_scale=float("inf"))
    with pytest.raises(records.RecordError, match="not finite"):
        records.write_record(records.run_folder(tmp_path, configuration), record, rows)


def test_the_metrics_of_the_reported_epoch_are_compared(tmp_path):
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    record, rows = synthetic.record_of(configuration)
    rows[2]["test_nelbo"] = 999.0
    record["reported_epoch"] = 2
    folder = records.run_folder(tmp_path, configuration)
    records.write_record(folder, record, rows)
    assert records.read_record(folder)["reported_epoch"] == 2


def test_a_failed_run_keeps_its_reason(tmp_path):
    folder = synthetic.write(tmp_path, EXPERIMENT, status="failed")
    record = records.read_record(folder)
    assert record["status"] == "failed" and "kl_scale" in record["failure"]


def test_a_run_killed_between_the_two_files_has_not_ended(folder, monkeypatch):
    """Retraining over a record and dying in the middle leaves no contradiction."""
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    record, rows = synthetic.record_of(configuration, nelbo=123.0)

    def killed(source, target):
        if str(target).endswith("record.json"):
            raise KeyboardInterrupt
        real(source, target)

    real = os.replace
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        records.write_record(folder, record, rows)
    monkeypatch.undo()
    results = folder.parents[3]
    assert records.find(results, EXPERIMENT) == {}
    records.write_record(folder, record, rows)
    assert records.find(results, EXPERIMENT)[folder]["metrics"]["nelbo"] == 123.0


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "table.json"
    files.write_atomically(file, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        files.write_atomically(file, "new")
    assert caught.value.filename == str(file)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]


@pytest.mark.parametrize(
    "fault, told", [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_a_folder_that_cannot_be_forced_to_the_disk(tmp_path, monkeypatch, fault, told):
    """Network file systems refuse it: the file is whole all the same."""
    force = os.fsync

    def only_files(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(fault, os.strerror(fault))
        force(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    with pytest.raises(OSError) if told else contextlib.nullcontext():
        files.write_atomically(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"
