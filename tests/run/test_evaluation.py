"""Evaluation in batches of one shape gives what the model gives for all images."""

import model_support
import numpy as np
import pytest

from air import importance
from reproduce.run import evaluation


@pytest.mark.usefixtures("tiny_networks")  # eager; bounds of one sample
def test_the_last_batch_is_padded_and_cut():
    model = model_support.noisy_weights(model_support.tiny_model(), 1.0)
    model_support.compiled(model)
    images = model_support.random_images(8)
    evaluated, expected = evaluation.Evaluation(model, 3), model(images)
    found = evaluated.predict(images)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4)
    mean = np.mean(importance.negative_bound(model, images, evaluation.BOUND_SAMPLES))
    assert evaluated.bound(images) == pytest.approx(mean, rel=1e-5)
