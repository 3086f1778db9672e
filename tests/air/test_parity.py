"""The whole objective against a second implementation, from the weights up."""

import model_support
import numpy as np
import numpy_model
import pytest
import tensorflow as tf
from numpy_model import TERMS

import air
import asr

LATE = tf.constant(9_000, tf.int64)  # 1e4 * 0.1^(9000 / 3000) = 10


@pytest.mark.parametrize(
    "prior, options",
    [
        ("fixed", {}),
        ("fixed", {"reads_latents": False, "scale_sees_location": False}),
        ("learned", {}),
        ("learned", {"scale": "learned"}),
        ("learned", {"scale": "learned", "hidden_sees_location": True}),
        ("learned", {"decoder_noise": 0.3}),
        ("lagged", {}),
    ],
)
def test_the_exact_elbo_equals_brute_force(float64, prior, options):
    if prior == "lagged":
        prior = air.LearnedPrior(presence_lag=True, sizes=model_support.SIZES)
    model = model_support.noisy_weights(model_support.tiny_model(prior, **options))
    images, draws = model_support.grey(3), model_support.draws_of(model, 3)
    _, inference, _ = model.infer(images, draws, LATE)
    terms = model.estimator.terms(inference)
    assert set(terms) == set(TERMS)
    for index, image in enumerate(images.numpy()):
        objects, rows, canvases = numpy_model.scene(model, image, draws, index)
        expected = numpy_model.negative_elbo(image, canvases, objects, rows)
        for name in TERMS:
            found = terms[name].numpy()[index]
            assert found == pytest.approx(expected[name], rel=1e-8), name


def beyond_the_bounds(model, boxes):
    """Log-variances under -10 and over 10, and boxes smaller than 0.02."""
    q, p = model.recognition, model.prior
    heads = {q.location.log_variance.output_layer: -11, q.encoder.outputs[1]: -12}
    if not isinstance(p, air.FixedPrior):
        heads[p.location.log_variance.output_layer] = 11
    if boxes:
        heads[q.scale.mean.output_layer] = -4.5
    for layer, value in heads.items():
        layer.bias.assign([value, *layer.bias.numpy()[1:]])


METHODS = {
    "AIR": {
        "prior": "fixed",
        "estimator": air.ConcreteEstimator(1.0, 0.99),
        "reads_latents": False,
        "scale_sees_location": False,
        "hidden_sees_location": False,
        "decoder_noise": 0.3,
    },
    "AIR-pPrior": {},
    "unary": {"regulariser": asr.number_regulariser((1, 3), form="unary")},
    "overlap": {"regulariser": asr.overlap_regulariser(3, 5, side_penalty="mean")},
    "overlap of what exists": {"regulariser": asr.overlap_regulariser(3, 5)},
    "both": {
        "regulariser": asr.Regulariser(
            [
                *asr.number_regulariser((0, 2), form="unary").constraints,
                *asr.overlap_regulariser(3, 5, side_penalty="mean").constraints,
            ]
        )
    },
}
STEPS = 5


@pytest.mark.parametrize("ends", [(), (1, 2, 3, 4)], ids=["whole", "early"])
@pytest.mark.parametrize("method", METHODS)
def test_the_released_objective_equals_a_second_implementation(float64, method, ends):
    """Every part of the loss, with all objects and with those that are looked at."""
    model = model_support.released_model(steps=STEPS, ends=ends, **METHODS[method])
    model_support.noisy_weights(model)
    beyond_the_bounds(model, boxes=method == "AIR-pPrior")
    bias = 0.5 if method == "AIR" else 0.0  # so that the images' counts differ
    model.recognition.presence.output_layer.bias.assign([bias])
    images, draws = model_support.grey(4, 1), model_support.draws_of(model, 4)
    parts, _ = model.gradients(images, draws, LATE)

    expected, counts, scenes = [], [], []
    for index, image in enumerate(images.numpy()):
        objects, rows, canvases = numpy_model.scene(
            model, image, draws, index, released=True
        )
        terms, count = numpy_model.concrete_elbo(
            image,
            canvases,
            [z["logit"] for z in objects],
            [row[0] for row in rows],
            list(map(numpy_model.attribute_divergences, objects, rows)),
            draws.presence.numpy()[index],
            model.estimator,
            released=True,
        )
        expected.append(terms)
        counts.append(count)
        scenes.append(objects)
    expected = {name: np.mean([row[name] for row in expected]) for name in TERMS}
    nelbo = sum(expected.values())
    assert 1 <= max(counts) < STEPS - 1 and len(set(counts)) > 1

    stop_taken = method in ("overlap", "both")
    taken = looked = STEPS
    if ends:
        taken = max(counts) + stop_taken
        looked = max(counts) + 1
        if method == "overlap of what exists":
            # By validity, which a sampled count does not end.
            taken = looked = STEPS
    expected["objects_taken"] = taken
    penalties = penalties_of(model, scenes, looked)
    total = 0.0
    for constraint in model.regulariser.constraints if model.regulariser else ():
        total += constraint.weight * penalties[constraint.name]
        expected[constraint.name] = penalties[constraint.name]
    if model.regulariser:
        expected["penalty"] = total
    expected |= {"nelbo": nelbo, "loss": nelbo + total}
    assert set(parts) == set(expected)
    for name, value in expected.items():
        assert parts[name].numpy() == pytest.approx(value, rel=1e-7), name


def penalties_of(model, scenes, looked):
    """The mean of every constraint's violation, a dict."""
    found, names = {}, model.regulariser.names if model.regulariser else ()
    if "allowed_count" in names:
        allowed = model.regulariser.constraints[0].functional.allowed
        logits = np.array([[z["logit"] for z in objects] for objects in scenes])
        presence = numpy_model.sigmoid(logits[:, :looked])
        each, marginal = numpy_model.unary_penalties(allowed, presence)
        found |= {"allowed_count": each.mean(), "marginal_count": marginal}
    if "pair_overlap" in names:
        every = model.regulariser.constraints[-1].functional.every_step
        rows = []
        for objects in scenes:
            side = model.canvas_side
            boxes = [numpy_model.box(z["location"], z["scale"], True) for z in objects]
            centres = [(centre + 1) * side / 2 for centre, _ in boxes]
            sides = [size * side for _, size in boxes]
            weights = np.ones(STEPS)
            if not every:
                logits = np.array([z["logit"] for z in objects])
                weights = np.cumprod(numpy_model.sigmoid(logits))
            rows.append(
                numpy_model.overlap_penalties(
                    *(values[:looked] for values in (centres, sides, weights)),
                    side,
                    *(3, 5),
                )
            )
            if every:  # the mean, bounds exchanged
                rows[-1]["side_bounds"] = rows[-1]["side_bounds"] / looked + (5 - 3)
        found |= {name: np.mean([row[name] for row in rows]) for name in rows[0]}
    return found


def appearance(posterior):
    """A constraint on what objects look like: its gradient reaches z_app."""
    return tf.reduce_sum(tf.square(posterior.appearance), axis=[1, 2])


MODELS = {
    "fixed scale": lambda: model_support.tiny_model(),
    "learned scale": lambda: model_support.tiny_model(
        scale="learned",
        regulariser=asr.Regulariser([asr.Constraint("appearance", appearance)]),
    ),
    # Likelihood with a large floor: log(r + 1e-10) has kinks at every residue.
    "released": lambda: model_support.released_model(
        estimator=air.ConcreteEstimator(1.0, 0.99),
        likelihood=air.BernoulliLikelihood(0.01),
        regulariser=asr.overlap_regulariser(3, 5, side_penalty="mean"),
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_gradients_agree_with_finite_differences(float64, kind):
    """A random direction in each variable, three in all of them, single weights."""
    model = model_support.noisy_weights(MODELS[kind]())
    images, draws = model_support.grey(3, 1), model_support.draws_of(model, 3)
    variables = model.trainable_variables

    @tf.function
    def objective():
        return model.objective(images, draws, model.iteration, training=True)["loss"]

    _, found = model.gradients(images, draws, model.iteration)
    gradients = [gradient.numpy() for gradient in found]
    stream = np.random.default_rng(5)
    directions = []
    for index, variable in enumerate(variables):
        one = [np.zeros(v.shape) for v in variables]
        one[index] = stream.standard_normal(variable.shape)
        directions.append(one)
    for index in stream.integers(0, len(variables), 12):
        one = [np.zeros(v.shape) for v in variables]
        one[index][tuple(stream.integers(0, side) for side in one[index].shape)] = 1.0
        directions.append(one)
    for _ in range(3):
        directions.append([stream.standard_normal(v.shape) for v in variables])

    start = [variable.numpy() for variable in variables]
    step = 2e-8  # short, so that no kink of the samplers lies within it

    def moved(direction, distance):
        for variable, at, along in zip(variables, start, direction, strict=True):
            variable.assign(at + distance * along)
        return objective().numpy()

    moving = 0
    for direction in directions:
        slope = (moved(direction, step) - moved(direction, -step)) / (2 * step)
        expected = sum(
            np.sum(gradient * along)
            for gradient, along in zip(gradients, direction, strict=True)
        )
        # A loss of some 1e3 is rounded by 1e-12, the slope therefore by 5e-5.
        assert slope == pytest.approx(expected, rel=2e-6, abs=3e-4)
        moving += abs(slope) > 1e-3
    assert moving > len(directions) / 2  # most of them do change the loss
