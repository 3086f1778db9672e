"""What an epoch costs beside its bare training steps, and evaluation beside it.

    python -m benchmarks.epoch

Trains a run's first epochs as `reproduce.run` does, by `fit` with its callbacks, and
times each part. Before and after every epoch the same compiled step is timed alone.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from reproduce import command_line
from reproduce.experiments.configuration import experiments, preset_configuration
from reproduce.flags import choice, integer
from reproduce.run import checkpoint, scenes, start, summaries
from reproduce.run.one import Run

BARE = 50  # bare steps before and after every epoch


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("experiment", choice(*experiments()), "table1/asr-13", "the run")
    text = "measured epochs, after one that compiles"
    flags.add("epochs", integer(1), 2, text)
    flags.add("train_images", integer(64), 40_000, "training images")
    flags.add("threads", integer(1), 1, "processor threads")


def body(values):
    """Measures and prints."""
    start.tensorflow(values.threads)
    import keras
    import tensorflow as tf

    from benchmarks.bare_step import timed
    from reproduce.run import build, evaluation, training

    options = {"train_images": values.train_images, "epochs": values.epochs + 1}
    if preset_configuration(values.experiment).digits is not None:
        options["digits"] = "rendered"
    configuration = preset_configuration(values.experiment, **options)
    model = build.build_model(configuration)
    step = tf.function(model.train_step, jit_compile=True, autograph=False)
    test = evaluation.Evaluation(model, configuration.batch_size)
    steps, epochs, evaluations, saves = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / checkpoint.NAME
        run = Run(configuration, Path(folder), file)
        run.scenes = scenes.load(configuration)
        run.progress.reports = lambda configuration: False  # no epoch is reported
        images = run.scenes.train.images
        batch = tf.constant(images[: configuration.batch_size])

        def save():
            arrays = [variable.numpy() for variable in checkpoint.variables(model)]
            checkpoint.save(file, configuration, run.scenes, arrays, run.progress)

        def evaluate():
            truth = run.scenes.test
            return summaries.figures(test.predict(truth.images), truth)

        def bare_steps():
            return [timed(lambda: step(batch)["loss"].numpy()) for _ in range(BARE)]

        class Timing(keras.callbacks.Callback):
            """Follows `EpochEnd`, whose evaluation and saving are part of an epoch."""

            def on_epoch_begin(self, epoch, logs=None):
                self.before = bare_steps()
                self.begun = time.perf_counter()

            def on_epoch_end(self, epoch, logs=None):
                seconds = time.perf_counter() - self.begun
                if epoch == 0:  # it compiles
                    return
                epochs.append(seconds)
                steps.extend(self.before + bare_steps())
                evaluations.append(timed(evaluate))
                saves.append(timed(save))

        training.fit(model, run, [training.EpochEnd(run, test), Timing()])
    bare, epoch, evaluated, saving = map(
        statistics.median, (steps, epochs, evaluations, saves)
    )
    number = len(images) // configuration.batch_size
    print(f"bare step                    {1e3 * bare:8.1f} ms, {number} an epoch")
    print(f"epoch                        {epoch:8.1f} s")
    print(f"evaluation                   {evaluated:8.2f} s")
    print(f"checkpoint                   {saving:8.2f} s")
    share = (epoch - evaluated) / (bare * number)
    print(f"epoch less evaluation / bare steps  {share:.3f}")
    print(f"evaluation / epoch                  {evaluated / epoch:.3f}")


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
