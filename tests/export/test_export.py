"""Two tiny runs, exported, and trained by JAX as TensorFlow would train them."""

import dataclasses
import re

import numpy as np
import pytest
import tiny
from processes import python

from reproduce import command_line, run_exported
from reproduce.export import __main__ as export_command
from reproduce.export.folder import Exported, ExportError
from reproduce.records import frame, versions

pytest.importorskip("jax", reason="JAX runs the exported programs: it is not here")
# A floor whose slope does not magnify rounding, so that single precision compares.
# Three objects: the loop over them may end after the second.
OTHER = {"--compiler": "xla", "--training_floor": "1e-3", "--steps": "3"}
PAIRS = dict(zip(tiny.WORDS[::2], tiny.WORDS[1::2], strict=True)) | OTHER
del PAIRS["--epochs"]
WORDS = [word for pair in PAIRS.items() for word in pair]
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, scenes_cache):
    """The folder of an export; the module's networks are tiny.

    A program is compiled once for all tests, by the quicker half of the compiler.
    """
    from reproduce.export import runtime

    folder, compiled = tmp_path_factory.mktemp("export"), {}

    def program(exported, name, device, new=runtime.Program):
        if name not in compiled:
            compiled[name] = new(exported, name, device)
        return compiled[name]

    with (
        tiny.networks(scenes_cache, eagerly=False),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(runtime, "Program", program)
        patch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
        assert export("--seeds", "0,1", "--out", str(folder)) == 0
        yield folder


def export(*words):
    argv = [*WORDS, *words]
    return command_line.main(export_command.define, export_command.body, argv=argv)


def train(folder, root, *words):
    argv = [str(folder), "--results", str(root), *map(str, words)]
    return command_line.main(
        run_exported.define, run_exported.body, argv=argv, positional=True
    )


def models(exported, **changes):
    """The runs' models as TensorFlow builds them."""
    from reproduce.run import build

    configurations = Exported(exported).configurations
    return [
        build.build_model(dataclasses.replace(c, **changes)) for c in configurations
    ]


def assign(model, state):
    """Gives a model the state of a run."""
    from reproduce.run import checkpoint

    for variable, array in zip(checkpoint.variables(model), state, strict=True):
        variable.assign(array)


def test_the_weights_to_begin_from_are_stored(exported):
    from reproduce.run import checkpoint

    initial = Exported(exported).initial
    for state, model in zip(initial, models(exported), strict=True):
        for array, variable in zip(state, checkpoint.variables(model), strict=True):
            np.testing.assert_array_equal(array, variable.numpy())


def test_one_runs_program_trains_another_run_as_its_own_model_does(exported):
    """The seed and the state make the run, not the model that was exported."""
    import tensorflow as tf

    from reproduce.export.programs import Programs
    from reproduce.run import checkpoint

    first, second = models(exported, precision="float64")
    programs, variables = Programs(first), checkpoint.variables(second)
    images = np.random.default_rng(0).integers(60, 200, (16, 50, 50)).astype(np.uint8)
    order = np.arange(16, dtype=np.int32)[::-1].reshape(2, 8)
    assign(first, variables)
    found = programs.train(*map(tf.constant, (images, order, [SEEDS[1], 0])))
    for rows in order:
        means = second.train_step(tf.constant(images[rows]))
    measured = found.pop("measured").numpy().mean(axis=0)
    for name, value in zip(programs.parts, measured, strict=True):
        np.testing.assert_allclose(value, means[name], rtol=1e-6, err_msg=name)
    for array, variable in zip(found.values(), variables, strict=True):
        np.testing.assert_allclose(array, variable, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_jax_measures_what_tensorflow_measures(exported):
    """With all objects, and with a loop over the objects that ends early."""
    import tensorflow as tf

    from reproduce.export import runtime
    from reproduce.run import checkpoint, scenes

    folder, device = Exported(exported), runtime.Device()
    images = scenes.load(folder.configurations[0]).train.images
    order = np.arange(16, dtype=np.int32).reshape(tiny.STEPS, 8)
    train = runtime.Program(folder, "train", device)
    model, *_ = models(exported)
    step = tf.function(model.train_step, jit_compile=True, autograph=False)
    bias = model.recognition.presence.output_layer.bias
    place = [variable is bias for variable in checkpoint.variables(model)].index(True)
    for taken, log_odds in ((3, 0), (2, -20)):
        state = list(folder.initial[0])
        state[place] = state[place] + np.float32(log_odds)
        assign(model, state)
        model.reset_metrics()
        for rows in order:
            means = step(tf.constant(images[rows]))
        arrays = map(device.put, (images, order, np.int32([0, 0])))
        found = train(list(map(device.put, state)), *arrays)
        measured = np.asarray(found["measured"]).mean(axis=0)
        own = dict(zip(folder.manifest["parts"], measured, strict=True))
        assert own["objects_taken"] == taken
        for name, value in means.items():
            # Even this floor's slope, 1e3, shows in the gradient: 0.5 % in a few steps.
            near = {"rtol": 2e-2 if name == "gradient_norm" else 1e-4, "atol": 1e-4}
            np.testing.assert_allclose(own[name], value, **near, err_msg=name)


def test_runs_leave_records_and_go_on_bit_for_bit(exported, tmp_path, capsys):
    assert train(exported, tmp_path / "a", "--epochs", 2) == 0
    out = capsys.readouterr().out
    assert out.count("epoch 2/2") == len(SEEDS)
    frames = frame.load(tmp_path / "a")
    assert list(frames.runs.seed) == list(SEEDS)
    assert (frames.runs.status == "complete").all()
    assert frames.runs.record[0]["environment"]["packages"]["jax"]
    assert train(exported, tmp_path / "b", "--epochs", 1) == 0
    assert train(exported, tmp_path / "b", "--epochs", 2) == 0
    assert "continuing after epoch" in capsys.readouterr().out
    whole, continued = tiny.left(tmp_path / "a"), tiny.left(tmp_path / "b")
    assert {name: continued[name] for name in whole} == whole
    assert train(exported, tmp_path / "a", "--epochs", 2) == 0
    assert capsys.readouterr().out.count("already has a record") == 2


def test_a_run_that_fails_leaves_the_others(exported, tmp_path, capsys, monkeypatch):
    def spoilt(folder):
        found = Exported(folder)
        found.initial[0][0] = np.full_like(found.initial[0][0], np.nan)
        return found

    monkeypatch.setattr(run_exported, "Exported", spoilt)
    assert train(exported, tmp_path, "--epochs", 1) == 3
    captured = capsys.readouterr()
    assert "is not finite at step 1, seed 0" in captured.err
    assert captured.out.count("epoch 1/1") == 1
    assert list(frame.load(tmp_path).runs.status) == ["failed", "complete"]


def test_inference_agrees_with_tensorflow(exported):
    from reproduce.export import runtime
    from reproduce.run import evaluation

    folder, device = Exported(exported), runtime.Device()
    images = np.random.default_rng(0).integers(0, 256, (8, 50, 50)).astype(np.uint8)
    infer = runtime.Program(folder, "infer", device)
    model, *_ = models(exported)
    inference = evaluation.Evaluation(model, len(images))
    for state in folder.initial:
        found = infer(list(map(device.put, state)), device.put(images))
        assign(model, state)
        expected = inference.predict(images)
        for name in expected:
            np.testing.assert_allclose(
                np.asarray(found[name]), expected[name], rtol=1e-3, atol=1e-3
            )


def test_tensorflow_and_jax_share_checkpoints(exported, tmp_path, capsys):
    assert train(exported, tmp_path, "--epochs", 1) == 0
    argv = [*WORDS, "--epochs", "1", "--results", str(tmp_path)]
    from reproduce.run import __main__ as run_command

    for file in tmp_path.rglob("record.json"):
        file.unlink()
    capsys.readouterr()
    # The run's one epoch is in JAX's checkpoint: TensorFlow only writes its record.
    assert command_line.main(run_command.define, run_command.body, argv=argv) == 0
    out = capsys.readouterr().out
    assert "continuing after epoch 1" in out and "  epoch" not in out
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    (jax,) = run["record"]["trained_by"]
    assert "exported_from" in jax


def test_other_folders_get_one_line(exported, tmp_path, capsys, monkeypatch):
    assert train(tmp_path, tmp_path) == 2
    assert "programs.npz: No such file" in capsys.readouterr().err
    content = bytearray((exported / "programs.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "programs.npz").write_bytes(content)
    with pytest.raises(ExportError, match="programs.npz: damaged"):
        Exported(tmp_path)
    monkeypatch.setattr(versions, "NUMERICS", 1)
    with pytest.raises(ExportError, match="another version"):
        Exported(exported)


def test_what_cannot_be_exported_is_told(tmp_path, capsys):
    assert export("--compiler", "none", "--out", str(tmp_path)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: --compiler: none cannot be exported")


def test_a_platform_without_a_device_is_told():
    """A process of its own: JAX looks for its devices once."""
    code = "from reproduce.export import runtime; runtime.Device()"
    last = python(code, JAX_PLATFORMS="cuda").stderr.splitlines()[-1]
    assert re.search(r"UsageError: JAX_PLATFORMS: .+", last)
