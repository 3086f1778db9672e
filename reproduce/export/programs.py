"""Training, inference and sampling of one run as programs that need no TensorFlow.

They are the model's own functions, compiled by XLA. The variables that a program reads
become its last arguments, and the run's seed becomes an argument of training, so the
programs of one model serve all runs of its experiment.
"""

import tensorflow as tf

from reproduce.errors import UsageError
from reproduce.export import folder as folder_of_programs
from reproduce.records import environment
from reproduce.run import build, checkpoint, scenes, summaries

PLATFORM = "CPU"  # its lowering rules are used; the programs name no device


class Programs:
    """The functions that are exported; each returns a dict.

    Attributes:
      model: the run's compiled `air.AIR`.
      state: the variables that make up the run's state.
      parts: names of the numbers that a training step measures.
    """

    def __init__(self, model):
        self.model, self.state = model, checkpoint.variables(model)
        self.parts = [metric.name for metric in model.metrics]

    def train(self, images, order, seed):
        """Trains for one epoch.

        Args:
          images: all training images, uint8. Shape [images, S, S].
          order: rows of `images`, int32. Shape [steps, batch].
          seed: of the run's noise, int32. Shape [2].

        Returns:
          measured: `parts` at every step. Shape [steps, parts].
          0000, 0001, ...: the variables of `state` after the last step.
        """

        def step(rows):
            batch = self.model.grey(tf.gather(images, rows))
            parts = self.model.descend(batch, seed)
            return tf.stack([parts[name] for name in self.parts])

        dtype = self.model.compute_dtype
        measured = tf.map_fn(step, order, fn_output_signature=dtype)
        variables = enumerate(self.state)
        return {"measured": measured} | {
            f"{index:04d}": variable.value.read_value() for index, variable in variables
        }

    def infer(self, images):
        """`AIR.call` on a batch. Images are uint8, shape [batch, S, S]."""
        return self.model.call(images)

    def samples(self):
        """Boxes and counts of `summaries.PRIOR_SAMPLES` samples from the prior."""
        return self.model.sample(
            summaries.PRIOR_SAMPLES, summaries.SAMPLE_SEED, draw=False
        )

    def figure(self):
        """Images, boxes and counts of `summaries.SHOWN_SCENES` samples."""
        return self.model.sample(summaries.SHOWN_SCENES, summaries.SAMPLE_SEED)


def export(configurations, folder, smoke=False):
    """Writes the programs of an experiment's runs; returns their size in bytes.

    Args:
      configurations: one `Configuration` per run; they differ only in the seed.
      folder: path; files of an earlier export are replaced.
      smoke: whether the runs are of toy size.
    """
    first, initial = configurations[0], []
    side, images = _training_images(first)
    for configuration in configurations:
        model = build.build_model(configuration, side)
        initial.append([v.numpy() for v in checkpoint.variables(model)])
    programs, batch = Programs(model), first.batch_size
    arguments = {
        "train": {
            "images": tf.TensorSpec([images, side, side], tf.uint8),
            "order": tf.TensorSpec([images // batch, batch], tf.int32),
            "seed": tf.TensorSpec([2], tf.int32),
        },
        "infer": {"images": tf.TensorSpec([batch, side, side], tf.uint8)},
        "samples": {},
        "figure": {},
    }
    described, lowered = {}, {}
    for name, specs in arguments.items():
        function = getattr(programs, name)
        lowered[name], reads, results = _lowered(function, specs, programs.state)
        shapes = {key: spec.shape.as_list() for key, spec in specs.items()}
        described[name] = {"arguments": shapes, "reads": reads, "results": results}
    manifest = {
        "versions": environment.versions(),
        "git": environment.git(),
        "precision": first.precision,
        "smoke": smoke,
        "runs": [configuration.to_json() for configuration in configurations],
        "parameters": model.count_params(),
        "parts": programs.parts,
        "programs": described,
    }
    return folder_of_programs.write(folder, manifest, lowered, initial)


def _training_images(configuration):
    """The side of the images in pixels, and the number of training images."""
    if configuration.scenes is not None:
        images = scenes.load(configuration).train.images
        return images.shape[1], len(images)
    held_out = configuration.test_split == "shuffled"
    test_images = configuration.test_images if held_out else 0
    return configuration.canvas_side, configuration.train_images - test_images


def _lowered(function, arguments, state):
    """Compiles a function to a program.

    Args:
      function: takes tensors and returns a dict.
      arguments: a dict of `tf.TensorSpec`s.
      state: the variables that it may read.

    Returns:
      program: StableHLO, bytes. After the function's arguments it takes the variables
        that it reads; it returns the results in the order of their names, and after
        them the variables that it has changed.
      reads: indices in `state` of the variables it reads, a list.
      results: names of the results, a list.
    """
    specs = list(arguments.values())
    compiled = tf.function(
        function, input_signature=specs, jit_compile=True, autograph=False
    )
    concrete = compiled.get_concrete_function()
    indices = {id(v.value.handle): index for index, v in enumerate(state)}
    reads = [indices.get(id(handle)) for handle in concrete.captured_inputs]
    if None in reads:
        raise UsageError("the model reads a variable of its own, as of --constraint")
    program = compiled.experimental_get_compiler_ir(*specs)(
        stage="stablehlo_serialized", platform_name=PLATFORM
    )
    return program, reads, list(concrete.structured_outputs)
