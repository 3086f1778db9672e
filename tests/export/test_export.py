"""Two tiny runs, exported, and trained by JAX as TensorFlow would train them."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tiny

from reproduce import REPOSITORY, command_line, run_exported
from reproduce.export import __main__ as export_command
from reproduce.export.folder import Exported, ExportError
from reproduce.records import frame, versions

pytest.importorskip("jax", reason="JAX runs the exported programs: it is not here")
# A floor whose slope does not magnify rounding, so that single precision compares.
OTHER = {"--compiler": "xla", "--training_floor": "1e-3"}
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
    whole = [dataclasses.replace(c, early_end=False, **changes) for c in configurations]
    return [build.build_model(configuration) for configuration in whole]


def test_the_weights_to_begin_from_are_stored(exported):
    from reproduce.run import checkpoint

    initial = Exported(exported).initial
    for number, model in enumerate(models(exported)):
        variables = checkpoint.variables(model)
        for array, variable in zip(initial, variables, strict=True):
            np.testing.assert_array_equal(array[number], variable.numpy())


def test_a_step_is_the_models_own_train_step(exported):
    import tensorflow as tf

    from reproduce.export.programs import Programs
    from reproduce.run import checkpoint

    built = models(exported, precision="float64")
    images = np.random.default_rng(0).integers(60, 200, (8, 50, 50)).astype(np.uint8)
    programs = Programs(built[0], len(SEEDS), len(images))
    states = zip(*(checkpoint.variables(model) for model in built), strict=True)
    state = [tf.stack([variable.value for variable in pair]) for pair in states]
    batch = tf.constant(np.stack([images] * 2))
    seeds = tf.constant([[seed, 0] for seed in SEEDS])
    parts, state = programs._step(batch, seeds, state)
    for number, model in enumerate(built):
        means = model.train_step(tf.constant(images))
        for name, value in zip(programs.parts, parts[number], strict=True):
            np.testing.assert_allclose(value, means[name], rtol=1e-6, err_msg=name)
        for array, variable in zip(state, checkpoint.variables(model), strict=True):
            np.testing.assert_allclose(array[number], variable, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_jax_measures_what_tensorflow_measures(exported):
    import tensorflow as tf

    from reproduce.export import runtime
    from reproduce.run import scenes

    folder, device = Exported(exported), runtime.Device()
    images = scenes.load(folder.configurations[0]).train.images
    order = np.arange(16, dtype=np.int32).reshape(tiny.STEPS, 1, 8)
    arrays = (images, order.repeat(2, axis=1), np.int32([[s, 0] for s in SEEDS]))
    train = runtime.Program(folder, "train", device)
    _, _, sums, *_ = train(*map(device.put, (*arrays, *folder.initial)))
    model, *_ = models(exported)
    step = tf.function(model.train_step, jit_compile=True, autograph=False)
    for rows in order:
        means = step(tf.constant(images[rows[0]]))
    own = dict(zip(folder.manifest["parts"], np.asarray(sums)[0], strict=True))
    for name, value in means.items():
        # Even this floor's slope, 1e3, shows in the gradient: 0.5 % in a few steps.
        near = {"rtol": 2e-2 if name == "gradient_norm" else 1e-4, "atol": 1e-4}
        np.testing.assert_allclose(own[name] / tiny.STEPS, value, **near, err_msg=name)


def test_runs_leave_records_and_go_on_bit_for_bit(exported, tmp_path, capsys):
    assert train(exported, tmp_path / "a", "--epochs", 2) == 0
    out = capsys.readouterr().out
    assert out.count("epoch 2/2") == len(SEEDS)
    frames = frame.load(tmp_path / "a")
    assert list(frames.runs.seed) == list(SEEDS)
    assert (frames.runs.status == "complete").all()
    environment = frames.runs.record[0]["environment"]
    assert environment["runs_at_once"] == 2 and environment["packages"]["jax"]
    assert train(exported, tmp_path / "b", "--epochs", 1) == 0
    assert train(exported, tmp_path / "b", "--epochs", 2) == 0
    assert "goes on from" in capsys.readouterr().out
    whole, continued = tiny.left(tmp_path / "a"), tiny.left(tmp_path / "b")
    assert {name: continued[name] for name in whole} == whole
    assert train(exported, tmp_path / "a", "--epochs", 2) == 0
    assert capsys.readouterr().out.count("its record is there already") == 2


def test_inference_agrees_with_tensorflow(exported):
    from reproduce.export import runtime
    from reproduce.run import checkpoint, evaluation

    folder, device = Exported(exported), runtime.Device()
    images = np.random.default_rng(0).integers(0, 2, (8, 50, 50)).astype(np.uint8)
    program = runtime.Program(folder, "evaluate", device)
    arrays = (images[None], *folder.initial[: folder.manifest["read"]])
    shown = program(*map(device.put, arrays))
    found = dict(zip(folder.manifest["shown"], shown, strict=False))
    model, *_ = models(exported)
    inference = evaluation.Evaluation(model, len(images))
    for number in range(len(SEEDS)):
        variables = checkpoint.variables(model)
        for array, variable in zip(folder.initial, variables, strict=True):
            variable.assign(array[number])
        expected = inference.predict(images)
        for name in ("nelbo", "boxes", "counts"):
            own = np.asarray(found[name])[0, number]
            np.testing.assert_allclose(own, expected[name], rtol=1e-3, atol=1e-3)


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
    assert "resumed" in out and "  epoch" not in out
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    jax, tensorflow = run["record"]["trained_by"]
    assert "exported_from" in jax and "exported_from" not in tensorflow


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
    for flag, value in (("compiler", "none"), ("nonfinite_gradients", "zero")):
        assert export(f"--{flag}", value, "--out", str(tmp_path)) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith(f"error: --{flag}: {value} cannot be exported")


def test_a_platform_without_a_device_is_told():
    """A process of its own: JAX looks for its devices once."""
    code = "from reproduce.export import runtime; runtime.Device()"
    own = os.environ | {"JAX_PLATFORMS": "cuda"}
    words = [sys.executable, "-c", code]
    ended = subprocess.run(
        words, env=own, cwd=REPOSITORY, capture_output=True, text=True
    )
    last = ended.stderr.splitlines()[-1]
    assert re.search(r"UsageError: JAX_PLATFORMS: .+", last)
