"""Which code on which device trained a run: noted as it begins, kept in its record."""

import types

import pytest
import synthetic
import training_support as support

from reproduce import command_line, interrupts, records, run, run_state, training
from reproduce.configuration import preset_configuration

ONE, OTHER = ({"commit": letter * 40, "dirty": False} for letter in "ab")
EXPERIMENT = "table1/asr-13"
SIZE = {"batch_size": support.BATCH, "train_images": support.TRAIN}
SIZE |= {"test_images": support.TEST, "epochs": 2}


def noted(*processes):
    """What is noted of processes, given as (first step, git, device, precision)."""
    trainer = types.SimpleNamespace(trained_by=[])
    for trainer.taken, *process in processes:
        run_state.note_process(trainer, *process)
    return trainer.trained_by


def entry(step, git, device="CPU", precision="float32", exported_from=None):
    found = {"first_step": step, **git, "device": device, "precision": precision}
    return found | ({"exported_from": exported_from} if exported_from else {})


def test_a_process_like_the_one_before_is_not_noted_again():
    first = (0, ONE, "CPU", "float32")
    assert noted(first) == noted(first, (5, *first[1:])) == [entry(0, ONE)]


@pytest.mark.parametrize(
    "process",
    [
        (OTHER, "CPU", "float32"),
        (ONE | {"dirty": True}, "CPU", "float32"),
        (ONE, "GPU", "float32"),
        (ONE, "CPU", "tensorfloat32"),
        (ONE, "CPU", "float32", OTHER),  # exported programs
    ],
)
def test_another_process_is_noted_with_its_first_step(process):
    first = (0, ONE, "CPU", "float32")
    found = noted(first, (5, *process), (9, *first[1:]))
    assert found == [entry(0, ONE), entry(5, *process), entry(9, ONE)]


def test_a_process_that_took_no_step_is_not_kept():
    first = (0, ONE, "CPU", "float32")
    other = (OTHER, "CPU", "float32")
    assert noted(first, (0, *other)) == [entry(0, OTHER)]
    assert noted(first, (5, *other), (5, *first[1:])) == [entry(0, ONE)]


def test_after_an_old_checkpoint_the_first_is_unknown():
    trainer = types.SimpleNamespace(trained_by=[{"first_step": 0}], taken=5)
    run_state.note_process(trainer, ONE, "CPU", "float32")
    assert trainer.trained_by == [{"first_step": 0}, entry(5, ONE)]


@pytest.fixture
def code(monkeypatch):
    """A dict that holds the commit of the code under "git", now."""
    now = {"git": ONE}
    monkeypatch.setattr(run.environment, "git", lambda: now["git"])
    return now


@pytest.fixture
def call(compiled_once, code, monkeypatch, tmp_path):
    """A function that runs the command on a tiny model; gives (exit code, record)."""
    from reproduce import build

    monkeypatch.setattr(build, "build_model", support.tiny)
    monkeypatch.setattr(run.data, "load", lambda *_, **__: support.scenes())
    monkeypatch.setattr(run.start, "tensorflow", lambda _: None)
    monkeypatch.setattr(interrupts, "ignore_signals", lambda: None)
    words = [f"--{name}={value}" for name, value in SIZE.items()]
    words += [f"--{name}={tmp_path / name}" for name in ("results", "checkpoints")]
    configuration = preset_configuration(EXPERIMENT, **SIZE)

    def run_it():
        words_ = ["--experiment", EXPERIMENT, *words]
        code = command_line.main(run.define, run.body, words_)
        folder = records.run_folder(tmp_path / "results", configuration)
        return code, None if code else records.read_record(folder)

    return run_it


def at_step(number, happens, monkeypatch):
    """Lets something happen after a training step of a process."""
    step = training.Progress.step

    def watching(self, taken):
        step(self, taken)
        if taken == number:
            happens()

    monkeypatch.setattr(training.Progress, "step", watching)


def test_a_commit_during_training_is_not_the_code_that_trained(call, code, monkeypatch):
    at_step(2, lambda: code.update(git=OTHER), monkeypatch)
    status, record = call()
    assert status == 0 and code["git"] == OTHER
    assert record["git"] == ONE and "trained_by" not in record


def test_a_run_that_other_code_goes_on_with_names_both(call, code, monkeypatch):
    def interrupt():
        raise interrupts.Interrupted(2)

    with monkeypatch.context() as patch:
        at_step(2, interrupt, patch)
        assert call() == (130, None)
    code["git"] = OTHER
    status, record = call()
    assert status == 0 and record["git"] == OTHER
    device = record["environment"]["device"]
    assert record["trained_by"] == [entry(0, ONE, device), entry(2, OTHER, device)]


def written(tmp_path, **fields):
    """Writes a made-up record with further fields, and reads it."""
    configuration = preset_configuration(EXPERIMENT, epochs=3)
    record, history = synthetic.record_of(configuration)
    folder = records.run_folder(tmp_path, configuration)
    records.write_record(folder, record | fields, history)
    return records.read_record(folder)


def test_a_record_may_have_the_field_or_not(tmp_path):
    assert "trained_by" not in written(tmp_path)
    trained_by = [entry(0, ONE), entry(5, OTHER)]
    assert written(tmp_path, trained_by=trained_by)["trained_by"] == trained_by


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"trained_by": "me"}, "trained_by of record.json cannot be 'me'"),
        ({"taught_by": []}, r"missing or unknown in record.json: \['taught_by'\]"),
    ],
)
def test_another_field_is_refused(fields, reason, tmp_path):
    with pytest.raises(records.RecordError, match=reason):
        written(tmp_path, **fields)
