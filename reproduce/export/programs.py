"""Training, evaluation and sampling of an experiment's runs as pure functions.

The objective, the prior and the optimiser are the model's own: `keras.StatelessScope`
gives them the tensors of one run in place of the model's variables, and
`tf.vectorized_map` turns that into all runs at once, so that a product of matrices
becomes one batched product. Every tensor of the state has the runs as its first axis.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from air import noise as noises
from reproduce.errors import UsageError
from reproduce.export import folder as folder_of_programs
from reproduce.records import environment
from reproduce.run import build, checkpoint, scenes, summaries

PLATFORM = "CPU"  # whose lowering rules are used; the programs name no device


class Programs:
    """The runs of one experiment, which differ in their seeds.

    Attributes:
      model: the compiled `air.AIR` of the first of them.
      runs: how many there are.
      state: the variables that make up a run's state, of that model.
      parts: names of what a training step measures.
      shown: names of the arrays that inference gives, but the reconstructions.
    """

    def __init__(self, model, runs, batch_size):
        self.model, self.runs, self.batch_size = model, runs, batch_size
        self.state, self.optimizer = checkpoint.variables(model), _stateless(model)
        self.trainable = len(model.trainable_variables)
        self.parts = [metric.name for metric in model.metrics]
        self.shown = ["counts", "boxes", "squared_error", "nelbo"]
        self.shown += [name for name in self.parts if _is_term(name)]

    def train(self, images, order, seeds, *state):
        """Trains an epoch of every run.

        Args:
          images: all training images, uint8. Shape [images, S, S].
          order: rows of `images`, int32. Shape [steps, runs, batch].
          seeds: int32 seeds of the runs. Shape [runs, 2].
          *state: tensors of `self.state`, each with the runs as its first axis.

        Returns:
          fault: the step, from 1, in which a run first measured a value that is not
            finite, 0 where there was none, int32. Shape [runs].
          measured: its `parts` in that step. Shape [runs, parts].
          sums: `parts`, summed over the steps. Shape [runs, parts].
          *state: as it is then.
        """

        def body(step, fault, measured, sums, *state):
            batch = tf.gather(images, order[step])
            parts, state = self._step(batch, seeds, state)
            bad = ~tf.reduce_all(tf.math.is_finite(parts), axis=1) & (fault == 0)
            fault = tf.where(bad, step + 1, fault)
            measured = tf.where(bad[:, None], parts, measured)
            return (step + 1, fault, measured, sums + parts, *state)

        none = tf.zeros([self.runs], tf.int32)
        zeros = tf.zeros([self.runs, len(self.parts)], self.model.compute_dtype)
        _, *found = tf.while_loop(
            lambda step, *_: step < order.shape[0],
            body,
            (0, none, zeros, zeros, *state),
        )
        return found

    def evaluate(self, images, *state):
        """Infers the scenes of the test images, the same in every run.

        Args:
          images: uint8. Shape [batches, batch, S, S].
          *state: trainable tensors and the iteration.

        Returns:
          The arrays `shown` of every image, each of shape [batches, runs, batch, ..],
          and the first batch's reconstructions, [runs, batch, S, S].
        """

        def infer(batch):
            return self._each(lambda: self.model.call(images[batch]), state)

        def one_batch(batch):
            found = infer(batch)
            return [found[name] for name in self.shown]

        types = {"counts": tf.int32}
        types = [types.get(name, self.model.compute_dtype) for name in self.shown]
        batches = tf.range(images.shape[0])
        arrays = tf.map_fn(one_batch, batches, fn_output_signature=types)
        return (*arrays, infer(0)["reconstructions"])

    def samples(self, *state):
        """Boxes and counts of `summaries.PRIOR_SAMPLES` samples from every prior."""
        drawn = self._sample(summaries.PRIOR_SAMPLES, state, draw=False)
        return drawn["boxes"], drawn["counts"]

    def figure(self, *state):
        """Images, boxes and counts of `summaries.SHOWN_SCENES` samples."""
        drawn = self._sample(summaries.SHOWN_SCENES, state)
        return drawn["images"], drawn["boxes"], drawn["counts"]

    def _sample(self, samples, state, draw=True):
        seed = summaries.SAMPLE_SEED
        return self._each(lambda: self.model.sample(samples, seed, draw=draw), state)

    def _step(self, images, seeds, state):
        """One training step of every run, as `AIR.train_step` takes it."""
        model, number = self.model, self.trainable

        def one_run(images, noise, *state):
            weights, slots = list(state[:number]), list(state[number + 1 :])
            noise = noises.Noise(**noise)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                with self._scope(state[: number + 1]):
                    grey = model.grey(images)
                    parts = model.objective(grey, noise, state[number], training=True)
            gradients = tape.gradient(parts["loss"], weights)
            squares = [tf.reduce_sum(tf.square(gradient)) for gradient in gradients]
            parts["gradient_norm"] = tf.sqrt(tf.add_n(squares))
            weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
            latest = tf.stack([parts[name] for name in self.parts])
            return latest, [*weights, state[number] + 1, *slots]

        noise = [
            noises.draw(
                noises.fold_in(seed, iteration),
                self.batch_size,
                **model.noise_options(),
            )
            for seed, iteration in zip(
                tf.unstack(seeds), tf.unstack(state[number]), strict=True
            )
        ]
        noise = {
            name: tf.stack([getattr(draw, name) for draw in noise])
            for name in noises.Noise._fields
            if getattr(noise[0], name) is not None
        }
        return self._over_runs(one_run, images, noise, *state)

    def _each(self, function, state):
        """`function` of no arguments with every run's state in the model's place.

        One run after the other: what is inferred has loops of its own.
        """
        results = []
        for run in range(self.runs):
            with self._scope([array[run] for array in state]):
                results.append(function())
        return tf.nest.map_structure(lambda *parts: tf.stack(parts), *results)

    def _scope(self, state):
        """The model's weights and iteration read as these tensors of one run."""
        variables = self.state[: self.trainable + 1]
        return keras.StatelessScope(list(zip(variables, state, strict=True)))

    def _over_runs(self, function, *arguments):
        if self.runs == 1:  # nothing to turn into batched operations
            result = function(*tf.nest.map_structure(lambda x: x[0], arguments))
            return tf.nest.map_structure(lambda x: tf.expand_dims(x, 0), result)
        return tf.vectorized_map(
            lambda packed: function(*packed), arguments, fallback_to_while_loop=False
        )


def export(configurations, folder, tensorfloat32=False, smoke=False):
    """Writes the programs of several runs to a folder; returns their size in bytes.

    Args:
      configurations: one `Configuration` a run; they differ in the seed alone.
      folder: path; files of an earlier export are replaced.
      tensorfloat32: whether products of matrices may be rounded on a GPU.
      smoke: whether the runs are of toy size.
    """
    first, several = configurations[0], len(configurations)
    batch = first.batch_size
    tf.config.experimental.enable_tensor_float_32_execution(tensorfloat32)
    side, train, test = _sizes(first)
    states = []
    for configuration in configurations:
        # All objects are taken, since the runs' loops cannot end at different ones.
        whole = dataclasses.replace(configuration, early_end=False)
        model = build.build_model(whole, side)
        states.append([v.numpy() for v in checkpoint.variables(model)])
    runs = Programs(model, several, batch)
    state = {
        f"{index:04d}": tf.TensorSpec([several, *v.shape], v.dtype)
        for index, v in enumerate(runs.state)
    }
    read = dict(list(state.items())[: runs.trainable + 1])
    images = tf.TensorSpec([train, side, side], tf.uint8)
    order = tf.TensorSpec([train // batch, several, batch], tf.int32)
    seeds = tf.TensorSpec([several, 2], tf.int32)
    batches = tf.TensorSpec([-(-test // batch), batch, side, side], tf.uint8)
    arguments = {
        "train": {"images": images, "order": order, "seeds": seeds, **state},
        "evaluate": {"images": batches, **read},
        "samples": read,
        "figure": read,
    }
    described = {
        "versions": environment.versions(),
        "git": environment.git(),
        "precision": "tensorfloat32" if tensorfloat32 else first.precision,
        "smoke": smoke,
        "runs": [configuration.to_json() for configuration in configurations],
        "parameters": model.count_params(),
        "read": len(read),
        "parts": runs.parts,
        "shown": runs.shown,
        "programs": {
            name: {
                key: [spec.shape.as_list(), spec.dtype.name] for key, spec in s.items()
            }
            for name, s in arguments.items()
        },
    }
    lowered = {
        name: _lowered(getattr(runs, name), specs.values())
        for name, specs in arguments.items()
    }
    initial = [np.stack(arrays) for arrays in zip(*states, strict=True)]
    return folder_of_programs.write(folder, described, lowered, initial)


def _stateless(model):
    """The model's optimiser with Keras's `stateless_apply`.

    Keras has it for every backend but TensorFlow, whose optimisers override what it
    needs for the sake of `tf.distribute`; here the overridden methods are back.
    """
    own = type(model.optimizer)
    (base,) = (kind for kind in own.__mro__ if kind.__name__ == "BaseOptimizer")
    names = ("stateless_apply", "assign", "assign_add", "assign_sub", "_var_key")
    names += ("_backend_update_step",)
    kind = type(own.__name__, (own,), {name: getattr(base, name) for name in names})
    optimizer = kind.from_config(model.optimizer.get_config())
    optimizer.build(model.trainable_variables)
    return optimizer


def _is_term(name):
    return name == "reconstruction" or name.startswith("kl_")


def _sizes(configuration):
    """Side of the images in pixels, and the numbers of training and test images."""
    if configuration.scenes is not None:
        own = scenes.load(configuration)
        return own.train.images.shape[1], len(own.train.images), len(own.test.images)
    train, test = configuration.train_images, configuration.test_images
    train -= test if configuration.test_split == "shuffled" else 0
    return configuration.canvas_side, train, test


def _lowered(function, arguments):
    """StableHLO of a function."""
    compiled = tf.function(
        function, input_signature=list(arguments), jit_compile=True, autograph=False
    )
    if compiled.get_concrete_function().captured_inputs:
        raise UsageError("--experiment: an exported function reads a variable")
    return compiled.experimental_get_compiler_ir(*arguments)(
        stage="stablehlo_serialized", platform_name=PLATFORM
    )
