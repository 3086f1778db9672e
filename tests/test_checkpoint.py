"""Checkpoints that cannot be used are refused, and a good one restores all."""

import io

import numpy as np
import pytest
from training_support import every_variable, options, scenes, start

import asr
from reproduce import checkpoint, run_state, training

pytestmark = pytest.mark.usefixtures("compiled_once")


@pytest.fixture(scope="module")
def good_bytes(tmp_path_factory):
    """A checkpoint's file after the steps of one of two epochs."""
    run = start(tmp_path_factory.mktemp("good"), options())
    run._train_epoch(training.Progress("x", 2, 3, stream=io.StringIO()))
    run.save()
    return run.file.read_bytes()


def refused(root, content, configuration=None, **changes):
    """The error of resuming from a file of this content; it must be one line."""
    configuration = configuration or options()
    file = checkpoint.folder_of(root, configuration) / checkpoint.NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError) as caught:
        start(root, configuration, **changes)
    text = str(caught.value)
    assert checkpoint.NAME in text and "--retrain" in text and "\n" not in text
    assert file.read_bytes() == content  # nothing is lost
    return text


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, good_bytes, share):
    content = good_bytes[: int(share * len(good_bytes))]
    assert "damaged" in refused(tmp_path, content)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    archive, array = io.BytesIO(), io.BytesIO()
    np.savez(archive, other=np.zeros(3))
    np.save(array, np.zeros(3))
    for content in (b"not an archive", archive.getvalue(), array.getvalue()):
        assert "not a checkpoint" in refused(tmp_path, content)


def test_a_changed_byte_is_refused_or_changes_nothing(tmp_path, good_bytes):
    """Everywhere in the file, its headers and its directory."""
    file = tmp_path / "state.npz"
    file.write_bytes(good_bytes)
    arrays, state = checkpoint.load(file)
    stream = np.random.default_rng(0)
    places = np.concatenate(
        [
            np.arange(0, 160),  # the first entry's headers
            stream.integers(0, len(good_bytes), 100),
            np.arange(len(good_bytes) - 120, len(good_bytes)),  # the directory
        ]
    )
    errors = 0
    for place in places:
        content = bytearray(good_bytes)
        content[place] ^= int(stream.integers(1, 256))
        file.write_bytes(content)
        try:
            found, found_state = checkpoint.load(file)
        except checkpoint.CheckpointError:
            errors += 1
            continue
        # Fields such as a file's date hold nothing of the run. An entry may be
        # lost or renamed: the run then finds that the model is another one.
        assert found_state == state
        for name in set(found) & set(arrays):
            np.testing.assert_array_equal(found[name], arrays[name])
    assert errors > len(places) / 2


def test_a_checkpoint_of_other_options_is_refused(tmp_path, good_bytes):
    """Put by hand where another run looks for its own."""
    other = options(learning_rate=1e-2)
    assert "another configuration" in refused(tmp_path, good_bytes, other)


def test_a_checkpoint_of_other_scenes_is_refused(tmp_path, good_bytes):
    found = refused(tmp_path, good_bytes, scenes=scenes(digest="e"))
    assert "other scenes" in found


def test_a_checkpoint_of_another_model_is_refused(tmp_path, good_bytes):
    more = [asr.Constraint("overlap", asr.PairOverlap())]
    found = refused(tmp_path, good_bytes, constraints=more)
    assert "another model" in found


def test_a_good_checkpoint_restores_every_variable(tmp_path, good_bytes):
    file = checkpoint.folder_of(tmp_path, options()) / checkpoint.NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(good_bytes)
    run = start(tmp_path, options())
    assert run.taken == 3 and run.resumed_from == file
    arrays, _ = checkpoint.load(file)
    for index, variable in enumerate(run_state.variables(run.model)):
        np.testing.assert_array_equal(variable.numpy(), arrays[f"{index:04d}"])
    model = run.model
    kept = {id(variable) for variable in run_state.variables(run.model)}
    assert {id(variable) for variable in every_variable(model)} == kept
    # Nothing of the model but unused seeds is outside the state.
    assert {id(v) for v in model.variables} <= kept


def test_a_checkpoint_from_before_an_option_was_added_is_used(tmp_path, good_bytes):
    file = tmp_path / checkpoint.NAME
    file.write_bytes(good_bytes)
    arrays, state = checkpoint.load(file)
    del state["configuration"]["early_end"], state["trained_by"]
    checkpoint.save(
        checkpoint.folder_of(tmp_path, options()) / file.name, arrays, state
    )
    run = start(tmp_path, options())
    assert run.taken == 3 and run.trained_by == [{"first_step": 0}]
    state["configuration"]["of_a_later_version"] = 1
    checkpoint.save(file, arrays, state)
    assert "another configuration" in refused(tmp_path, file.read_bytes())
