"""Full disks, limited files and closed folders: a clear error, nothing before lost."""

import contextlib
import errno
import os
import pathlib
import resource
import signal
import sys
import tempfile
import types

import numpy as np
import pytest
import synthetic
from data_support import small
from survival_support import Place, ended, fill_disk, heeding_full_disks, wait_for

from reproduce import checkpoint, command_line, outcome, records, run, table
from reproduce.configuration import preset_configuration

EXPERIMENT = "table1/asr-13"
LIMIT = 500  # bytes: less than any of the files here


# Each kind of file, written in this process.


def write_checkpoint(folder, number):
    file = folder / checkpoint.NAME
    state = dict.fromkeys(checkpoint.STATE, number)
    checkpoint.save(file, {"0000": np.full(1000, number)}, state)
    return file


def write_record(folder, number):
    configuration = preset_configuration(EXPERIMENT, epochs=2)
    target = records.run_folder(folder, configuration)
    record, rows = synthetic.record_of(configuration, nelbo=float(number))
    records.write_record(target, record, rows)
    return target / "record.json"


def write_figure(folder, number):
    """As a run does it at its end: the arrays go first, the record last."""
    configuration = preset_configuration(EXPERIMENT, epochs=2)
    target = records.run_folder(folder, configuration)
    record, rows = synthetic.record_of(configuration)
    scenes, _ = small(folder / "cache")
    run = types.SimpleNamespace(
        history=rows,
        reported={"epoch": configuration.epochs, "metrics": record["metrics"]},
        figures={"images": np.random.default_rng(number).random(1000)},
        seconds=1.0,
        step_seconds=1.0,
        trained_by=[{"commit": None, "dirty": None}],
    )
    outcome.write(
        target,
        configuration,
        run,
        scenes,
        steps=1,
        parameters=1,
        surroundings={},
        smoke=False,
        failure=None,
    )
    return target / outcome.FIGURE_FILE


WRITERS = {"checkpoint": write_checkpoint, "record": write_record}
WRITERS["figure arrays"] = write_figure


@contextlib.contextmanager
def limited():
    """Limits the size of files, as a quota or `ulimit -f` does.

    It ends within the test: pytest's own output may be a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def fault_at(file, fault):
    """Within it the file cannot be written, for the reason `fault`."""
    if fault == errno.EFBIG:
        with limited():
            yield
    else:
        fill_disk(file)
        with heeding_full_disks():
            yield


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EFBIG])
def test_the_file_before_is_intact(name, fault, tmp_path):
    write = WRITERS[name]
    file = write(tmp_path, 1)
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    with fault_at(file, fault), pytest.raises(OSError) as caught:
        write(tmp_path, 2)
    assert caught.value.errno == fault
    failed = pathlib.Path(caught.value.filename)
    assert failed.parent == file.parent
    if name == "record":
        # The record goes first and comes last: without it the run has not ended.
        assert not file.exists() and records.find(tmp_path, EXPERIMENT) == {}
    else:
        assert failed == file
        assert {path: path.read_bytes() for path in before} == before
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EFBIG])
def test_a_table_that_cannot_be_written_is_printed_all_the_same(
    fault, tmp_path, capsys
):
    def call():
        words = ("--results", str(tmp_path), "--notrain")
        return command_line.main(table.define, table.body, words)

    synthetic.write(tmp_path, EXPERIMENT, epochs=2)
    assert call() == 0
    before = (tmp_path / "table1.json").read_bytes()
    synthetic.write(tmp_path, EXPERIMENT, epochs=3, nelbo=123.25)
    capsys.readouterr()
    with fault_at(tmp_path / "table1.json", fault):
        code = call()
    out, err = capsys.readouterr()
    assert code == 1 and err.count("\n") == 1
    assert err.endswith(f"table1.json: {os.strerror(fault)}\n")
    assert "123.25" in out and "written" not in out
    assert (tmp_path / "table1.json").read_bytes() == before


def test_scenes_that_cannot_be_kept_are_used(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    _, lines = small(tmp_path)
    assert "could not be kept (No space left on device)" in lines[-1]
    assert os.listdir(tmp_path) == []


# The real command.


@pytest.mark.parametrize("flag", ["--results", "--checkpoints"])
def test_a_folder_of_somebody_else_is_told_at_once(flag):
    """As a user without rights, which a child of the superuser becomes here."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        root.chmod(0o755)
        for folder, mode in (("closed", 0o555), ("open", 0o777)):
            (root / folder).mkdir()
            (root / folder).chmod(mode)
        other = {"--results": "--checkpoints", "--checkpoints": "--results"}[flag]
        words = ("--experiment", EXPERIMENT, flag, str(root / "closed" / "new"))
        words += (other, str(root / "open"))
        with tempfile.TemporaryFile() as stream:
            child = os.fork()
            if child == 0:  # the interpreter may be closed to others: no new process
                signal.alarm(60)  # a fork among threads could hang: rather fail
                os.dup2(stream.fileno(), 2)
                sys.stderr = open(2, "w")
                if os.geteuid() == 0:
                    os.setuid(65534)
                os._exit(command_line.main(run.define, run.body, words))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            stream.seek(0)
            err = stream.read().decode()
        assert code == 2
        assert err == (
            f"error: {flag}: {root / 'closed'} cannot be written to; allowed: a folder "
            "that can\n"
        )
        assert list(root.glob("*/*")) == []


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    root = tmp_path_factory.mktemp("reference")
    place = Place(root, root / "cache")
    assert place.run()[0] == 0
    return place


def error_line(err):
    (line,) = [line for line in err.splitlines() if not line.startswith("synthesising")]
    return line


@pytest.mark.slow
def test_a_disk_that_fills_while_training(tmp_path, reference):
    """At Ctrl-C, then at the end of an epoch: the last checkpoint stays and serves."""
    place, never = Place(tmp_path, reference.cache), tmp_path / "never"
    process = place.start(TINY_PAUSE=f"step:4:{never}")
    wait_for(process, "step", 4)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    file = place.kept / checkpoint.NAME
    before = file.read_bytes()
    empty_disk = fill_disk(file)
    process = place.start(TINY_PAUSE=f"step:1:{never}")
    wait_for(process, "step", 1)
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert code == 143
    assert error_line(err) == (
        f"interrupted: {EXPERIMENT} seed 0: {file}: No space left on device; the same "
        "command goes on from the last checkpoint"
    )
    code, _, err = place.run()
    assert code == 1 and error_line(err) == f"error: {file}: No space left on device"
    assert file.read_bytes() == before
    empty_disk()
    assert place.run()[0] == 0
    assert place.outcome() == reference.outcome()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["figure.npz", "history.csv", "record.json"])
def test_a_disk_that_fills_while_the_record_is_written(name, tmp_path, reference):
    place = Place(tmp_path, reference.cache)
    folder = place.results / reference.record.relative_to(reference.results)
    empty_disk = fill_disk(folder / name)
    code, _, err = place.run()
    assert code == 1
    assert error_line(err) == f"error: {folder / name}: No space left on device"
    assert not (folder / "record.json").exists()
    empty_disk()
    assert place.run()[0] == 0
    assert place.outcome() == reference.outcome()


@pytest.mark.slow
def test_a_limit_on_files_while_training(tmp_path, reference):
    place = Place(tmp_path, reference.cache)
    code, _, err = place.run(limit=10_000)
    assert code == 1
    assert error_line(err) == f"error: {place.kept / checkpoint.NAME}: File too large"
    assert not list(tmp_path.rglob("*.partial"))
    assert place.run()[0] == 0
    assert place.outcome() == reference.outcome()
