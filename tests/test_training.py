"""The training loop: history, reported epoch, noise; bad values stop it."""

import numpy as np
import pytest
import tensorflow as tf
from training_support import BATCH, options, start

import asr
from air import noise
from reproduce import evaluation, run_state
from reproduce.errors import NonFiniteError

pytestmark = pytest.mark.usefixtures("compiled_once")


def test_history_has_one_finite_row_an_epoch(tmp_path):
    run = start(tmp_path, options())
    run.run("whole")
    history, reported = run.history, run.reported
    assert [row["epoch"] for row in history] == [1, 2]
    assert reported["epoch"] == 2
    for row in history:
        assert all(np.isfinite(value) for value in row.values())
        terms = [
            *("reconstruction", "kl_location", "kl_scale", "kl_appearance"),
            "kl_presence",
        ]
        for part in ("train", "test"):
            total = sum(row[f"{part}_{name}"] for name in terms)
            assert row[f"{part}_nelbo"] == pytest.approx(total, rel=1e-5)
        penalty = 10 * row["train_allowed_count"] + 100 * row["train_marginal_count"]
        assert row["train_penalty"] == pytest.approx(penalty, rel=1e-5)
        loss = row["train_nelbo"] + row["train_penalty"]
        assert row["train_loss"] == pytest.approx(loss, rel=1e-5)
    for name in ("nelbo", "se", "acc", "miou", "miou_integer_convention"):
        assert reported["metrics"][name] == history[1][f"test_{name}"]


def test_the_lowest_training_loss_chooses_the_reported_epoch(tmp_path):
    run = start(tmp_path, options(reported_epoch="lowest_loss"))
    losses = [5.0, 3.0, 4.0, 3.0, 2.0]
    best = []
    for epoch, loss in enumerate(losses):
        row = {"epoch": epoch + 1, "train_loss": loss}
        if run_state.is_reported(run, row):
            best.append(epoch + 1)
        run.history.append(row)
    assert best == [1, 2, 5]


def test_noise_differs_between_steps_and_follows_the_run_seed(tmp_path, monkeypatch):
    run = start(tmp_path, options())
    draws = []
    draw = run.model.draw_noise

    def recording(seed, batch):
        draws.append(np.asarray(seed).tolist())
        return draw(seed, batch)

    monkeypatch.setattr(run.model, "draw_noise", recording)
    images = tf.constant(run.images[:BATCH])
    for _ in range(3):
        run.model.train_step(images)
    expected = [
        noise.fold_in(noise.run_seed(0), tf.constant(t, tf.int64)).numpy().tolist()
        for t in range(3)
    ]
    assert draws == expected and len(set(map(tuple, draws))) == 3


# Values that are not finite.


def turning(step, value):
    """A constraint whose value, or whose gradient alone, is bad from a step on."""
    calls = []

    def functional(posterior):
        calls.append(1)
        if len(calls) < step:
            return tf.zeros_like(posterior.side[:, 0])
        if value == "gradient":  # sqrt(0): a finite value, a slope that is not
            return 1.0 + tf.sqrt(0.0 * posterior.side[:, 0])
        return value * posterior.side[:, 0]

    return [asr.Constraint("turning", functional)]


@pytest.mark.parametrize(
    "value, term",
    [(np.nan, "turning"), (np.inf, "turning"), ("gradient", "gradient_norm")],
)
def test_a_value_that_is_not_finite_stops_at_once(tmp_path, value, term):
    """It names term, step, epoch and seed; the last good checkpoint remains."""
    configuration = options(seed=7)
    run = start(tmp_path, configuration, turning(5, value))
    with pytest.raises(NonFiniteError) as caught:
        run.run("bad")
    text = str(caught.value)
    assert text == f"{term} is not finite at step 5 (epoch 2), seed 7"
    assert run.taken == 5
    content = run.file.read_bytes()
    assert run.save() is False and run.file.read_bytes() == content
    again = start(tmp_path, configuration, turning(1000, value))
    assert again.taken == 3 and len(again.history) == 1
    for variable in again.model.trainable_variables:
        assert np.all(np.isfinite(variable.numpy()))


def test_a_test_figure_that_is_not_finite_stops_the_run(tmp_path, monkeypatch):
    evaluate = evaluation.Evaluator.__call__

    def bad(self):
        figures, arrays = evaluate(self)
        return {**figures, "kl_scale": np.inf}, arrays

    monkeypatch.setattr(evaluation.Evaluator, "__call__", bad)
    run = start(tmp_path, options())
    with pytest.raises(NonFiniteError, match="kl_scale of the test .* epoch 1, seed 0"):
        run.run("bad")
    assert run.history == [] and not run.file.exists()
