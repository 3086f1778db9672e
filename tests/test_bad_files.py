"""Bad files and constraints that a run meets: one line, exit code 2, nothing lost.

More damages of a checkpoint are in test_checkpoint, of the scenes' cache in
test_data_cache_damage, of MNIST in test_data_mnist.
"""

import json
import pathlib

import numpy as np
import pytest
import synthetic
from bad_input_support import EXPERIMENT, SMALL, call, check

import data
from reproduce import checkpoint, files, records, run
from reproduce.configuration import preset_configuration
from reproduce.scene_data import scene_specification


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Networks of a few weights, run eagerly; the scenes' cache in tmp_path."""
    import tensorflow as tf
    import tiny_run

    import air
    from reproduce import build

    monkeypatch.setenv("ASR_CACHE", str(tmp_path / "cache"))
    for name in ("AIR", "FixedPrior", "LearnedPrior"):
        monkeypatch.setattr(build.air, name, getattr(air, name))  # put back at the end
    monkeypatch.setattr(build, "_regulariser", build._regulariser)
    monkeypatch.setattr(tiny_run, "watched", lambda *_: None)
    tiny_run.shrink()
    yield build
    tf.config.run_functions_eagerly(False)


def checkpoint_file(folders):
    configuration = preset_configuration(
        EXPERIMENT,
        epochs=2,
        digits="rendered",
        train_images=8,
        test_images=4,
        batch_size=4,
        steps=3,
    )
    kept = checkpoint.folder_of(folders[-1], configuration)
    kept.mkdir(parents=True)
    return kept / checkpoint.NAME, configuration


def good_state(configuration, preset="paper", **changes):
    options = configuration.to_json() | {"preset": preset}
    del options["epochs"]
    state = {name: 0.0 for name in checkpoint.STATE}
    state |= {"configuration": options, "history": [], "reported": None}
    return state | {"data_digest": "0" * 64} | changes


def write_state(file, configuration, arrays=(), **changes):
    checkpoint.save(file, dict(arrays), good_state(configuration, **changes))


def other_format(file, configuration):
    text = json.dumps({**good_state(configuration), "format": 0})
    np.savez(file, state=np.frombuffer(text.encode(), np.uint8))


def no_history(file, configuration):
    state = good_state(configuration)
    del state["history"]
    checkpoint.save(file, {}, state)


CHECKPOINTS = {
    "empty": (lambda file, _: file.write_bytes(b""), "damaged, or not a checkpoint"),
    "text": (lambda file, _: file.write_text("weights"), "damaged"),
    "foreign": (lambda file, _: np.savez(file, weights=np.zeros(3)), "damaged"),
    "pickled": (
        lambda file, _: np.savez(file, state=np.array([None], dtype=object)),
        "damaged",
    ),
    "older format": (other_format, "format 0 is unknown; known: 1"),
    "no history": (no_history, "it lacks history"),
    "folder": (lambda file, _: file.mkdir(), "Is a directory"),
    "other options": (
        lambda file, c: write_state(file, c, preset="released"),
        "it is of another configuration",
    ),
    "other scenes": (write_state, "it was trained on other scenes"),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_bad_checkpoint(name, folders, tiny, capsys):
    damage, reason = CHECKPOINTS[name]
    file, configuration = checkpoint_file(folders)
    damage(file, configuration)
    before = file.read_bytes() if file.is_file() else None
    code = call(run, *SMALL, *folders)
    check(capsys, code, f"{file}: ", reason, "remove the file or use --retrain")
    assert before is None or file.read_bytes() == before


def test_a_checkpoint_of_another_model(folders, tiny, capsys):
    file, configuration = checkpoint_file(folders)
    scenes = data.load(scene_specification(configuration))
    arrays = {"0000": np.zeros(3)}
    write_state(file, configuration, arrays, data_digest=scenes.digest)
    check(capsys, call(run, *SMALL, *folders), f"{file}: it is of another model")


@pytest.mark.parametrize("fault", ["wrong shape", "wrong type", "nothing", "text"])
def test_a_constraint_that_is_none(fault, folders, tiny, capsys, monkeypatch):
    import tensorflow as tf

    import asr

    values = {
        "wrong shape": lambda q: q.side,
        "wrong type": lambda q: tf.cast(q.side[:, 0], tf.int32),
        "nothing": lambda q: None,
        "text": lambda q: "far",
    }
    bad = asr.Regulariser([asr.Constraint("mine", values[fault])])
    monkeypatch.setattr(tiny, "_regulariser", lambda configuration: bad)
    code = call(run, *SMALL, *folders)
    check(capsys, code, "constraint mine: F(q) ", "allowed ")


def test_allowed_counts_above_the_largest_number(folders, tiny, capsys, monkeypatch):
    import asr

    above = asr.number_regulariser((1, 9))
    monkeypatch.setattr(tiny, "_regulariser", lambda configuration: above)
    code = call(run, *SMALL, *folders)
    check(capsys, code, "allowed counts (1, 9): at most 3 objects are inferred")


def test_a_nan_constraint_stops_the_run_by_its_name(folders, tiny, capsys, monkeypatch):
    import asr

    calls = []

    def mine(posterior):
        calls.append(1)
        return posterior.side[:, 0] * (float("nan") if len(calls) == 4 else 0.0)

    bad = asr.Regulariser([asr.Constraint("mine", mine)])
    monkeypatch.setattr(tiny, "_regulariser", lambda configuration: bad)
    assert call(run, *SMALL, *folders, "--seed", "3") == run.NON_FINITE
    err = capsys.readouterr().err
    assert "failed: mine is not finite at step 4 (epoch 2), seed 3\n" in err
    (found,) = records.find(folders[1], EXPERIMENT).values()
    assert found["status"] == "failed" and found["metrics"] is None
    (state,) = pathlib.Path(folders[-1]).rglob(checkpoint.NAME)
    arrays, kept = checkpoint.load(state)
    assert len(kept["history"]) == 1
    assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")
    # The same command says so again instead of training or looking fine.
    assert call(run, *SMALL, *folders, "--seed", "3") == run.NON_FINITE
    assert "failed before: mine is not finite" in capsys.readouterr().err


MNIST = {
    "missing": (None, "no such file"),
    "empty": (b"", "damaged, truncated or not an .npz"),
    "text": (b"five thousand digits", "damaged, truncated or not an .npz"),
}


@pytest.mark.parametrize("name", MNIST)
def test_a_bad_mnist_file(name, tmp_path, folders, tiny, capsys):
    content, reason = MNIST[name]
    file = tmp_path / "mnist.npz"
    if content is not None:
        file.write_bytes(content)
    code = call(run, "--experiment", EXPERIMENT, "--mnist", str(file), *folders)
    check(capsys, code, f"--mnist {file}: {reason}", "--digits rendered")


def test_a_damaged_record_of_the_run_itself(folders, capsys):
    folder = synthetic.write(folders[1], EXPERIMENT, epochs=2)
    (folder / "record.json").write_text("{}")
    code = call(run, "--experiment", EXPERIMENT, "--epochs", "2", *folders)
    check(capsys, code, files.shown(folder), "not a run record", "--retrain")
