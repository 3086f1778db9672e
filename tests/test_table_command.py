"""`python -m reproduce.table`, with a stub in place of the training command."""

import json
import os
import re
import sys
import textwrap

import pytest
import synthetic

from data import DataError
from reproduce import command_line, estimate, files, grid, grid_command, table

# Writes a record as a run would; fails or dies where a test asks for it.
STUB = """
    import dataclasses, os, sys
    import synthetic
    from reproduce import grid, records
    from reproduce.configuration import preset_configuration, smoke
    words = sys.argv[1:]
    value = lambda flag: words[words.index(flag) + 1]
    experiment, seed = value("--experiment"), int(value("--seed"))
    print("trains", experiment, seed, "threads", value("--threads"))
    if experiment.split("/")[1] == os.environ.get("STUB_DIES"):
        os.kill(os.getpid(), 9)
    options = {}
    if "--digits" in words:
        options["digits"] = value("--digits")
    configuration = preset_configuration(
        experiment, seed=seed, epochs=int(value("--epochs")), **options
    )
    if "--smoke" in words:
        configuration = dataclasses.replace(
            smoke(configuration), epochs=configuration.epochs
        )
    folder = records.run_folder(value("--results"), configuration)
    failed = experiment.split("/")[1] == os.environ.get("STUB_FAILS")
    status = "failed" if failed else "complete"
    record = synthetic.record_of(configuration, status, "--smoke" in words)
    records.write_record(folder, *record)
    sys.exit(3 if failed else 0)
"""


@pytest.fixture
def results(results, tmp_path, monkeypatch):
    """An empty results folder, and the stub in place of training."""
    stub = tmp_path / "stub.py"
    stub.write_text(textwrap.dedent(STUB))
    path = [str(files.REPOSITORY), str(files.REPOSITORY / "tests")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setattr(
        grid_command,
        "_command",
        lambda run, protocol: (
            *(sys.executable, str(stub)),
            *grid.arguments(run, protocol),
        ),
    )
    monkeypatch.setattr(grid_command, "_require_mnist", lambda protocol, runs: None)
    return results


def call(*words):
    return command_line.main(
        table.define, table.body, words, table.DESCRIPTION, (DataError,)
    )


def with_all_records(results, epochs=10):
    for experiment in grid.table_experiments("table1"):
        synthetic.write(results, experiment, epochs=epochs)


def trained(capsys):
    """What was trained since the last look, and all that was printed."""
    text = capsys.readouterr()
    found = re.findall(r"trains table\d/(\S+) (\d+)", text.out)
    return [(name, int(seed)) for name, seed in found], text.out, text.err


def test_records_are_printed_without_training(results, capsys):
    with_all_records(results)
    assert call("--results", str(results)) == 0
    runs, out, err = trained(capsys)
    assert runs == [] and err == ""
    assert out.count("350.00") >= 9 and out.count("  paper") == 9
    assert f"To complete the table: bash reproduce/table1.sh --results {results}" in out
    assert len(json.loads((results / "table1.json").read_text())["rows"]) == 9
    assert (results / "table1.md").exists()
    assert not (files.OUTPUTS / "table1.json").exists()


def test_only_cells_without_any_record_are_trained(results, capsys):
    with_all_records(results)
    for folder in (results / "runs/table1/asr-13").iterdir():
        (folder / "record.json").unlink()
    assert call("--results", str(results), "--seeds", "0,1", "--jobs", "2") == 0
    runs, out, _ = trained(capsys)
    assert sorted(runs) == [("asr-13", 0), ("asr-13", 1)]
    assert "2 runs of 300 epochs to train, 2 at once: about" in out
    assert "[table1/asr-13 seed 0] trains" in out
    assert out.index("to train") < out.index("trains table1")


def test_train_completes_to_seeds_and_epochs(results, capsys):
    synthetic.write(results, "table1/asr-13", seed=1, epochs=300)
    words = ("--results", str(results), "--methods", "asr", "--settings", "13")
    assert call(*words, "--train", "--jobs", "1") == 0
    runs, out, _ = trained(capsys)
    assert runs == [("asr-13", 0), ("asr-13", 2)]
    assert "300   3 (0, 1, 2)" in out
    assert call(*words, "--train") == 0
    assert trained(capsys)[0] == []


def test_epochs_given_are_trained_and_shown_exactly(results, capsys):
    synthetic.write(results, "table1/asr-13", epochs=20, nelbo=111.0)
    words = ("--results", str(results), "--methods", "asr", "--settings", "13")
    assert call(*words, "--seeds", "0", "--epochs", "10") == 0
    runs, out, _ = trained(capsys)
    assert runs == [("asr-13", 0)]
    assert "350.00" in out and "111.00" not in out
    assert call(*words, "--seeds", "0", "--epochs", "10") == 0
    assert trained(capsys)[0] == []
    # Without --epochs the longest runs are shown.
    assert call(*words) == 0
    assert "111.00" in trained(capsys)[1]
    assert not (results / "table1.json").exists()
    assert (files.OUTPUTS / "table1.json").exists()


def test_notrain_shows_missing_cells(results, capsys):
    assert call("--results", str(results), "--notrain", "--table", "table2") == 0
    runs, out, _ = trained(capsys)
    assert runs == [] and out.count("missing") > 18
    assert len(json.loads((results / "table2.json").read_text())["rows"]) == 6


def test_retrain_ignores_records_even_damaged_ones(results, capsys):
    folder = synthetic.write(results, "table1/asr-13", epochs=300, nelbo=111.0)
    (folder / "record.json").write_text("{")
    words = ("--results", str(results), "--methods", "asr", "--settings", "13")
    assert call(*words, "--seeds", "0") == 2
    line = trained(capsys)[2]
    assert line.count("\n") == 1 and "paper-300ep-seed0" in line
    assert call(*words, "--seeds", "0", "--retrain") == 0
    runs, out, _ = trained(capsys)
    assert runs == [("asr-13", 0)] and "350.00" in out


def test_smoke_shows_all_rows_and_writes_none_of_the_results(results, capsys):
    assert call("--smoke", "--jobs", "2", "--results", str(results)) == 0
    runs, out, _ = trained(capsys)
    assert len(runs) == 9 and {seed for _, seed in runs} == {0}
    assert len(re.findall(r"^AIR\S* §¶ +350\.00 ", out, re.MULTILINE)) == 9
    assert out.count("  paper") == 9
    assert "smoke run" in out and "claims" not in out
    rows = json.loads((results / "table1.json").read_text())["rows"]
    assert all(row["smoke"] and row["digits"] == "rendered" for row in rows)


def test_smoke_has_folders_of_its_own():
    options = command_line.Options()
    table.define(options)
    values = options.values
    values(["", "--smoke"])
    protocol = grid_command.protocol_from(values)
    assert protocol.results == files.SMOKE_RESULTS
    assert protocol.named("table1") == "table1"


def test_a_worker_that_dies_is_named_and_the_rest_finish(results, capsys, monkeypatch):
    monkeypatch.setenv("STUB_DIES", "pprior-14")
    assert call("--results", str(results), "--seeds", "0", "--jobs", "6") == 1
    runs, out, err = trained(capsys)
    assert len(runs) == 9
    assert err.startswith("error: table1/pprior-14 seed 0: killed by SIGKILL, see ")
    assert "pprior-14/paper-300ep-seed0.log" in err and err.count("\n") == 1
    row = next(line for line in out.splitlines() if line.startswith("AIR-pPrior-14"))
    assert "missing" in row
    assert out.count("350.00") >= 8


def test_a_run_that_fails_is_shown_as_failed(results, capsys, monkeypatch):
    monkeypatch.setenv("STUB_FAILS", "air-13")
    words = ("--results", str(results), "--seeds", "0", "--settings", "13")
    assert call(*words) == 1
    _, out, err = trained(capsys)
    assert err.startswith("error: table1/air-13 seed 0: exit code 3")
    row = next(line for line in out.splitlines() if line.startswith("AIR-13"))
    assert "failed" in row and "missing" not in row
    # It is not tried again, and the next call does not pretend that it succeeded.
    assert call(*words) == 0
    runs, out, _ = trained(capsys)
    assert runs == [] and "AIR-13, seed 0, 300 epochs failed: step 7" in out


def test_presets_and_digits_have_tables_of_their_own(results, capsys):
    for experiment in grid.table_experiments("table1"):
        synthetic.write(results, experiment, epochs=3, digits="rendered")
    assert call("--results", str(results), "--digits", "rendered") == 0
    assert (results / "table1-rendered.json").exists()
    assert call("--results", str(results), "--preset", "released", "--notrain") == 0
    assert (results / "table1-released.json").exists()
    assert not (results / "table1.json").exists()


def test_each_run_has_a_log_of_its_own(results, capsys):
    """Of other options, lengths and presets: two commands at once share none."""
    run = grid.Run("table1/asr-13", 0)
    protocols = [
        grid.Protocol(),
        grid.Protocol(epochs=2),
        grid.Protocol(preset="released"),
        grid.Protocol(digits="rendered"),
        grid.Protocol(smoke=True),
    ]
    logs = {grid.log_file(run, protocol) for protocol in protocols}
    logs.add(grid.log_file(run._replace(changes=(("init_seed", 7),)), grid.Protocol()))
    assert len(logs) == len(protocols) + 1
    plain = files.OUTPUTS / "logs/table1/asr-13/paper-300ep-seed0.log"
    assert grid.log_file(run, grid.Protocol()) == plain
    synthetic_words = ("--methods", "asr", "--settings", "13", "--seeds", "0")
    for epochs in ("2", "3"):
        call("--results", str(results), *synthetic_words, "--epochs", epochs)
    for epochs in (2, 3):
        log = results / f"logs/table1/asr-13/paper-{epochs}ep-seed0.log"
        assert log.read_text().count("trains") == 1


def test_list_is_one_self_contained_command_a_run(results, capsys):
    assert call("--list", "--seeds", "0,1", "--settings", "24", "--epochs", "7") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[5] == (
        f"cd {files.REPOSITORY} && {sys.executable} -m reproduce.run "
        "--experiment table1/asr-24 --seed 1 --epochs 7"
    )
    assert call("--list", "--table", "table2") == 0
    assert len(capsys.readouterr().out.splitlines()) == 18


def test_index_becomes_that_line_of_the_list(results, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda path, words: started.append(words))
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    assert call("--index", "4", "--seeds", "3", "--results", str(results)) == 0
    (words,) = started
    assert "table1/pprior-14" in words and words[words.index("--seed") + 1] == "3"


BAD = {
    ("--table", "table3"): "--table: 'table3' is not allowed; allowed: table1, table2",
    ("--methods", "ASR"): "allowed: air, pprior, asr",
    ("--methods", "asr,asr"): "each once",
    ("--settings", "15"): "--settings: '15'",
    ("--settings", "mnist"): "--settings: 'mnist' is not one of table1; allowed: 13",
    ("--table", "table2", "--settings", "13"): "allowed: mnist, dsprites",
    ("--seeds", "x"): "--seeds: 'x'",
    ("--seeds", "-1"): "--seeds: '-1'",
    ("--seeds", "1.5"): "--seeds: '1.5'",
    ("--epochs", "0"): "--epochs: '0'",
    ("--epochs", "-3"): "--epochs: '-3'",
    ("--jobs", "0"): "--jobs: '0'",
    ("--jobs", "-2"): "--jobs: '-2'",
    ("--index", "27"): "--index: 27 is not allowed; allowed: 0 to 26",
    ("--index", "3", "--settings", "13", "--seeds", "0"): "allowed: 0 to 2",
    ("--index", "-1"): "--index: '-1'",
    ("--preset", "release"): "allowed: paper, released",
    ("--digits", "fonts"): "allowed: mnist, rendered",
    ("--retrain", "--notrain"): "--notrain: not allowed with --retrain",
    ("--method", "asr"): "did you mean --methods?",
    ("--sead", "0"): "did you mean --seeds?",
    ("--smoke", "yes"): "'yes' is not an option",
    ("table1",): "'table1' is not an option",
}


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input_is_one_line_and_exit_code_2(words, results, capsys, monkeypatch):
    def no_training(*_):
        raise AssertionError("trains in spite of bad input")

    monkeypatch.setattr(grid_command, "train", no_training)
    assert call(*words, "--results", str(results)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    assert BAD[words] in err
    assert not any(results.iterdir())


def test_a_results_folder_that_is_a_file(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("kept")
    assert call("--results", str(file), "--notrain") == 2
    assert "is a file; allowed: a folder" in capsys.readouterr().err
    assert file.read_text() == "kept"


def test_a_missing_mnist_is_told_before_anything_is_trained(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(files, "OUTPUTS", tmp_path / "outputs")
    words = ("--results", str(tmp_path / "results"), "--mnist", str(tmp_path / "no"))
    assert call(*words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and str(tmp_path / "no") in err
    assert not (tmp_path / "outputs").exists()


def test_a_table_that_cannot_be_written_keeps_the_old_one(results, capsys, monkeypatch):
    with_all_records(results)
    assert call("--results", str(results)) == 0
    before = (results / "table1.json").read_bytes()
    synthetic.write(results, "table1/asr-13", epochs=11, nelbo=1.0)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    capsys.readouterr()
    assert call("--results", str(results)) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "table1.json: No space left on device" in err
    assert (results / "table1.json").read_bytes() == before


def test_the_estimate_takes_the_records_speed(results):
    runs = [grid.Run("table1/asr-13", seed) for seed in range(4)]
    protocol = grid.Protocol(results=results)
    assumed, words = estimate.seconds(runs, protocol, [], 2)
    per_run = 300 * 40_000 * 0.098 / 64 + estimate.SECONDS_TO_START
    assert assumed == pytest.approx(2 * per_run) and "assumed" in words
    synthetic.write(results, "table1/asr-13", epochs=10)  # at 640 images a second
    cells = table.cells.collect(["table1/asr-13"], protocol)
    known, words = estimate.seconds(runs, protocol, cells, 4)
    assert known == pytest.approx(300 * 40_000 / 640 + estimate.SECONDS_TO_START)
    assert "records for 4" in words


def test_runs_at_once():
    assert estimate.workers(3, asked=8) == 3
    assert estimate.workers(3, asked=1) == 1
    assert 1 <= estimate.workers(100) <= estimate.cores()
