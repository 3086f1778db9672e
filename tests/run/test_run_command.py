"""One run in this process, with tiny networks: what it writes, prints and refuses."""

import json
import pathlib

import numpy as np
import pytest
import tiny

from reproduce import REPOSITORY
from reproduce.experiments import published
from reproduce.experiments.configuration import preset_configuration
from reproduce.records import folders, frame, record, versions
from reproduce.run import checkpoint, metrics, one, trained

pytestmark = pytest.mark.usefixtures("tiny_networks")
EXAMPLE = REPOSITORY / "examples" / "left_to_right.py"


def refused(capsys, root, *words):
    """The one line of a command that is refused before anything is written."""
    assert tiny.run(root, *words) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert not list(pathlib.Path(root).glob("runs/**/*.json"))
    return line


def test_a_run_leaves_its_record_prints_its_epochs_and_is_not_trained_twice(
    tmp_path, capsys, monkeypatch
):
    """With a paper's run's length of two epochs: then it has the tighter bound, too."""
    monkeypatch.setattr(published, "EPOCHS", 2)
    assert tiny.run(tmp_path, "--tensorboard", tmp_path / "logs") == 0
    out = capsys.readouterr().out
    assert "\r" not in out and "\033" not in out  # not a terminal
    assert [line.split("  ")[1] for line in out.splitlines() if "  epoch" in line] == [
        "epoch 1/2",
        "epoch 2/2",
    ]
    frames = frame.load(tmp_path)
    (run,) = frames.runs.to_dict("records")
    assert (run["status"], run["numerics"], run["stale"]) == (
        "complete",
        versions.NUMERICS,
        False,
    )
    last = frames.epochs.iloc[-1]
    for name in ("nelbo", "se", "acc", "miou"):
        assert run[name] == last[f"test_{name}"]
    assert sum(run["count_histogram"]) == 8
    environment, git = run["record"]["environment"], run["record"]["git"]
    assert environment["packages"]["keras"]
    assert environment["threads"] == environment["cores"]
    assert git["commit"] is None or len(git["commit"]) == 40
    assert 0 <= run["overlapping_pairs_in_samples_error"] < 0.1
    assert np.isfinite(run["importance_weighted_nelbo"])
    events = list((tmp_path / "logs").rglob("events.*"))
    assert {file.parent.name for file in events} == {"train", "validation"}
    assert tiny.run(tmp_path) == 0
    assert "already has a record" in capsys.readouterr().out


def test_no_run_goes_on_from_a_checkpoint_of_other_numerics(
    finished, capsys, monkeypatch
):
    (file,) = finished.rglob("state.npz")
    before = file.read_bytes()
    newer = versions.NUMERICS + 1
    touched = versions._TOUCHED | {newer: lambda options: True}
    monkeypatch.setattr(versions, "_TOUCHED", touched)
    monkeypatch.setattr(versions, "NUMERICS", newer)
    assert tiny.run(finished) == 0
    told = capsys.readouterr().out
    assert "made by older code" in told and "state is kept" in told
    older = file.with_name(checkpoint.OLDER)
    assert older.read_bytes() == before and file.exists()
    assert not frame.load(finished).runs.stale[0]


def rewritten(source, target, numerics, change):
    """A copy of a checkpoint whose options and version are others."""
    arrays = folders.read_arrays(source)
    state = json.loads(arrays["state"].tobytes()) | {"numerics": numerics}
    change(state["configuration"])
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    target.parent.mkdir(exist_ok=True)
    np.savez(target, **arrays)


def test_a_run_goes_on_from_the_longest_checkpoint_of_todays_numbers(finished, capsys):
    """Options may have come since; older code's own state is kept beside."""
    (file,) = finished.rglob("state.npz")
    own = file.parent.with_name(file.parent.name.replace("2ep", "3ep")) / file.name
    rewritten(file, own, 1, lambda options: options.update(epochs=3))
    rewritten(file, file, versions.NUMERICS, lambda o: o.pop("constraint_weight"))
    assert tiny.run(finished, "--epochs", 3) == 0
    assert f"after epoch 2, from {file.parent}" in capsys.readouterr().out
    assert own.with_name(checkpoint.OLDER).exists() and own.exists()


def test_a_record_names_the_commit_that_trained_its_last_epoch(tmp_path):
    configuration = preset_configuration("table1/asr-13", epochs=1)
    run = one.Run(configuration, tmp_path, tmp_path / "state.npz")
    run.note_process({"commit": "a"})
    run.progress.history.append({})
    run.note_process({"commit": "b"})  # which only writes the record
    assert [process["commit"] for process in run.progress.trained_by] == ["a"]


def test_a_constraint_of_ones_own_is_logged_and_part_of_the_variant(tmp_path, capsys):
    given = f"{EXAMPLE}:left_to_right"
    words = ("--constraint", given, "--constraint_weight", 10)
    assert tiny.run(tmp_path, *words, "--epochs", 1) == 0
    frames = frame.load(tmp_path)
    (run,) = frames.runs.to_dict("records")
    assert run["changed"]["constraint"] == "examples/left_to_right.py:left_to_right"
    assert "+constraint=left_to_right." in run["variant"]
    assert "+constraint_weight=10.0" in run["variant"]
    assert (frames.epochs.train_left_to_right > 0).all()
    assert tiny.run(tmp_path, *words) == 0
    assert ", from " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "name", "told"),
    [
        ("", "absent", "has no function absent"),
        ("import nothing_of_that_name", "f", "ModuleNotFoundError"),
        ("def f(q): return q.side", "f", "F(q) has shape"),
        ("def f(q): return q.sides", "f", "no attribute 'sides'"),
        ("def f(q): return 'text'", "f", "allowed is a tensor"),
    ],
)
def test_a_faulty_constraint_gets_one_line(tmp_path, capsys, source, name, told):
    file = tmp_path / "own.py"
    file.write_text(source)
    line = refused(capsys, tmp_path, "--constraint", f"{file}:{name}")
    assert line.startswith("error: --constraint: ") and told in line


def own_scenes(file, **arrays):
    stream = np.random.default_rng(0)
    images = stream.integers(0, 256, (20, 20, 20)).astype(np.uint8)
    np.savez(file, **{"images": images, **arrays})
    return file


def own(root, experiment, *words):
    """A tiny run without the flags of the scenes that are made."""
    from reproduce import command_line
    from reproduce.run import __main__ as command

    common = ("--experiment", experiment, "--steps", "3", "--batch_size", "8")
    argv = [*common, "--compiler", "none", "--epochs", "1", "--results", str(root)]
    return command_line.main(command.define, command.body, argv=[*argv, *words])


def test_images_alone_are_scenes_and_what_they_do_not_tell_stays_empty(tmp_path):
    file = own_scenes(tmp_path / "mine.npz")
    words = ("--scenes", str(file), "--preset", "released")
    assert own(tmp_path, "table1/air-13", *words) == 0
    frames = frame.load(tmp_path)
    (run,) = frames.runs.to_dict("records")
    assert (run["dataset"], run["digits"]) == ("mine", None)
    assert "+scenes=mine." in run["variant"]
    assert run["acc"] is None and run["miou"] is None
    assert np.isfinite(run["nelbo"])
    figure = record.read_figure(tmp_path / run["folder"])
    assert figure["images"].shape == (2, 20, 20)  # the last tenth
    assert "true_counts" not in figure


def test_scenes_with_counts_and_boxes_are_judged_by_them(tmp_path):
    counts = np.resize([1, 3], 20)
    boxes = np.tile(np.float32([2, 3, 9, 9]), (20, 3, 1))
    arrays = {"counts": counts, "boxes": boxes, "test_counts": counts[:8]}
    arrays["test_boxes"] = boxes[:8]
    arrays["test_images"] = np.zeros([8, 20, 20], np.float32)
    file = own_scenes(tmp_path / "mine.npz", **arrays)
    assert own(tmp_path, "table1/asr-13", "--scenes", str(file)) == 0
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    kept = record.read_figure(tmp_path / run["folder"])
    assert run["acc"] == np.mean(kept["counts"] == counts[:8])
    inferred, true = (kept["boxes"], kept["counts"]), (boxes[:8], counts[:8])
    expected = metrics.mean_over_scenes(*inferred, *true)["miou"]
    assert run["miou"] == pytest.approx(expected, rel=1e-5)
    assert run["record"]["data_statistics"]["test"]["objects"] == counts[:8].sum()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"images": np.zeros([20, 20, 21], np.uint8)}, "images: of shape"),
        ({"counts": np.resize([1, 2], 20)}, "scenes of 2 objects; --counts 1,3 leaves"),
        ({"images": np.full([20, 20, 20], -1.0)}, "images: values from -1 to -1"),
        ({"images": np.full([20, 20, 20], np.nan)}, "images: values from nan"),
        ({"images": np.zeros([])}, "images: of shape []"),
        ({"images": np.zeros([0, 20, 20])}, "images: of shape [0, 20, 20]"),
        ({"counts": np.zeros([3], int)}, "counts: int64 of shape [3]"),
        ({"counts": np.full([20], -1)}, "counts: -1 is negative"),
        ({"boxes": np.zeros([20, 3, 4])}, "boxes: without counts"),
        ({"test_images": np.zeros([9, 8, 8], np.uint8)}, "differ in size"),
        ({"images": np.zeros([7, 20, 20], np.uint8)}, "at least one batch of 8"),
    ],
)
def test_scenes_that_do_not_fit_get_one_line(tmp_path, capsys, arrays, told):
    file = own_scenes(tmp_path / "mine.npz", **arrays)
    assert own(tmp_path, "table1/pprior-13", "--scenes", str(file)) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --scenes: ") and told in line


def test_a_value_that_is_not_finite_ends_the_run_with_a_record_that_says_where(
    tmp_path, capsys
):
    file = tmp_path / "own.py"
    file.write_text(
        "import tensorflow as tf\n"
        "def bad(q):\n"
        "    return tf.where(q.side[:, 0] > 0, tf.math.log(-q.side[:, 0]), 0)\n"
    )
    words = ("--constraint", f"{file}:bad")
    assert tiny.run(tmp_path, *words) == 3
    assert "bad is not finite at step 1, seed 0" in capsys.readouterr().err
    (found,) = frame.load(tmp_path).runs.to_dict("records")
    assert found["status"] == "failed" and "bad is not finite" in found["failure"]
    assert tiny.run(tmp_path, *words) == 3  # told again, not trained again


def test_a_model_of_ones_own_is_part_of_the_variant_and_is_loaded_again(tmp_path):
    file = REPOSITORY / "tests" / "own_parts.py"
    assert tiny.run(tmp_path, "--model", f"{file}:shallow", "--epochs", 1) == 0
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    assert run["changed"]["model"] == "tests/own_parts.py:shallow"
    assert "+model=shallow." in run["variant"]
    (state,) = tmp_path.rglob("state.npz")
    assert type(trained.trained_model(state.parent).decoder.network).__name__ == "Dense"


def test_a_damaged_checkpoint_gets_one_line_and_is_left_alone(finished, capsys):
    (file,), (done,) = finished.rglob("state.npz"), finished.rglob("record.json")
    done.unlink()
    file.write_bytes(file.read_bytes()[:1000])
    assert tiny.run(finished) == 2
    assert "state.npz: damaged" in capsys.readouterr().err
    assert file.stat().st_size == 1000
    assert tiny.run(finished, "--retrain") == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--temperature", "0.5"], "--temperature: it has no effect on table1/asr-13"),
        (["--counts", "4,5"], "--counts: (4, 5) is not allowed"),
        (["--results", __file__], "--results: "),
        (["--constraint", "nowhere.py:f"], "--constraint: nowhere.py: No such file"),
        (["--scenes", "nowhere.npz"], "--scenes: nowhere.npz: No such file"),
    ],
)
def test_bad_input_gets_one_line(tmp_path, capsys, words, told):
    assert refused(capsys, tmp_path, *words).startswith(f"error: {told}")
