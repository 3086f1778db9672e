"""Tiny exports, and what TensorFlow itself makes of the same runs."""

import functools

import model_support
import numpy as np
import pytest
import tensorflow as tf

import air
import data
from reproduce import build, evaluation
from reproduce.configuration import preset_configuration
from reproduce.exported import lowering
from reproduce.exported.manifest import Exported
from reproduce.exported.runs import Run

pytest.importorskip("jax", reason="JAX runs the exported programs: it is not here")

BATCH, TRAIN, TEST = 4, 13, 6  # 3 steps an epoch, one image left over
RUNS = (("table1/asr-13", 0), ("table1/asr-13", 1), ("table1/pprior-13", 0))
PROGRAMS = {}  # compiled programs, which test files share


def configurations(*runs, epochs=2, preset="paper"):
    """Toy runs given as (experiment, seed)."""
    return [
        preset_configuration(
            experiment,
            preset,
            seed=seed,
            epochs=epochs,
            batch_size=BATCH,
            train_images=TRAIN,
            test_images=TEST,
            **_options(experiment),
        )
        for experiment, seed in runs
    ]


def _options(experiment):
    """Toy options of Table 1; AIR-pPrior has scenes of its own."""
    if "table1" not in experiment:
        return {}
    return {"steps": 2, "counts": (2,) if "pprior" in experiment else (1, 2)}


def tiny_models(patch):
    """Makes `build.build_model` build tiny networks."""
    for name in ("AIR", "FixedPrior", "LearnedPrior"):
        whole = getattr(air, name)
        tiny = functools.partial(whole, sizes=model_support.SIZES)
        patch.setattr(build.air, name, tiny)


def quick_programs(patch):
    """Training objects share programs, compiled in a hurry: it takes seconds."""
    from jax._src.lib import xla_client  # after the check that JAX is here

    from reproduce.exported import runtime, training

    whole = training.Program

    def program(exported, name, device):
        key = exported.folder, name
        if key not in PROGRAMS:
            PROGRAMS[key] = whole(exported, name, device)
        return PROGRAMS[key]

    def quick_options():
        options = xla_client.CompileOptions()
        debug = options.executable_build_options.debug_options
        debug.xla_backend_optimization_level = 0
        return options

    patch.setattr(runtime, "compile_options", quick_options)
    patch.setattr(training, "Program", program)


def export(folder, *runs):
    """The `Exported` folder of toy runs."""
    lowering.export(configurations(*runs), folder)
    return Exported(folder)


def scenes(configuration, seed=0):
    """Random scenes of the right size; the digest names the seed."""
    stream = np.random.default_rng(seed)
    side = configuration.canvas_side
    images = stream.integers(0, 256, (TRAIN + TEST, side, side)).astype(np.uint8)
    images[stream.random(images.shape) < 0.8] = 0
    counts = np.resize(configuration.counts, TRAIN + TEST).astype(np.int32)
    most = max(configuration.counts)
    boxes = np.tile(np.float32([2, 3, 15, 15]), (TRAIN + TEST, most, 1))
    boxes *= (np.arange(most) < counts[:, None])[..., None]
    train, test = (
        data.SceneSet(images[part], counts[part], boxes[part])
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    return data.Scenes(train, test, f"scenes {seed}")


def runs(exported, root, epochs=2, fresh=False):
    """The `Run`s of an export; runs of one setting share their scenes."""
    found = []
    for number, given in enumerate(exported.configurations):
        (configuration,) = configurations((given.experiment, given.seed), epochs=epochs)
        folder = root / f"paper-{epochs}ep-seed{number}"
        own = scenes(configuration, int(given.method == "pprior"))
        found.append(Run(exported, number, configuration, own, folder, fresh))
    return found


class Reference:
    """A run's model by TensorFlow alone, eager but for the noise.

    XLA draws other noise than TensorFlow, so that is compiled where `compiled`.
    """

    def __init__(self, configuration, compiled=True):
        self.configuration = configuration
        self.model = build.build_model(configuration)
        self.initial = [variable.numpy() for variable in self.variables()]
        self.eager_draw = self.model.draw_noise
        if compiled:
            self.model.draw_noise = tf.function(
                self.eager_draw, jit_compile=True, autograph=False
            )

    def variables(self):
        """The variables that make up the state, in the programs' order."""
        model = self.model
        return [
            *(*model.trainable_variables, model.iteration),
            *model.optimizer.variables,
        ]

    def reset(self):
        """Puts all variables back to their initial values."""
        for variable, value in zip(self.variables(), self.initial, strict=True):
            variable.assign(value)

    def step(self, images):
        """One step of training; its parts."""
        self.model.reset_metrics()
        parts = self.model.train_step(tf.constant(images))
        return {name: value.numpy() for name, value in parts.items()}

    def infer(self, images):
        """`AIR.call` of all images, as a run evaluates its test set."""
        evaluator = evaluation.Evaluator(self.model, None, BATCH)
        evaluator._infer = self.model.call
        return evaluator.predict(images)

    def generate(self, samples, seed):
        """`AIR.generate`, which no run compiles."""
        compiled, self.model.draw_noise = self.model.draw_noise, self.eager_draw
        scenes = self.model.generate(samples, seed)
        self.model.draw_noise = compiled
        return scenes
