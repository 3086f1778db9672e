"""Bad input of every kind to the real commands: one line, exit code 2, nothing lost.

Each case goes through `command_line.main` as a user's call would, in this process.
Here are the flags of `reproduce.run`, folders, and records that `reproduce.table`
refuses; in test_bad_files the files and constraints that a run meets. What all
commands share is in test_command_line, the table's flags in test_table_command.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest
import synthetic
from bad_input_support import EXPERIMENT, SMALL, call, check

from reproduce import checkpoint, command_line, files, grid_command, run, table
from reproduce.configuration import Configuration, preset_configuration

# Flags of `reproduce.run`: refused before anything is loaded or written.

RUN = {
    (): "--experiment: a value is missing; allowed: table1/air-13, ",
    ("--experiment", "table3/air-13"): "--experiment: 'table3/air-13' is not allowed",
    ("--experiment", "table1/asr"): "--experiment: 'table1/asr'",
    ("--experiment", "table1/vae-13"): "allowed: table1/air-13",
    ("--experiment", "table1/asr-mnist"): "--experiment: 'table1/asr-mnist'",
    ("--experiment", ""): "--experiment: ''",
    ("--experimnt", EXPERIMENT): "did you mean --experiment?",
    (
        "--epochs",
        "0",
    ): "--epochs: '0' is not allowed; allowed: an integer of at least 1",
    ("--epochs", "-1"): "--epochs: '-1'",
    ("--epochs", "1e3"): "--epochs: '1e3'",
    ("--epochs",): "--epochs: a value is missing",
    ("--seed", "-1"): "--seed: '-1' is not allowed; allowed: an integer from 0 to",
    ("--seed", "2147483648"): "allowed: an integer from 0 to 2147483647",
    ("--seed", "0.5"): "--seed: '0.5'",
    ("--seed", "one"): "--seed: 'one'",
    ("--seeds", "0,1"): "--seeds: there is no such option; did you mean --seed?",
    ("--preset", "code"): "--preset: 'code' is not allowed; allowed: paper, released",
    ("--threads", "0"): "--threads: '0'",
    ("--digits", "svhn"): "--digits: 'svhn' is not allowed; allowed: mnist, rendered",
    ("--digits", "none"): "--digits: none is not allowed with --dataset multi_mnist; "
    "allowed: mnist, rendered",
    ("--dataset", "multi_dsprites"): "--digits: mnist is not allowed with --dataset "
    "multi_dsprites; allowed: none",
    ("--test_split", "shuffled", "--test_images", "40000"): "--test_images: 40000 is "
    "not allowed; the test scenes are split off the 40000 training scenes",
    ("--dataset", "mnist"): "allowed: multi_mnist, multi_dsprites",
    ("--counts", "1,7"): "--counts: (1, 7) is not allowed; at most --steps 6",
    ("--counts", "1,3", "--steps", "2"): "at most --steps 2 objects are inferred",
    ("--counts", "-1"): "--counts: '-1'",
    ("--counts", "1,1"): "each once",
    ("--counts", "1.5"): "--counts: '1.5'",
    ("--steps", "0"): "--steps: '0' is not allowed; allowed: an integer from 1 to 20",
    ("--steps", "21"): "--steps: '21'",
    ("--fixed_count", "2"): "--fixed_count: 2 is not allowed with --counts (1, 3)",
    ("--object_scale", "0"): "--object_scale: '0'",
    ("--object_scale", "1.5"): "allowed: a number from 0.1 to 1.0",
    ("--train_images", "0"): "--train_images: '0'",
    ("--batch_size", "0"): "--batch_size: '0'",
    ("--batch_size", "40001"): "--batch_size: 40001 is not allowed; use at most",
    ("--number_image_weight", "-1"): "--number_image_weight: '-1'",
    ("--number_marginal_weight", "nan"): "--number_marginal_weight: 'nan'",
    ("--learning_rate", "none"): "--learning_rate: 'none' is not allowed; allowed: a",
    ("--overlap_weight", "inf"): "--overlap_weight: 'inf'",
    ("--learning_rate", "0"): "--learning_rate: '0'",
    ("--learning_rate", "2"): "--learning_rate: '2'",
    ("--temperature", "0"): "--temperature: '0'",
    ("--clip_norm", "-0.5"): "--clip_norm: '-0.5'",
    ("--presence", "gumbel"): "allowed: exact, concrete",
    ("--smoke=2",): "--smoke: '2' is not allowed; allowed: --smoke, --nosmoke",
    ("--results", ""): "--results: ''",
    ("now",): "'now' is not an option",
}


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_a_run_with_a_bad_flag(words, tmp_path, folders, capsys, monkeypatch):
    monkeypatch.setattr(run, "_train", None)
    if words and words[0] not in ("--experiment", "--experimnt"):
        words = ("--experiment", EXPERIMENT, *words)
    expected = RUN.get(words) or RUN[words[2:]]
    check(capsys, call(run, *folders, *words), expected)
    assert list(tmp_path.iterdir()) == []


def test_none_is_offered_where_it_is_allowed_alone(capsys):
    offering = []
    for field in dataclasses.fields(Configuration):
        assert call(run, f"--{field.name}=?") == command_line.BAD_INPUT
        line = capsys.readouterr().err
        assert line.startswith(f"error: --{field.name}: '?' is not allowed; allowed: ")
        if line.endswith(" or none\n"):
            offering.append(field.name)
    assert offering == ["digits", "fixed_count", "init_seed"]


def test_retrain_with_a_missing_file_loses_nothing(folders, tmp_path, capsys):
    """Neither the record nor the checkpoint."""
    values = preset_configuration(EXPERIMENT, epochs=1)
    kept = checkpoint.folder_of(folders[folders.index("--checkpoints") + 1], values)
    results = folders[folders.index("--results") + 1]
    record = synthetic.write(Path(results), EXPERIMENT, epochs=1) / "record.json"
    kept.mkdir(parents=True)
    (kept / checkpoint.NAME).write_bytes(b"hours of work")
    before = record.read_bytes()
    words = ("--experiment", EXPERIMENT, "--epochs", "1", "--retrain", *folders)
    missing = str(tmp_path / "typo.npz")
    check(capsys, call(run, *words, "--mnist", missing), "typo.npz")
    assert record.read_bytes() == before
    assert (kept / checkpoint.NAME).read_bytes() == b"hours of work"


@pytest.mark.parametrize("flag", ["--results", "--checkpoints"])
def test_a_folder_that_is_a_file_is_told_before_training(flag, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("kept")
    others = {"--results": "--checkpoints", "--checkpoints": "--results"}
    words = (*SMALL, others[flag], str(tmp_path / "other"))
    for name in (file, file / "below"):
        line = f"{flag}: {file} is a file; allowed: a folder"
        check(capsys, call(run, *words, flag, str(name)), line)
    assert file.read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("flag", ["--results", "--checkpoints"])
def test_a_folder_that_cannot_be_written_to(flag, folders, capsys, monkeypatch):
    """Asked of the system, since the superuser could write anywhere."""
    refused = folders[folders.index(flag) + 1]
    os.mkdir(refused)
    monkeypatch.setattr(os, "access", lambda path, _: str(path) != refused)
    line = f"{flag}: {refused} cannot be written to; allowed: a folder that can"
    check(capsys, call(run, *SMALL, *folders), line)
    assert os.listdir(refused) == []


def test_a_file_system_without_locks(folders, capsys, monkeypatch):
    def no_locks(self, timeout=None):
        raise NotImplementedError("no flock")

    monkeypatch.setattr(run.filelock.FileLock, "acquire", no_locks)
    check(capsys, call(run, *SMALL, *folders), "--checkpoints: ", "no file locks")


# Records that the table refuses, by name.


def edited(folder, **fields):
    file = folder / "record.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def foreign_folder(folder):
    shutil.copytree(folder, folder.with_name("best"))


RECORDS = {
    "truncated": lambda f: os.truncate(f / "record.json", 99),
    "nested": lambda f: (f / "record.json").write_text("[" * 100_000),
    "configuration": lambda f: edited(f, configuration={}),
    "configuration digest": lambda f: edited(f, configuration_digest="0" * 64),
    "data digest": lambda f: edited(f, data_digest="0" * 64),
    "metric": lambda f: edited(f, metrics={**synthetic.METRICS, "nelbo": 1.0}),
    "word for a metric": lambda f: edited(
        f, metrics={**synthetic.METRICS, "nelbo": "low"}
    ),
    "no metrics": lambda f: edited(f, metrics=None),
    "failed as complete": lambda f: edited(f, status="failed"),
    "reported epoch": lambda f: edited(f, reported_epoch=9),
    "other version": lambda f: edited(f, format=0),
    "history gone": lambda f: (f / "history.csv").unlink(),
    "history edited": lambda f: (f / "history.csv").write_text("epoch\n1\n2\n"),
    "history truncated": lambda f: os.truncate(f / "history.csv", 30),
    "history empty": lambda f: os.truncate(f / "history.csv", 0),
    "folder": foreign_folder,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_table_refuses_a_record_that_disagrees(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(files, "OUTPUTS", tmp_path / "outputs")
    results = tmp_path / "results"
    folder = synthetic.write(results, EXPERIMENT, epochs=2)
    words = ("--results", str(results), "--notrain")
    assert call(table, *words) == 0
    written = (results / "table1.json").read_bytes()
    capsys.readouterr()
    RECORDS[name](folder)
    named = folder.with_name("best") if name == "folder" else folder
    check(capsys, call(table, *words), files.shown(named))
    assert (results / "table1.json").read_bytes() == written


def test_a_damaged_table_is_written_anew(tmp_path, capsys):
    synthetic.write(tmp_path, EXPERIMENT, epochs=2)
    words = ("--results", str(tmp_path), "--notrain")
    assert call(table, *words) == 0
    good = (tmp_path / "table1.json").read_bytes()
    for content in (b"", good[:50], b'{"rows": [{"metrics": 0}]}'):
        (tmp_path / "table1.json").write_bytes(content)
        assert call(table, *words) == 0
        assert (tmp_path / "table1.json").read_bytes() == good


def test_a_table_tells_an_unwritable_folder_before_training(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, _: False)
    monkeypatch.setattr(grid_command.pool, "run", None)
    line = "cannot be written to; allowed: a folder that can"
    check(capsys, call(table, "--results", str(tmp_path / "results")), line)
