"""One's own constraint: its values, its name in the history, and its effect."""

import json
import os
import pathlib
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import filelock
import keras
import numpy as np
import pytest
import tensorflow as tf

import air
import asr
from reproduce import (
    build,
    checkpoint,
    command_line,
    errors,
    files,
    interrupts,
    own_constraint,
    run_state,
    trained,
    training,
)


def posterior(x, validity=None):
    x = tf.constant(x, tf.float32)
    ones = tf.ones_like(x)
    return asr.Posterior(
        log_count=tf.zeros([x.shape[0], x.shape[1] + 1]),
        presence_logits=ones,
        validity=ones if validity is None else tf.constant(validity, tf.float32),
        centre=tf.stack([x, ones], axis=2),
        side=ones,
        canvas_side=50,
    )


@pytest.mark.parametrize(
    "x, expected",
    [([1, 2, 3], 0), ([5, 5, 5], 0), ([3, 2, 1], 2), ([10, 30, 5], 25), ([9, 1, 4], 8)],
)
def test_the_functional_against_values_worked_out_by_hand(x, expected):
    assert own_constraint.left_to_right(posterior([x])).numpy() == [expected]
    boxes = np.array([[[c - 2, 7, 4, 4] for c in x]], float)
    assert own_constraint._violation(boxes, np.array([3])) == [expected]


def test_a_pair_counts_with_the_probability_of_its_later_object():
    value = own_constraint.left_to_right(posterior([[30, 20, 0]], [[1, 0.5, 0.1]]))
    np.testing.assert_allclose(value, [10 * 0.5 + 20 * 0.1])
    boxes = np.array([[[30, 0, 4, 4], [20, 0, 4, 4], [0, 0, 0, 0]]], float)
    assert own_constraint._violation(boxes, np.array([2])) == [10]


def test_the_gradient_moves_objects_only_while_out_of_order():
    x = tf.Variable([[30.0, 20.0, 25.0]])
    with tf.GradientTape() as tape:
        value = own_constraint.left_to_right(posterior(tf.convert_to_tensor(x)))
    np.testing.assert_array_equal(tape.gradient(value, x), [[1, -1, 0]])


def tiny(canvas_side, constraints):
    """A model of a few thousand weights, compiled without XLA, which takes long."""
    sizes = air.Sizes(appearance=4, window=8, lstm=16, encoder=(16,), head=8)
    model = air.AIR(
        canvas_side,
        3,
        air.LearnedPrior(sizes=sizes, infers_presence=False),
        asr.Regulariser(constraints),
        air.FixedCountEstimator(),
        sizes=sizes,
    )
    optimizer = keras.optimizers.Adam(3e-3)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, jit_compile=False)
    return model


@pytest.fixture
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_training_reduces_the_violation():
    """Two models that differ in the constraint's weight alone."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (16, 20, 20), np.uint8)
    images[:, :, 7:] = 0  # the images say nothing of the order
    last = {}
    for weight in (0.0, 100.0):
        function = own_constraint.left_to_right
        model = tiny(20, [asr.Constraint("left_to_right", function, weight)])
        # Keras's own shuffling is not seeded; one batch needs none.
        history = model.fit(
            images, batch_size=16, epochs=60, shuffle=False, verbose=0
        ).history
        last[weight] = np.mean(history["left_to_right"][-10:])
    assert last[100.0] < 0.5 * last[0.0]


def test_the_command_end_to_end_at_toy_size(tmp_path, monkeypatch, capsys, eager):
    def small(configuration, constraints=()):
        own = asr.overlap_regulariser(11, 15).constraints
        return tiny(configuration.canvas_side, [*own, *constraints])

    monkeypatch.setattr(build, "build_model", small)
    words = ["--smoke", "--epochs", "1", "--setting", "dsprites"]
    words += ["--results", str(tmp_path), "--checkpoints", str(tmp_path / "kept")]
    for _ in range(2):  # the second only draws
        code = command_line.main(own_constraint.define, own_constraint.body, words)
        assert code == 0
    lines = capsys.readouterr().out
    assert "train_left_to_right by epoch, in pixels: " in lines
    assert lines.count("epoch 1/1") == 2  # one for each model
    assert (tmp_path / "figures/own_constraint.png").exists()
    content = json.loads((tmp_path / "figures/own_constraint.json").read_text())
    assert set(content["test"]) == {"without", "with"}
    for name, present in (("without", False), ("with-weight10-*", True)):
        (file,) = (tmp_path / "kept/own_constraint").glob(f"{name}/**/history.csv")
        header = file.read_text().splitlines()[0].split(",")
        assert ("train_left_to_right" in header) == present
        assert "train_pair_overlap" in header


def test_an_edited_constraint_is_trained_anew(tmp_path, monkeypatch, capsys, eager):
    def small(configuration, constraints=()):
        return tiny(configuration.canvas_side, constraints)

    def right_to_left(posterior):
        return right_to_left.original(posterior._replace(centre=-posterior.centre))

    right_to_left.original = own_constraint.left_to_right
    monkeypatch.setattr(build, "build_model", small)
    words = ["--smoke", "--epochs", "1", "--setting", "dsprites"]
    words += ["--results", str(tmp_path), "--checkpoints", str(tmp_path / "kept")]
    for function in (own_constraint.left_to_right, right_to_left):
        monkeypatch.setattr(own_constraint, "left_to_right", function)
        assert command_line.main(own_constraint.define, own_constraint.body, words) == 0
    # Twice with a constraint, once without.
    assert capsys.readouterr().out.count("epoch 1/1") == 3


def test_an_interrupted_call_says_how_it_goes_on(tmp_path, monkeypatch, capsys):
    def interrupted(self, name):
        raise interrupts.Interrupted(2)

    def small(configuration, constraints=()):
        return tiny(configuration.canvas_side, constraints)

    monkeypatch.setattr(build, "build_model", small)
    monkeypatch.setattr(training.Training, "run", interrupted)
    monkeypatch.setattr(interrupts, "ignore_signals", lambda: None)
    words = ["--smoke", "--epochs", "1", "--setting", "dsprites"]
    words += ["--results", str(tmp_path), "--checkpoints", str(tmp_path / "kept")]
    for more, advice in (
        ([], "command goes"),
        (["--retrain"], "without --retrain it goes"),
    ):
        code = command_line.main(
            own_constraint.define, own_constraint.body, [*words, *more]
        )
        error = capsys.readouterr().err
        assert code == 130 and "saved at step 0" in error and advice in error


@pytest.fixture
def words(tmp_path, monkeypatch):
    """The flags of a toy call with a tiny model, all that it writes in tmp_path."""

    def small(configuration, constraints=()):
        return tiny(configuration.canvas_side, constraints)

    monkeypatch.setattr(build, "build_model", small)
    return [
        *("--smoke", "--epochs", "1", "--setting", "dsprites"),
        *("--results", str(tmp_path / "results")),
        *("--checkpoints", str(tmp_path / "kept")),
    ]


def call(*words):
    return command_line.main(own_constraint.define, own_constraint.body, words)


def test_the_trained_model_is_loaded_with_its_constraint(words, tmp_path, eager):
    assert call(*words) == 0
    (file,) = (tmp_path / "kept").glob("own_constraint/with-weight10-*/**/state.npz")
    own = asr.Constraint("left_to_right", own_constraint.left_to_right, 10.0)
    model = trained.trained_model(file.parent, [own])
    assert model.regulariser.names == ["left_to_right"]
    arrays, _ = checkpoint.load(file)
    for index, variable in enumerate(run_state.variables(model)):
        np.testing.assert_array_equal(variable.numpy(), arrays[f"{index:04d}"])
    with pytest.raises(errors.UsageError, match="state.npz: it is of another model$"):
        trained.trained_model(file.parent)


def test_a_faulty_constraint_is_one_line(words, monkeypatch, capsys, eager):
    def faulty(posterior):
        return posterior.side  # a value for each object instead of each image

    monkeypatch.setattr(own_constraint, "left_to_right", faulty)
    assert call(*words) == 2
    out, error = capsys.readouterr()
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: constraint left_to_right: F(q) ")
    assert "Traceback" not in out + error
    assert "epoch 1/1" not in out  # the other run is not trained before


@pytest.mark.parametrize("flag", ["--results", "--checkpoints"])
def test_a_folder_that_is_a_file_is_told_at_once(
    flag, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(own_constraint.start, "tensorflow", None)
    file = tmp_path / "file"
    file.write_text("kept")
    assert call(*words, flag, str(file)) == 2
    assert capsys.readouterr().err == (
        f"error: {flag}: {file} is a file; allowed: a folder\n"
    )
    assert file.read_text() == "kept" and list(tmp_path.iterdir()) == [file]


class Held:
    """A lock that another process holds at first."""

    def __init__(self, file):
        assert file.name == "lock"

    def acquire(self, timeout=None):
        if timeout == 0:
            raise filelock.Timeout("lock")
        raise errors.UsageError("it has waited")  # which ends the call


class NoLocks(Held):
    """A lock on a file system that has none."""

    def acquire(self, timeout=None):
        raise NotImplementedError


@pytest.mark.parametrize(
    "lock, told",
    [
        (Held, "with left_to_right: another process trains this run; waiting"),
        (NoLocks, "has no file locks; allowed: a folder of one that has"),
    ],
)
def test_the_lock_is_a_runs(lock, told, words, monkeypatch, capsys):
    module = types.SimpleNamespace(FileLock=lock, Timeout=filelock.Timeout)
    monkeypatch.setattr(own_constraint.single, "filelock", module)
    assert call(*words) == 2
    assert told in "".join(capsys.readouterr())


def test_products_are_in_full_precision_as_in_a_run(words, monkeypatch):
    class Begun(Exception):
        pass

    def begin(*_):
        raise Begun

    monkeypatch.setattr(own_constraint, "train", begin)
    switch = tf.config.experimental
    switch.enable_tensor_float_32_execution(True)
    with pytest.raises(Begun):
        call(*words)
    assert not switch.tensor_float_32_execution_enabled()


@pytest.mark.parametrize(
    "more, folder",
    [([], files.RESULTS), (["--smoke"], files.SMOKE_RESULTS)]
    + [([flag, "1"], files.OUTPUTS) for flag in ("--epochs", "--seed", "--weight")]
    + [([flag, "mnist"], files.OUTPUTS) for flag in ("--setting", "--digits")]
    + [(["--epochs", "1", "--results", "mine"], pathlib.Path("mine"))],
)
def test_the_committed_picture_is_the_default_calls_alone(more, folder):
    files_of = []
    command_line.main(
        own_constraint.define,
        lambda values: files_of.append(own_constraint._file(values)),
        more,
    )
    assert files_of == [folder / "figures" / "own_constraint"]


def test_build_model_adds_the_constraint_to_the_run_s_own():
    from reproduce.configuration import preset_configuration

    own = asr.Constraint("left_to_right", own_constraint.left_to_right, 1.0)
    plain = preset_configuration("table2/pprior-mnist")
    assert build.build_model(plain).regulariser is None
    assert build.build_model(plain, [own]).regulariser.names == ["left_to_right"]
    regularised = preset_configuration("table2/asr-mnist")
    names = build.build_model(regularised, [own]).regulariser.names
    assert len(names) == 8 and names[-1] == "left_to_right"


@pytest.mark.parametrize("words", [["--weight", "-1"], ["--setting", "13"]])
def test_bad_input_is_one_line(words, capsys):
    code = command_line.main(own_constraint.define, own_constraint.body, words)
    assert code == 2 and capsys.readouterr().err.count("\n") == 1
