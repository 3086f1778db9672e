"""The parts of a run's training: order of images, history, lines, provenance."""

import math

import numpy as np
import pytest

import data
from reproduce.errors import NonFiniteError
from reproduce.experiments.configuration import preset_configuration
from reproduce.run import checkpoint, training
from reproduce.run.one import Run

FIGURES = {"nelbo": 2.0, "acc": None, "se": 1.0, "miou": 0.5}


def progress(epochs=1):
    found = checkpoint.Progress()
    for epoch in range(epochs):
        found.add_epoch({"loss": 3.0 - epoch}, FIGURES, 1.5)
    return found


def test_batches_are_those_of_seed_and_epoch_from_the_first_epoch_asked_for():
    images = np.arange(11, dtype=np.uint8).repeat(4).reshape(11, 2, 2)
    found = np.stack([batch.numpy() for batch in training.batches(images, 3, 7, 1, 3)])
    orders = np.concatenate([data.epoch_order(11, 3, 7, epoch) for epoch in (1, 2)])
    np.testing.assert_array_equal(found, images[orders])


def test_the_line_of_an_epoch_leaves_out_what_is_not_known():
    run = Run(preset_configuration("table1/asr-13", epochs=2), None, None)
    run.progress.add_epoch({"loss": 3.0}, FIGURES, 1.5)
    text = "epoch 1/2  loss 3.0  nELBO 2.0  SE 1.00  mIoU 0.500  2 s"
    assert run.line() == f"table1/asr-13 seed 0  {text}"


def test_the_faulty_term_is_named_rather_than_the_sums_that_it_spoils():
    nan = math.nan
    assert checkpoint.faulty({"loss": nan, "nelbo": nan, "kl_scale": nan}) == "kl_scale"
    assert checkpoint.faulty({"loss": math.inf, "kl_scale": 1.0}) == "loss"
    assert checkpoint.faulty({"loss": 1.0, "acc": None}) is None
    with pytest.raises(NonFiniteError, match="^se of the test images is not finite"):
        progress().add_epoch({"loss": 1.0}, FIGURES | {"se": nan}, 1.0)


@pytest.mark.parametrize(
    ("reported", "losses", "expected"),
    [("last", [3, 2, 1], [3]), ("lowest_loss", [3, 1, 2], [1, 2])],
)
def test_epochs_that_the_record_may_report(reported, losses, expected):
    configuration = preset_configuration(
        "table1/asr-13", epochs=3, reported_epoch=reported
    )
    run, found = checkpoint.Progress(), []
    for loss in losses:
        run.add_epoch({"loss": float(loss)}, FIGURES, 1.0)
        found += [len(run.history)] if run.reports(configuration) else []
    assert found == expected


def test_only_another_process_is_noted_and_only_if_the_one_before_trained():
    run, ours, other = progress(0), {"commit": "a"}, {"commit": "b"}
    run.note_process(ours)
    run.note_process(other)  # the first was interrupted before its first epoch's end
    assert run.trained_by == [{"first_epoch": 1, "commit": "b"}]
    run.add_epoch({"loss": 1.0}, FIGURES, 1.0)
    run.note_process(other)
    assert len(run.trained_by) == 1
    run.note_process(ours)
    assert run.trained_by[1] == {"first_epoch": 2, "commit": "a"}
