"""`python -m reproduce.run` from its flags to the record, once for real."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from run_support import configuration_of

import data
from reproduce import checkpoint, command_line, files, records, run
from reproduce.configuration import experiments, preset_configuration, smoke
from reproduce.errors import UsageError
from reproduce.scene_data import scene_specification

EXPERIMENT = "table1/asr-13"


def test_flags_without_options_are_the_preset():
    found = configuration_of("--experiment", EXPERIMENT)
    assert found == preset_configuration(EXPERIMENT)
    found = configuration_of(
        *("--experiment", "table2/air-dsprites", "--preset", "released"),
        *("--seed", "4", "--epochs=9"),
    )
    expected = preset_configuration("table2/air-dsprites", "released", seed=4, epochs=9)
    assert found == expected


def test_every_kind_of_option_is_taken_from_its_flag():
    found = configuration_of(
        *("--experiment", EXPERIMENT, "--counts", "2,4", "--digits", "rendered"),
        *("--learning_rate", "3e-4", "--presence_prior_lag", "--init_seed", "5"),
        *("--noscale_sees_location", "--steps=5"),
    )
    assert found == preset_configuration(
        EXPERIMENT,
        counts=(2, 4),
        digits="rendered",
        learning_rate=3e-4,
        presence_prior_lag=True,
        init_seed=5,
        scale_sees_location=False,
        steps=5,
    )
    found = configuration_of(
        *("--experiment", "table2/asr-mnist", "--fixed_count", "none"),
    )
    assert found == preset_configuration("table2/asr-mnist", fixed_count=None)


@pytest.mark.parametrize(
    "experiment, words",
    [
        ("table1/pprior-13", ("--number_image_weight", "3")),
        ("table1/air-13", ("--scale_prior", "learned")),
        ("table1/air-13", ("--noearly_end",)),
        ("table1/asr-13", ("--side_weight", "3")),
        ("table2/asr-mnist", ("--number_image_weight", "3")),
        ("table2/asr-dsprites", ("--presence", "concrete")),
        ("table2/pprior-mnist", ("--presence_prior_lag",)),
        ("table2/air-mnist", ("--count_rule", "sampled")),
        ("table1/asr-13", ("--noearly_end", "--number_penalty", "unary")),
        ("table1/asr-13", ("--noearly_end", "--presence", "concrete")),
        ("table1/pprior-13", ("--fixed_count_log_odds", "50")),
        ("table1/asr-13", ("--steps", "3", "--noearly_end")),
        ("table1/asr-13", ("--noscale_sees_location", "--hidden_sees_location")),
        (
            "table2/asr-mnist",
            ("--preset", "released", "--nopresence_prior_lag"),
        ),
        *(
            ("table1/asr-13", ("--counts", "3", "--fixed_count", "3", *words))
            for words in (
                ("--noearly_end",),
                ("--number_image_weight", "5"),
                ("--number_marginal_weight", "5"),
                ("--number_penalty", "unary"),
            )
        ),
    ],
)
def test_an_option_that_nothing_reads_is_refused(experiment, words, capsys):
    """It would train the plain run again, as a variant with another name."""
    words = ("--experiment", experiment, *words)
    assert command_line.main(run.define, run.configuration_from, words) == 2
    message = f"not allowed with {experiment}, where nothing reads it: "
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("preset", ("paper", "released"))
@pytest.mark.parametrize("experiment", experiments())
def test_every_preset_is_itself_allowed(experiment, preset):
    words = "--experiment", experiment, "--preset", preset
    assert configuration_of(*words) == preset_configuration(experiment, preset)


def test_smoke_is_a_size():
    found = configuration_of("--experiment", EXPERIMENT, "--smoke")
    assert found == smoke(preset_configuration(EXPERIMENT))
    found = configuration_of("--experiment", EXPERIMENT, "--smoke", "--epochs", "3")
    assert found.epochs == 3


@pytest.mark.parametrize(
    "words, expected",
    [
        (("--epoch", "3"), "--epoch: there is no such option; did you mean --epochs?"),
        (("--epochs", "0"), "--epochs: '0' is not allowed"),
        (("--counts", "1,9"), "--counts: (1, 9) is not allowed; at most --steps 6"),
        (("--experiment", "table1/asr-15"), "--experiment: 'table1/asr-15'"),
        (("--temperature", "2"), "--temperature: not allowed with table1/asr-13"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, expected, tmp_path, capsys):
    """The list of all refusals is in test_bad_input; here, that nothing begins."""
    results = "--results", str(tmp_path / "r"), "--checkpoints", str(tmp_path / "c")
    words = ("--experiment", EXPERIMENT, *results, *words)
    assert command_line.main(run.define, run.body, words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: " + expected) and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# The real thing: one process, XLA, rendered digits, one epoch of two steps.

SIZE = {"train_images": 128, "test_images": 20, "steps": 3, "digits": "rendered"}
WORDS = ("--experiment", EXPERIMENT, "--seed", "1", "--epochs", "1", "--threads", "1")


def words_for(folder):
    """The flags of that run, all that it writes under `folder`."""
    size = [word for name in SIZE for word in (f"--{name}", str(SIZE[name]))]
    folders = [f"--{n}={folder / n}" for n in ("results", "checkpoints")]
    return [*WORDS, *size, *folders]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """One run from nothing to its record, made once: (folder, process)."""
    folder = tmp_path_factory.mktemp("run")
    process = subprocess.run(
        [sys.executable, "-m", "reproduce.run", *words_for(folder)],
        cwd=files.REPOSITORY,
        env={**os.environ, "ASR_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    return folder, process


@pytest.fixture(scope="module")
def configuration():
    return preset_configuration(EXPERIMENT, seed=1, epochs=1, **SIZE)


def test_a_run_ends_well_and_says_so(ended, configuration):
    folder, process = ended
    assert process.returncode == 0, process.stderr
    begins, *rest, done = process.stdout.splitlines()
    assert begins == f"{EXPERIMENT} seed 1: begins: {configuration.variant}"
    assert len(rest) == 1
    for word in ("epoch 1/1", "nELBO", "ACC", "SE", "mIoU"):
        assert word in rest[0]
    assert done.startswith(f"{EXPERIMENT} seed 1: done: ")


def test_a_run_leaves_its_record(ended, configuration):
    folder, _ = ended
    place = records.run_folder(folder / "results", configuration)
    assert sorted(file.name for file in place.iterdir()) == [
        "figure.npz",
        "history.csv",
        "record.json",
    ]
    record = records.read_record(place)
    assert record["status"] == "complete" and record["failure"] is None
    assert record["configuration_digest"] == configuration.digest
    assert (record["seed"], record["epochs"], record["reported_epoch"]) == (1, 1, 1)
    assert record["digits"] == "rendered" and record["smoke"] is False
    # The closed form of test_initialisation; the number of steps does not enter.
    assert record["parameters"] == 4_433_028
    with open(place / "history.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 1 and all(np.isfinite(float(v)) for v in rows[0].values())
    for name in ("nelbo", "se", "acc", "miou"):
        assert record["metrics"][name] == float(rows[0][f"test_{name}"])
    assert sum(record["metrics"]["count_histogram"]) == 20
    text = json.dumps(record)
    assert "NaN" not in text and "Infinity" not in text


def test_a_run_leaves_the_arrays_of_its_figure(ended, configuration):
    folder, _ = ended
    place = records.run_folder(folder / "results", configuration) / "figure.npz"
    assert place.stat().st_size < 1_000_000
    with np.load(place) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    for name in ("images", "reconstructions", "sample_images"):
        assert shapes[name] == (16, 50, 50)
    assert shapes["boxes"] == (16, 3, 4) and shapes["counts"] == (16,)


def test_a_run_leaves_a_checkpoint_of_its_end(ended, configuration):
    folder, _ = ended
    kept = checkpoint.folder_of(folder / "checkpoints", configuration)
    arrays, state = checkpoint.load(kept / checkpoint.NAME)
    assert len(state["history"]) == 1 and len(arrays) > 100
    assert state["configuration"]["steps"] == 3


def test_the_same_command_again_ends_at_once(ended, capsys):
    """In this process: no TensorFlow is started, nothing is written."""
    folder, _ = ended
    before = {f: f.stat().st_mtime_ns for f in folder.rglob("*") if f.is_file()}
    assert command_line.main(run.define, run.body, words_for(folder)) == 0
    out, _ = capsys.readouterr()
    assert out == (
        f"{EXPERIMENT} seed 1: its record is there already; --retrain trains it again\n"
    )
    after = {f: f.stat().st_mtime_ns for f in folder.rglob("*") if f.is_file()}
    assert {f.name for f in after if after[f] != before.get(f)} <= {"lock"}


def test_the_trained_model_is_the_one_that_the_record_is_about(ended, configuration):
    from reproduce import evaluation
    from reproduce.trained import trained_model

    folder, _ = ended
    kept = checkpoint.folder_of(folder / "checkpoints", configuration)
    model = trained_model(kept)
    test = data.load(scene_specification(configuration)).test
    figures, _ = evaluation.Evaluator(model, test, configuration.batch_size)()
    record = records.read_record(records.run_folder(folder / "results", configuration))
    for name, value in figures.items():
        assert value == pytest.approx(record["metrics"][name], rel=1e-5), name
    steps = SIZE["train_images"] // configuration.batch_size
    assert int(model.iteration.numpy()) == int(model.optimizer.iterations) == steps
    with pytest.raises(UsageError, match="state.npz: No such file or directory$"):
        trained_model(folder)
