"""Lowers the pure functions of `functions` to StableHLO and writes the folder."""

import itertools

import numpy as np
import tensorflow as tf

from air.networks import kernel_seeds
from reproduce import build, environment, summaries
from reproduce.errors import UsageError
from reproduce.exported import functions, manifest
from reproduce.exported.initialisation import glorot_uniform
from reproduce.scene_data import scene_specification

PLATFORM = "CPU"  # whose lowering rules are used; the programs name no device
SEED_STREAMS = (0, 1)  # of the model's kernels and the learned prior's
KERNELS = 100  # more than any model has


def export(configurations, folder, precision="float32", smoke=False):
    """Writes the programs of several runs, and what they need, to a folder.

    Args:
      configurations: one `Configuration` a run; the runs of one experiment are
        neighbours and differ in the seed alone.
      folder: path; files of an earlier export are replaced.
      precision: "float32" or "tensorfloat32", of the matrix products on a GPU.
      smoke: whether the runs are of toy size.

    Returns:
      The manifest, a dict.

    Raises:
      UsageError: if the runs cannot advance in one program.
      OSError: naming the file that could not be written.
    """
    experiments = {}
    for configuration in configurations:
        experiments.setdefault(configuration.experiment, []).append(configuration)
    models = [build.build_model(runs[0]) for runs in experiments.values()]
    sizes = [len(runs) for runs in experiments.values()]
    try:
        shape = _data_shape(configurations)
        runs = functions.Runs(models, sizes, shape["batch"])
    except ValueError as error:
        raise UsageError(f"--experiment: not in one program: {error}") from None
    tf.config.experimental.enable_tensor_float_32_execution(
        precision == "tensorfloat32"
    )
    described = {
        "versions": environment.versions(),
        "git": environment.git(),
        "precision": precision,
        "smoke": smoke,
        "parameters": sum(int(np.prod(v.shape)) for v in runs.trainable),
        "trainable": len(runs.trainable),
        "steps": runs.model.steps,
        "batch": shape["batch"],
        "parts": runs.parts,
        "shown": list(functions.SHOWN),
        "evaluation_seeds": functions.evaluation_seeds(shape["batches"]),
        "state": _state(runs, configurations),
    }
    initial = {
        entry["name"]: variable.numpy()
        for variable, entry in zip(runs.state, described["state"], strict=True)
        if not entry["glorot_uniform"] and variable.numpy().any()
    }
    described_runs = [
        {
            "configuration": configuration.to_json(),
            "parts": list(model.trackers),
        }
        for model, group in zip(models, experiments.values(), strict=True)
        for configuration in group
    ]
    programs = {
        program: _lower(*signature)
        for program, signature in _signatures(runs, shape).items()
    }
    return manifest.write(folder, described, programs, initial, described_runs)


def name(index):
    """The name of a variable of the state: the one it has in a checkpoint."""
    return f"{index:04d}"


def _data_shape(configurations):
    """Numbers of images, steps and batches that the programs are made for."""
    specifications = list(dict.fromkeys(map(scene_specification, configurations)))
    train = {
        s.train_images - (s.test_images if s.test_split == "shuffled" else 0)
        for s in specifications
    }
    test = {s.test_images for s in specifications}
    batch = {configuration.batch_size for configuration in configurations}
    for what, sizes in (("train", train), ("test", test), ("batch", batch)):
        if len(sizes) > 1:
            raise ValueError(f"the {what} sizes differ")
    (train,), (test,), (batch,) = train, test, batch
    return {
        "side": specifications[0].canvas_side,
        "train_images": train * len(specifications),
        "test_images": test * len(specifications),
        "steps": train // batch,
        "batches": -(-test // batch),
        "batch": batch,
    }


def _signatures(runs, shape):
    """Each program's function, arguments and results, all by name."""
    several, side, batch = runs.count, shape["side"], shape["batch"]
    state = {
        name(index): tf.TensorSpec([several, *variable.shape], variable.dtype)
        for index, variable in enumerate(runs.state)
    }
    weights = dict(list(state.items())[: len(runs.trainable) + 1])
    train = {
        "images": tf.TensorSpec([shape["train_images"], side, side], tf.uint8),
        "order": tf.TensorSpec([shape["steps"], several, batch], tf.int32),
        "seeds": tf.TensorSpec([several, 2], tf.int32),
        "alive": tf.TensorSpec([several], tf.bool),
        "first": tf.TensorSpec([], tf.int32),
        "last": tf.TensorSpec([], tf.int32),
    }
    evaluate = {
        "images": tf.TensorSpec([shape["test_images"], side, side], tf.uint8),
        "rows": tf.TensorSpec([shape["batches"], several, batch], tf.int32),
        "seeds": tf.TensorSpec([shape["batches"], 2], tf.int32),
    }

    def sample(samples):
        def draw(*weights):
            return runs.sample(summaries.SAMPLE_SEED, samples, *weights)

        return draw, weights, ["images", "counts", "boxes"]

    return {
        "train": (
            runs.train,
            train | state,
            ["next", "latest", "sums", *state],
        ),
        "evaluate": (
            runs.evaluate,
            evaluate | weights,
            [*functions.SHOWN, "reconstructions"],
        ),
        "samples": sample(summaries.PRIOR_SAMPLES),
        "figure": sample(summaries.SHOWN_SCENES),
    }


def _lower(function, arguments, results):
    """StableHLO of a function, and its interface for the manifest."""
    compiled = tf.function(
        function,
        input_signature=list(arguments.values()),
        jit_compile=True,
        autograph=False,
    )
    if compiled.get_concrete_function().captured_inputs:
        raise ValueError("an exported function reads a variable of its own")
    content = compiled.experimental_get_compiler_ir(*arguments.values())(
        stage="stablehlo_serialized", platform_name=PLATFORM
    )
    interface = {
        "arguments": [
            {"name": key, "shape": spec.shape.as_list(), "dtype": spec.dtype.name}
            for key, spec in arguments.items()
        ],
        "results": results,
    }
    return content, interface


def _state(runs, configurations):
    """The manifest's entries of the state, with the seeds of drawn kernels."""
    first = build.init_seed(configurations[0])
    places = [
        (place, seed)
        for stream in SEED_STREAMS
        for place, seed in _places(first, stream)
    ]
    entries = []
    for index, variable in enumerate(runs.state):
        value, shape, found = variable.numpy(), list(variable.shape), None
        if len(shape) == 2:  # a kernel, or its moments in Adam, which are 0
            start = value.reshape(-1)[:4]
            found = next(
                (
                    place
                    for place, seed in places
                    if np.array_equal(glorot_uniform(seed, shape, start.size), start)
                ),
                None,
            )
        if found is None and len(shape) == 2 and value.any():
            raise ValueError(f"the initial value of {variable.path} follows no seed")
        seeds = found and [
            dict(_places(build.init_seed(c), found[0]))[found] for c in configurations
        ]
        entries.append(
            {
                "name": name(index),
                "variable": variable.path,
                "shape": shape,
                "dtype": tf.as_dtype(variable.dtype).name,
                "glorot_uniform": seeds,  # one a run, or null
            }
        )
    return entries


def _places(init_seed, stream):
    """The first kernels' ((stream, number), seed) of one stream of a model."""
    seeds = itertools.islice(kernel_seeds([init_seed, stream]), KERNELS)
    return [((stream, number), seed) for number, seed in enumerate(seeds)]
