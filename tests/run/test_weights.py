"""Weights that are kept: small, the same model, verified against the record."""

import numpy as np
import pytest
import tiny

from reproduce import weights
from reproduce.errors import UsageError
from reproduce.records import frame
from reproduce.run.trained import trained_model

pytestmark = pytest.mark.usefixtures("tiny_networks")


def test_kept_weights_are_the_runs_and_are_verified(finished, tmp_path, capsys):
    (state,) = finished.rglob("state.npz")
    weights.keep(state.parent, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    assert file.name == "-".join(state.parts[-4:-1]) + ".npz"
    assert file.stat().st_size < state.stat().st_size / 3
    models = trained_model(state.parent), trained_model(file)
    for one, other in zip(
        *(model.trainable_variables for model in models), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    assert [int(model.iteration) for model in models] == [2 * tiny.STEPS] * 2
    assert int(models[0].optimizer.iterations) == 2 * tiny.STEPS  # as it left it
    assert weights.verify("table1", finished, weights=tmp_path / "kept")
    assert "record" in capsys.readouterr().out

    with np.load(file) as content:
        other = {n: v + (v.dtype == np.float16) for n, v in content.items()}
    np.savez(file, **other)
    assert not weights.verify("table1", finished, weights=tmp_path / "kept")
    assert "too far" in capsys.readouterr().out
    with pytest.raises(UsageError, match="has none of table2"):
        weights.verify("table2", tmp_path, weights=tmp_path / "kept")


def test_weights_of_another_epoch_than_the_records_are_refused(tmp_path):
    """The record reports the epoch of the lowest loss, which is not the last."""
    words = ("--reported_epoch", "lowest_loss", "--learning_rate", 1)
    assert tiny.run(tmp_path, *words) == 0
    frames = frame.load(tmp_path)
    lowest = 1 + np.argmin(frames.epochs.train_loss)
    assert frames.runs.reported_epoch[0] == lowest != 2
    (state,) = tmp_path.rglob("state.npz")
    with pytest.raises(UsageError, match="of an earlier epoch"):
        weights.keep(state.parent, tmp_path / "kept")
