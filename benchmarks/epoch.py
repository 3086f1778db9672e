"""What an epoch costs beside its bare training steps, and evaluation beside it.

    python -m benchmarks.epoch

Trains a run's first epochs as `reproduce.run` does, with input, progress, logging,
evaluation of the 2,000 test images and checkpoint, and times each part. Before and
after every epoch the same compiled step is timed alone.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from reproduce import command_line, configuration, start

BARE = 50  # bare steps before and after every epoch


def define(options):
    """The command's flags."""
    options.group("What to measure")
    options.choice(
        "experiment", "table1/asr-13", "the run", configuration.experiments()
    )
    options.integer("epochs", 2, "measured epochs, after one that compiles", 1)
    options.integer("train_images", 40_000, "training images", 64)
    options.integer("threads", 1, "processor threads", 1)


def body(values):
    """Measures and prints."""
    start.tensorflow(values.threads)
    import tensorflow as tf

    import data
    from benchmarks.bare_step import timed
    from reproduce import build, scene_data, training

    options = configuration.preset_configuration(
        values.experiment,
        digits="rendered",
        train_images=values.train_images,
        epochs=values.epochs + 1,
        early_end=False,  # every step is to be the bare step
    )
    scenes = data.load(scene_data.scene_specification(options))
    model = build.build_model(options)
    with tempfile.TemporaryDirectory() as folder:
        run = training.Training(options, model, scenes, Path(folder), fresh=True)
        batch = tf.constant(run.images[: options.batch_size])

        def bare_steps():
            taken = run.taken
            seconds = [
                timed(lambda: run.train_step(batch)["loss"].numpy())
                for _ in range(BARE)
            ]
            model.iteration.assign(taken)  # the epoch's place is counted by it
            return seconds

        run.run_epoch(values.experiment)
        steps, epochs, evaluations, saves = [], [], [], []
        for _ in range(values.epochs):
            steps += bare_steps()
            epochs.append(timed(lambda: run.run_epoch(values.experiment)))
            steps += bare_steps()
            evaluations.append(timed(run.evaluate))
            saves.append(timed(run.save))
    step, epoch, evaluation, save = map(
        statistics.median, (steps, epochs, evaluations, saves)
    )
    bare_epoch = step * run.steps
    print(f"bare step                    {1e3 * step:8.1f} ms, {run.steps} an epoch")
    print(f"epoch                        {epoch:8.1f} s")
    print(f"evaluation                   {evaluation:8.2f} s")
    print(f"checkpoint                   {save:8.2f} s")
    print(
        f"epoch less evaluation / bare steps  {(epoch - evaluation) / bare_epoch:.3f}"
    )
    print(f"evaluation / epoch                  {evaluation / epoch:.3f}")


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=__doc__.split("\n")[0]))
