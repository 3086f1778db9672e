"""Runs of toy size with tiny networks, in this process or in one of their own.

As a script it is `python -m reproduce.run` with such networks. Nothing is compiled,
which would take half a minute for what is trained in a second.
"""

import contextlib
import functools
import json
import pathlib
import subprocess
import sys

WORDS = (
    *("--experiment", "table1/asr-13", "--digits", "rendered", "--compiler", "none"),
    *("--steps", "2", "--counts", "1,2", "--train_images", "16", "--test_images", "8"),
    *("--batch_size", "8", "--epochs", "2"),
)
STEPS = 2  # an epoch
LIMIT = 300  # seconds, of any process


def shrink(setattr=setattr, eagerly=True):
    """Tiny networks and few samples; functions that run without being traced."""
    import tensorflow as tf

    import air
    from reproduce.run import evaluation, summaries

    tf.config.run_functions_eagerly(eagerly)
    setattr(summaries, "PRIOR_SAMPLES", 200)
    setattr(evaluation, "BOUND_SAMPLES", 1)

    tiny = {"appearance": 3, "window": 6, "lstm": 8, "encoder": (9, 7), "head": 5}
    setattr(air, "Sizes", functools.partial(air.Sizes, **tiny))


@contextlib.contextmanager
def networks(scenes, eagerly=True):
    """Runs in this process have tiny networks, and keep their scenes in a folder."""
    import pytest
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASR_CACHE", str(scenes))
        shrink(patch.setattr, eagerly)
        yield
    tf.config.run_functions_eagerly(before)
    # Off since a run without XLA, for the whole process.
    tf.config.optimizer.set_experimental_options({"constant_folding": True})


def run(root, *words):
    """Trains a tiny run below the folder `root`; returns the exit code."""
    from reproduce import command_line
    from reproduce.run import __main__ as command

    argv = [*WORDS, "--results", str(root), *map(str, words)]
    return command_line.main(command.define, command.body, argv=argv)


def start(root, *words):
    """Starts a tiny run as a process of its own; text goes through pipes."""
    return subprocess.Popen(
        [sys.executable, __file__, *WORDS, "--results", str(root), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left(root):
    """All that finished runs have left, less what depends on the clock.

    Returns:
      A dict from file names to values that can be compared.
    """
    from reproduce.records import frame, record
    from reproduce.run import checkpoint

    found = {}
    for file in sorted(pathlib.Path(root).glob("runs/*/*/*/record.json")):
        name = file.parent.name
        history = frame.read_history(file.parent).drop(columns="seconds").to_csv()
        written = record.read(file.parent)
        for field in ("wall_seconds", "images_per_second", "git"):
            del written[field]
        del written["environment"]["peak_memory_megabytes"]
        figure = record.read_figure(file.parent)
        found |= {f"{name} record": json.dumps(written), f"{name} history": history}
        found |= {f"{name} {k}": array.tobytes() for k, array in figure.items()}
    for file in sorted(pathlib.Path(root).glob("checkpoints/*/*/*/state.npz")):
        _, arrays = checkpoint.load(file)
        found[f"{file.parent.name} weights"] = [array.tobytes() for array in arrays]
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
    from reproduce import command_line
    from reproduce.run import __main__ as command

    whole = command.start.tensorflow

    def start_tiny(*arguments):
        whole(*arguments)
        shrink()

    command.start.tensorflow = start_tiny
    sys.exit(command_line.main(command.define, command.body))
