"""A step of several runs at once, of every kind of model, against Keras's own.

In double precision: an operation that `tf.vectorized_map` takes wrongly shows.
"""

import dataclasses

import export_support as support
import numpy as np
import pytest
import tensorflow as tf

from air import early_end
from reproduce.exported.functions import Runs

KINDS = {
    "AIR": ("paper", [("table1/air-13", 0), ("table1/air-13", 1)]),
    "overlap": ("paper", [("table2/asr-dsprites", 0), ("table2/pprior-dsprites", 0)]),
    "released AIR": ("released", [("table1/air-13", 0), ("table1/air-13", 1)]),
    "released": ("released", [("table1/pprior-13", 1), ("table1/asr-13", 0)]),
    "released overlap": ("released", [("table2/asr-mnist", i) for i in range(2)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_several_runs_is_each_runs_own(kind, float64, monkeypatch):
    preset, names = KINDS[kind]
    support.tiny_models(monkeypatch)
    steps_agree(support.configurations(*names, preset=preset))


@pytest.mark.parametrize("bound, possible", [(0.0, 0), (2.0, 1)])
def test_a_step_notes_whether_its_loop_could_end(bound, possible, float64, monkeypatch):
    support.tiny_models(monkeypatch)
    monkeypatch.setattr(early_end, "LARGEST_VALIDITY", bound)
    options = support.configurations(("table1/asr-13", 0), ("table1/asr-13", 1))
    for parts in steps_agree([dataclasses.replace(c, steps=3) for c in options]):
        assert parts["ended_early"] == possible


def steps_agree(options):
    """Compares a step of all runs with Keras's; gives what each run measured."""
    references = [support.Reference(c, compiled=False) for c in options]
    experiments = list(dict.fromkeys(c.experiment for c in options))
    models = [
        next(r.model for r in references if r.configuration.experiment == experiment)
        for experiment in experiments
    ]
    sizes = [sum(c.experiment == e for c in options) for e in experiments]
    runs = Runs(models, sizes, support.BATCH)
    images = np.stack([support.scenes(c).train.images for c in options])
    images = images[:, : support.BATCH]
    state = [
        tf.stack([tf.convert_to_tensor(v) for v in values])
        for values in zip(*(r.variables() for r in references), strict=True)
    ]
    seeds = tf.constant([[c.seed, 0] for c in options])
    parts, state = runs.step(tf.constant(images), seeds, state)
    measured = []
    for number, reference in enumerate(references):
        expected = reference.step(images[number])
        found = dict(zip(runs.parts, parts[number].numpy(), strict=True))
        measured.append(found)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-8, abs=1e-10), name
        for one, variable in zip(state, reference.variables(), strict=True):
            np.testing.assert_allclose(
                one[number], variable.numpy(), rtol=0, atol=1e-8, err_msg=variable.path
            )
    return measured


def test_models_of_one_program_differ_in_their_regularisers_alone(monkeypatch):
    support.tiny_models(monkeypatch)
    names = [("table1/air-13", 0)], [("table1/asr-13", 0)]
    models = [
        support.build.build_model(*support.configurations(*runs)) for runs in names
    ]
    with pytest.raises(ValueError, match="differ in more than their regularisers"):
        Runs(models, [1, 1], support.BATCH)
    models[1].optimizer.amsgrad = True
    with pytest.raises(ValueError, match="only plain Adam"):
        Runs(models[1:], [1], support.BATCH)
