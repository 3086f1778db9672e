"""Training by exported programs: what TensorFlow computes, and resumed runs."""

import export_support as support
import numpy as np
import pytest

import data
from reproduce import build, interrupts, progress, summaries, training
from reproduce.exported import runtime
from reproduce.exported import training as exported_training
from reproduce.exported.initialisation import glorot_uniform

LAST = 2  # epochs

pytestmark = pytest.mark.usefixtures("tiny_exports")


@pytest.fixture(scope="module")
def models(tiny_exports):
    return [support.Reference(c) for c in support.configurations(*support.RUNS)]


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
    assert [len(run.history) for run in whole.runs] == [LAST] * len(support.RUNS)

    interrupted = start(exported, tmp_path / "parts")
    taken = []

    def interrupt():
        if len(taken) == 4:  # in the second epoch
            raise KeyboardInterrupt
        taken.append(1)

    interrupted._call_steps = 1
    monkeypatch.setattr(exported_training, "CALL_SECONDS", 0.0)
    monkeypatch.setattr(interrupts, "raise_if_interrupted", interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.train_all()
    assert interrupted.save()
    monkeypatch.undo()
    resumed = start(exported, tmp_path / "parts")
    assert [run.resumed for run in resumed.runs] == [True] * len(support.RUNS)
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


def test_the_moving_line_is_about_the_run_that_ends_last(
    exported, tmp_path, monkeypatch
):
    start(exported, tmp_path, epochs=1).train_all()
    (tmp_path / "paper-1ep-seed1" / "state.npz").unlink()  # it begins anew
    shown = []

    class Recording(progress.Progress):
        def step(self, taken):
            shown.append((self.name, taken))

        def epoch(self, row, taken, name):
            shown.append((name, taken))

    monkeypatch.setattr(exported_training, "Progress", Recording)
    monkeypatch.setattr(exported_training, "CALL_SECONDS", 0.0)  # one step a call
    start(exported, tmp_path).train_all()
    steps, asr, pprior = "3 runs", "table1/asr-13, 2 runs", "table1/pprior-13"
    alone = ("table1/asr-13", 6)
    first = [(steps, 1), (steps, 2), (steps, 3), (asr, 3), (pprior, 3)]
    assert shown == [*first, *((steps, taken) for taken in (4, 5, 6)), alone]


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
