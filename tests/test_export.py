"""Exported programs: what TensorFlow computes, resumed runs, records, bad input."""

import export_support as support
import numpy as np
import pytest
from jax._src.lib import xla_client

import data
from reproduce import (
    build,
    command_line,
    records,
    run_exported,
    summaries,
    training,
)
from reproduce.exported import runtime
from reproduce.exported import training as exported_training
from reproduce.exported.initialisation import glorot_uniform

RUNS = (("table1/asr-13", 0), ("table1/asr-13", 1), ("table1/pprior-13", 0))
LAST = 2  # epochs


@pytest.fixture(scope="module", autouse=True)
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        support.tiny_models(patch)
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory, tiny):
    """Three runs of two experiments in one program."""
    return support.export(tmp_path_factory.mktemp("export"), *RUNS)


@pytest.fixture(scope="module", autouse=True)
def compiled_once():
    """Training objects share programs, compiled in a hurry: it takes seconds."""
    kept, whole = {}, exported_training.Program

    def program(exported, name, device):
        key = exported.folder, name
        if key not in kept:
            kept[key] = whole(exported, name, device)
        return kept[key]

    def quick_options():
        options = xla_client.CompileOptions()
        debug = options.executable_build_options.debug_options
        debug.xla_backend_optimization_level = 0
        return options

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "compile_options", quick_options)
        patch.setattr(exported_training, "Program", program)
        yield


@pytest.fixture(scope="module")
def models(tiny):
    return [support.Reference(c) for c in support.configurations(*RUNS)]


@pytest.fixture
def references(models):
    """TensorFlow's models of the runs, at their initial values."""
    for reference in models:
        reference.reset()
    return models


def start(exported, root, **options):
    runs = support.runs(exported, root, **options)
    return exported_training.Training(exported, runs, runtime.Device(), 0.0)


def state_of(training, number):
    return [np.asarray(array)[number] for array in training.state]


def test_initial_weights_are_the_models(exported, references):
    for number, reference in enumerate(references):
        for value, variable in zip(
            exported.initial(number), reference.variables(), strict=True
        ):
            np.testing.assert_array_equal(value, variable.numpy())


@pytest.mark.parametrize("seed", [0, 2**31 - 3])
def test_glorot_uniform_is_keras(seed):
    import keras

    expected = keras.initializers.GlorotUniform(seed=seed)((37, 11)).numpy()
    np.testing.assert_array_equal(glorot_uniform(seed, (37, 11)), expected)
    np.testing.assert_array_equal(glorot_uniform(seed, (37, 11), 5), expected.flat[:5])


def test_a_step_of_several_runs_is_each_runs_own_by_tensorflow(
    exported, references, tmp_path
):
    together = start(exported, tmp_path)
    together._call_steps = 1
    orders = [together._order(run) for run in together.runs]
    order = together.device.put(np.stack(orders, axis=1).astype(np.int32))
    assert together._advance(order) == 1
    trainable = exported.manifest["trainable"]
    for number, (run, reference) in enumerate(
        zip(together.runs, references, strict=True)
    ):
        images = together.train[orders[number][0]]
        parts = reference.step(images)
        assert list(parts) == run.parts
        for name, value in zip(run.parts, run.sums, strict=True):
            # The gradient jumps where a pixel passes from one cell to the next.
            close = 1e-3 if name == "gradient_norm" else 1e-5
            assert value == pytest.approx(parts[name], rel=close, abs=1e-6), name
        state, expected = state_of(together, number), reference.variables()
        assert state[trainable] == 1
        for index in range(trainable):
            moment = expected[trainable + 3 + 2 * index].numpy()
            found = state[trainable + 3 + 2 * index]
            largest = np.abs(moment).max()
            np.testing.assert_allclose(found, moment, rtol=0, atol=1e-3 * largest)
            # Adam's first step is the gradient's sign: where the gradient is
            # rounding noise, so is the step.
            sure = np.abs(moment) > 1e-2 * largest
            weight = expected[index].numpy()
            np.testing.assert_allclose(
                state[index][sure], weight[sure], rtol=0, atol=1e-5
            )


def test_evaluation_and_samples_are_tensorflows(exported, references, tmp_path):
    together = start(exported, tmp_path)
    found, samples = together._infer(), together._sample("figure")
    for number, reference in enumerate(references):
        truth = together.runs[number].scenes.test
        expected = reference.infer(truth.images)
        scenes, reconstructions = found[number]
        for name, values in scenes.items():
            np.testing.assert_allclose(
                values, expected[name], rtol=1e-4, atol=1e-3, err_msg=name
            )
        np.testing.assert_allclose(
            reconstructions, expected["reconstructions"][: support.BATCH], atol=1e-4
        )
        shown = reference.generate(summaries.SHOWN_SCENES, summaries.SAMPLE_SEED)
        for name, values in shown.items():
            np.testing.assert_allclose(
                samples[number][name], values, rtol=1e-4, atol=1e-3, err_msg=name
            )


def test_a_resumed_run_equals_one_that_was_not_interrupted(
    exported, tmp_path, monkeypatch
):
    whole = start(exported, tmp_path / "whole")
    whole.train_all()
    assert [len(run.history) for run in whole.runs] == [LAST] * len(RUNS)

    interrupted = start(exported, tmp_path / "parts")
    taken = []

    def interrupt():
        if len(taken) == 4:  # in the second epoch
            raise KeyboardInterrupt
        taken.append(1)

    interrupted._call_steps = 1
    monkeypatch.setattr(exported_training, "CALL_SECONDS", 0.0)
    monkeypatch.setattr(command_line, "raise_if_interrupted", interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.train_all()
    assert interrupted.save()
    monkeypatch.undo()
    resumed = start(exported, tmp_path / "parts")
    assert [run.resumed for run in resumed.runs] == [True] * len(RUNS)
    assert resumed.step == 1
    resumed.train_all()
    for number, (run, again) in enumerate(zip(whole.runs, resumed.runs, strict=True)):
        for one, other in zip(
            state_of(whole, number), state_of(resumed, number), strict=True
        ):
            np.testing.assert_array_equal(one, other)
        for row, other in zip(run.history, again.history, strict=True):
            for name in row:
                if name != "seconds":  # sums of floats by calls of other lengths
                    assert row[name] == pytest.approx(other[name], rel=1e-5), name
        assert run.reported["metrics"] == again.reported["metrics"]


def test_a_run_moves_between_the_two_kinds_of_training(exported, tmp_path):
    together = start(exported, tmp_path)
    together.train_all()
    for number, run in enumerate(together.runs):
        model = build.build_model(run.configuration)
        alone = training.Training(run.configuration, model, run.scenes, run.file.parent)
        assert alone.finished and alone.history == run.history
        state = state_of(together, number)
        for value, variable in zip(model.trainable_variables, state, strict=False):
            np.testing.assert_array_equal(value.numpy(), variable)
        for tracker, total in zip(model.metrics, run.sums, strict=True):
            assert tracker.total.numpy() == total
        alone.save()  # which `Run` reads again
        (again, *_) = [
            r
            for r in support.runs(exported, tmp_path)
            if r.configuration == run.configuration
        ]
        for value, expected in zip(again.initial, state, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_a_value_that_is_not_finite_ends_its_run_alone(exported, tmp_path):
    together = start(exported, tmp_path)
    bad = np.array(together.state[0])
    bad[1] = np.nan
    together.state[0] = together.device.put(bad)
    together.train_all()
    first, second, third = together.runs
    assert second.failure.endswith("is not finite at step 1 (epoch 1), seed 1")
    assert not second.file.exists()
    assert first.failure is third.failure is None
    alone = start(exported, tmp_path / "good")
    alone.train_all()
    for run, good in ((first, alone.runs[0]), (third, alone.runs[2])):
        assert run.reported["metrics"] == good.reported["metrics"]


@pytest.fixture
def call(exported, monkeypatch, tmp_path):
    """A function that calls the command on the exported runs; gives its exit code."""

    def load(specification, **_):
        counts = [c.counts for c in exported.configurations]
        run = counts.index(specification.counts)
        return support.scenes(exported.configurations[run], run)

    monkeypatch.setattr(run_exported.data, "load", load)

    def run(*words, programs=exported.folder):
        return run_exported.main(
            [
                *(str(programs), *words),
                *("--results", str(tmp_path / "results")),
                *("--checkpoints", str(tmp_path / "checkpoints")),
            ],
        )

    return run


def test_the_command_writes_records_like_a_run(call, tmp_path, capsys):
    assert call("--epochs", "1") == 0
    shown = capsys.readouterr().out
    assert "table1/asr-13, 2 runs  epoch 1/1" in shown and "begins" in shown
    found = records.find(tmp_path / "results", "table1/asr-13")
    assert [record["seed"] for record in found.values()] == [0, 1]
    for record in found.values():
        assert record["status"] == records.COMPLETE
        assert record["epochs"] == record["reported_epoch"] == 1
        surroundings = record["environment"]
        assert surroundings["runs_at_once"] == len(RUNS)
        assert surroundings["packages"]["jax"]
        assert surroundings["exported_with"]["tensorflow"]
        assert surroundings["precision"] == "float32"
    assert call("--epochs", "1") == 0
    assert "its record is there already" in capsys.readouterr().out
    # More epochs begin where the shorter runs ended.
    assert call("--epochs", "2") == 0
    shown = capsys.readouterr().out
    assert "resumed" in shown and "epoch 1/2" not in shown


def test_a_run_that_has_its_record_is_left_out(call, tmp_path, capsys, monkeypatch):
    assert call("--epochs", "1") == 0
    first, *others = sorted(tmp_path.rglob("record.json"))
    kept = {file: file.read_bytes() for file in others}
    folder = str(first.parent.relative_to(tmp_path / "results" / "runs"))
    first.unlink()
    (tmp_path / "checkpoints" / folder / "state.npz").unlink()
    capsys.readouterr()
    trained, train_all = [], exported_training.Training.train_all
    monkeypatch.setattr(
        exported_training.Training,
        "train_all",
        lambda self: trained.extend(self.runs) or train_all(self),
    )
    assert call("--epochs", "1") == 0
    shown = capsys.readouterr().out
    assert shown.count("its record is there already") == len(RUNS) - 1
    assert shown.count(": begins: ") == shown.count(": done: ") == 1
    assert all(file.read_bytes() == content for file, content in kept.items())
    assert records.read_record(first.parent)["status"] == records.COMPLETE
    assert sorted(run.left_out for run in trained) == [False, True, True]
    assert [run.failure for run in trained] == [None] * len(RUNS)


def test_retrain_loses_nothing_before_the_input_has_proved_good(
    call, tmp_path, capsys, monkeypatch
):
    assert call("--epochs", "1") == 0
    kept = {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}
    names = {file.name for file in kept}
    assert {"record.json", "state.npz"} <= names
    good = run_exported.data.load

    def refuse(specification, **_):
        raise data.DataError("--mnist: no such file")

    monkeypatch.setattr(run_exported.data, "load", refuse)
    capsys.readouterr()
    assert call("--epochs", "1", "--retrain") == 2
    assert capsys.readouterr().err == "error: --mnist: no such file\n"
    assert all(f.read_bytes() == content for f, content in kept.items())
    monkeypatch.setattr(run_exported.data, "load", good)
    assert call("--epochs", "1", "--retrain") == 0
    shown = capsys.readouterr().out
    assert "begins" in shown and "resumed" not in shown and "epoch 1/1" in shown


def test_bad_folders_are_told_in_one_line(call, exported, tmp_path, capsys):
    assert call(programs=tmp_path / "none") == 2
    assert "manifest.json: No such file" in capsys.readouterr().err
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in exported.folder.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    (damaged / "train.mlir").write_bytes(b"nothing")
    assert call(programs=damaged) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "train.mlir is damaged" in error
    (damaged / "manifest.json").write_text("{")
    assert call(programs=damaged) == 2
    assert "manifest.json is damaged" in capsys.readouterr().err


@pytest.mark.slow
def test_ten_epochs_agree_within_the_spread_of_seeds(exported, references, tmp_path):
    epochs = 10
    together = start(exported, tmp_path, epochs=epochs)
    together.train_all()
    found, expected = [], []
    for run, reference in zip(together.runs[:2], references, strict=False):
        images = run.scenes.train.images
        for epoch in range(epochs):
            for rows in data.epoch_order(
                len(images), support.BATCH, run.configuration.seed, epoch
            ):
                reference.step(images[rows])
        scenes = reference.infer(run.scenes.test.images)
        expected.append(summaries.figures(scenes, run.scenes.test)["nelbo"])
        found.append(run.history[-1]["test_nelbo"])
        assert run.history[-1]["test_nelbo"] < run.history[0]["test_nelbo"]
    spread = abs(expected[0] - expected[1])
    for one, other in zip(found, expected, strict=True):
        assert abs(one - other) < spread
