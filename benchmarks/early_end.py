"""A step whose loop over the objects ends early, against one of so many objects.

    python -m benchmarks.early_end --experiment table1/asr-13

Three steps in one process, in turn: of K objects, ended at the first count at which the
run's loop may end, and of a model with that many objects.
"""

import statistics
import sys

from reproduce import command_line
from reproduce.experiments.grid import experiments
from reproduce.experiments.presets import PRESETS
from reproduce.flags import choice, integer
from reproduce.run import start


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("experiment", choice(*experiments("table1")), "table1/asr-13", "the run")
    flags.add("preset", choice(*PRESETS), "paper", "its preset")
    flags.add("rounds", integer(1), 30, "steps of each, their median is shown")
    flags.add("threads", integer(1), 1, "processor threads")


def body(values):
    """Measures and prints."""
    start.tensorflow(values.threads)
    import tensorflow as tf

    from benchmarks import bare_step
    from reproduce.experiments.configuration import preset_configuration
    from reproduce.run.build import build_model

    run = values.experiment, values.preset
    options = preset_configuration(*run)
    images = bare_step.batch(tf, options.batch_size, options.canvas_side)

    def step(ended, **changed):
        model = build_model(preset_configuration(*run, **changed))
        # XLA does not know that no uniform number is negative.
        model.estimator.may_continue = lambda _, uniforms: (
            uniforms[:, -1] < 0 if ended else uniforms[:, -1] >= 0
        )
        xla = options.compiler == "xla"
        function = tf.function(model.train_step, jit_compile=xla, autograph=False)
        return model, lambda: function(images)["loss"].numpy()

    model, ended = step(True)
    objects = int(model.train_step(images)["objects_taken"])
    counts = tuple(count for count in options.counts if count <= objects)
    _, short = step(False, steps=objects, early_end=False, counts=counts or (objects,))
    steps = [step(False)[1], ended, short]
    seconds = [[] for _ in steps]
    for measured in range(-1, values.rounds):
        for times, one in zip(seconds, steps, strict=True):
            taken = bare_step.timed(one)
            if measured >= 0:  # the first step compiles
                times.append(taken)
    whole, early, few = map(statistics.median, seconds)
    print(f"{values.experiment}, preset {values.preset}, {values.threads} thread(s)")
    print(f"step of {model.steps} objects                {1e3 * whole:8.1f} ms")
    print(f"step ended after {objects}               {1e3 * early:8.1f} ms")
    print(f"step of a model of {objects} objects     {1e3 * few:8.1f} ms")
    print(f"ended / model of {objects} objects       {early / few:8.2f}")
    print(f"ended / {model.steps} objects                {early / whole:8.2f}")


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
