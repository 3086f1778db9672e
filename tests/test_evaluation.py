"""Evaluation: every test image once, one fixed sample of z, and the summary."""

import model_support
import numpy as np
import pytest
from training_support import BATCH, TEST, options, scenes, tiny

from reproduce import evaluation, metrics, summaries

pytestmark = pytest.mark.usefixtures("compiled_once")


def test_padding_the_last_batch_changes_nothing():
    """6 images in batches of 4 are as the first 6 of 8 full of other images."""
    model = model_support.noisy_weights(tiny(options()), 1.0)
    images = model_support.random_images(8)
    evaluator = evaluation.Evaluator(model, None, BATCH)
    short, full = evaluator.predict(images[:6]), evaluator.predict(images)
    assert set(short) == set(full)
    for name in short:
        assert len(short[name]) == 6
        np.testing.assert_allclose(short[name], full[name][:6], rtol=1e-5, atol=1e-5)


def test_all_test_images_count_and_once_each():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    truth = scenes().test
    figures, arrays = evaluation.Evaluator(model, truth, BATCH)()
    assert all(len(value) == TEST for value in arrays.values())
    assert figures["nelbo"] == pytest.approx(np.mean(arrays["nelbo"]), rel=1e-6)
    errors = (truth.images / 255 - arrays["reconstructions"]) ** 2
    assert figures["se"] == pytest.approx(errors.sum() / TEST, rel=1e-5)
    right = np.sum(arrays["counts"] == truth.counts)
    assert figures["acc"] == pytest.approx(right / TEST)
    assert figures["mean_count"] == pytest.approx(arrays["counts"].sum() / TEST)


def test_evaluation_repeats_exactly_and_draws_anew_for_each_batch():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    images = np.repeat(model_support.random_images(1), 2 * BATCH, axis=0)
    evaluator = evaluation.Evaluator(model, None, BATCH)
    first, second = evaluator.predict(images), evaluator.predict(images)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    # Equal images, unequal samples of z: within a batch and between batches.
    assert len(np.unique(first["kl_appearance"])) == 2 * BATCH


def test_overlap_at_one_side_is_that_of_samples_with_this_side():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    truth, side = scenes().test, 2.0
    arrays = evaluation.Evaluator(model, truth, BATCH).predict(truth.images)
    found = evaluation.summary(model, truth, arrays, side)
    resized = model.generate(summaries.PRIOR_SAMPLES, summaries.SAMPLE_SEED, side=side)
    share = metrics.overlapping_pair_share(resized["boxes"], resized["counts"])
    assert found[summaries.OVERLAP_METRICS[1]] == pytest.approx(share, abs=0.002)
    assert found[summaries.OVERLAP_METRICS[0]] != pytest.approx(share, abs=0.01)


def test_summary_describes_counts_and_samples():
    model = model_support.noisy_weights(tiny(options()), 1.0)
    truth = scenes().test
    arrays = evaluation.Evaluator(model, truth, BATCH).predict(truth.images)
    arrays["counts"] = np.array([0, 1, 1, 3, 2, 1])
    found = evaluation.summary(model, truth, arrays, side=2.0)
    assert found["count_histogram"] == [1, 3, 1, 1]
    assert found["one_step_share"] == 0.5
    for metric in summaries.OVERLAP_METRICS:
        assert 0 <= found[metric] <= 1
    # Counts (3, 1, 3, 1, 3, 1) are true; boxes coincide, so all pairs are at 0.
    assert found["too_few_by_distance"]["scenes"][0] == 3
    assert found["too_few_by_distance"]["too_few"][0] == 3
    assert found["too_few_by_count"] == {"3": found["too_few_by_distance"]}
