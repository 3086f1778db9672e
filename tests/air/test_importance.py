"""The importance-weighted bound: by hand, against p(x) where it is known."""

import math

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from scipy import special, stats

import air
from air import importance, noise


def bound_of(model, samples, **options):
    """The bound as a function of images, in a graph."""
    return tf.function(
        lambda images: importance.negative_bound(model, images, samples, **options)
    )


@pytest.mark.parametrize("prior", ["fixed", "learned"])
def test_a_weight_equals_the_joint_over_q(float64, prior):
    """From densities by SciPy and the second implementation's scenes."""
    model = model_support.noisy_weights(model_support.tiny_model(prior))
    model.iteration.assign(9_000)
    images, draws = model_support.grey(3), model_support.draws_of(model, 3)
    found = importance.log_weight(model, images, draws)
    for index, image in enumerate(images.numpy()):
        objects, rows, canvases = numpy_model.scene(model, image, draws, index)
        counts = numpy_model.count_distribution([row[0] for row in rows])
        log_ratio, joint = 0.0, []
        for n in range(len(counts)):
            canvas = np.clip(sum(canvases[:n], np.zeros_like(image)), 0, 1)
            entropy = numpy_model.cross_entropy(image, canvas)
            joint.append(np.log(counts[n]) + log_ratio - entropy)
            if n < len(objects):
                z, row = objects[n], rows[n]
                standard = (np.zeros(3), np.ones(3))
                names = ("location", "scale", "appearance")
                for name, moments in zip(names, (*row[1:], standard), strict=True):
                    mean, variance = moments
                    m, v = z[f"q_{name}"]
                    p = stats.norm.logpdf(z[name], mean, np.sqrt(variance))
                    q = stats.norm.logpdf(z[name], m, np.sqrt(v))
                    log_ratio += np.sum(p - q)
        expected = special.logsumexp(joint)
        assert found[index].numpy() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counted", [True, False])
def test_weights_average_to_the_likelihood(float64, counted):
    """Where nothing is ever drawn, p(x) is that of an empty canvas."""
    estimator = air.ExactEstimator() if counted else air.FixedCountEstimator()
    model = model_support.tiny_model(estimator=estimator)
    for variable in model.trainable_variables:
        variable.assign(0.5 * variable)  # q and p are alike, but not the same
    scale = model.recognition.scale
    scale.mean.output_layer.bias.assign([-1.0])
    scale.log_variance.output_layer.bias.assign([-2.0])
    pixels = model.decoder.network.outputs[0]
    pixels.kernel.assign(0 * pixels.kernel)
    pixels.bias.assign(0 * pixels.bias - 100)
    samples = 4_000
    images = tf.repeat(model_support.grey(1), samples, axis=0)
    draws = model_support.draws_of(model, samples)
    known = -model.likelihood.cross_entropy(images[:1], tf.zeros([], images.dtype))
    ratios = np.exp(importance.log_weight(model, images, draws) - known)
    error = np.std(ratios) / math.sqrt(samples)
    assert error < 0.1
    assert np.mean(ratios) == pytest.approx(1, abs=5 * error)


def test_a_bound_is_that_of_its_weights():
    """log-mean-exp over noise that follows from the image alone."""
    model = model_support.noisy_weights(model_support.tiny_model())
    images = model.grey(model_support.random_images(5))
    run = noise.run_seed(4)
    weights = [
        importance.log_weight(
            model,
            images,
            noise.draw_by_image(
                images, noise.fold_in(run, sample), **model.noise_options()
            ),
        )
        for sample in range(3)
    ]
    expected = math.log(3) - special.logsumexp(weights, axis=0)
    for part in (slice(0, 5), slice(2, 4)):
        found = bound_of(model, 3, seed=4)(images[part])
        np.testing.assert_allclose(found, expected[part], rtol=1e-5)
