"""A worked example of one's own constraint: objects ordered from left to right.

It is not in the paper. AIR infers objects in whatever order; here each is asked
to lie left of the next. What a constraint needs is `left_to_right` and the line
that makes it an `asr.Constraint`: nothing inside air/ or asr/ knows about it.

    bash reproduce/own_constraint.sh

trains AIR-ASR on the overlap setting (Table 2) for a few epochs, without and
with the constraint, and draws the test scenes of both, boxes coloured in order.
"""

import dataclasses
import hashlib
import inspect
import json
import sys

import data
from reproduce import (
    checkpoint,
    command_line,
    files,
    history,
    interrupts,
    scene_data,
    start,
)
from reproduce import run as single
from reproduce.configuration import (
    LARGEST_SEED,
    TABLE2_SETTINGS,
    preset_configuration,
    smoke,
)
from reproduce.errors import NonFiniteError, UsageError

DESCRIPTION = (
    "An example that is not in the paper: AIR-ASR with one more constraint, objects "
    "ordered from left to right, trained and drawn without and with it. An "
    "interrupted call goes on; a finished one only draws."
)
NAME = "left_to_right"
SHOWN = 8  # the first scenes of the test set
MEASURED = ("nelbo", "se", "miou")


def left_to_right(posterior):
    """F(q) = sum_t l(x_t - x_{t+1}), in pixels; l(v) = max(v, 0).

    How far each object's centre lies right of the next one's. A pair counts with
    the probability that its later object exists.

    Args:
      posterior: an `asr.Posterior`.

    Returns:
      Shape [batch], one value an image.
    """
    import tensorflow as tf

    x = posterior.centre[:, :, 0]
    too_far = tf.nn.relu(x[:, :-1] - x[:, 1:])
    return tf.reduce_sum(posterior.validity[:, 1:] * too_far, axis=1)


def define(options):
    """The command's flags."""
    options.group("What to run")
    options.choice("setting", "mnist", "of Table 2", tuple(TABLE2_SETTINGS))
    options.number("weight", 10.0, "lambda of the constraint", lower=0)
    options.integer("epochs", 5, "passes over the training images", lower=1)
    text = "of initialisation, data order and noise"
    options.integer("seed", 0, text, 0, LARGEST_SEED)
    options.choice(
        "digits", "mnist", "rendered: drawn from fonts", ("mnist", "rendered")
    )
    options.text("mnist", None, "MNIST in Keras's format (mnist.npz)", "FILE")
    options.switch("smoke", False, "toy size: rendered digits, few images, two epochs")
    options.group("How to run it")
    options.switch("retrain", False, "begin again, whatever was trained before")
    options.text("results", None, files.RESULTS_HELP, "DIR")
    options.text("checkpoints", None, files.CHECKPOINTS_HELP, "DIR")


def body(values):
    """Runs the command; returns the exit code."""
    configuration = configuration_from(values)
    file = _file(values)
    places = {name: _place(values, configuration, name) for name in ("without", "with")}
    files.require_writable(file.parent, "--results")
    for kept in places.values():
        files.require_writable(kept, "--checkpoints")
    start.tensorflow()
    import asr  # brings TensorFlow

    own = {"without": (), "with": (asr.Constraint(NAME, left_to_right, values.weight),)}
    trained = {}
    try:
        for name in ("with", "without"):  # a fault in the constraint is told first
            trained[name] = train(values, configuration, name, own[name], places[name])
    except NonFiniteError as error:
        print(f"error: {error}", file=sys.stderr)
        return single.NON_FINITE
    except asr.ConstraintError as error:
        raise UsageError(str(error)) from None
    runs = {name: trained[name] for name in places}
    measured = {name: measure(run) for name, run in runs.items()}
    figures = {name: run.figures for name, run in runs.items()}
    _draw(figures, measured, configuration, values.weight, file)
    _write(file, configuration, values.weight, measured)
    for name, row in measured.items():
        print(
            f"{name:>8}: violation {row['violation']:6.2f} px, in order "
            f"{row['in_order']:.1%}, nELBO {row['nelbo']:.1f}, SE {row['se']:.1f}, "
            f"mIoU {row['miou']:.2f}"
        )
    print(f"written: {files.shown(file)}.png, .pdf and .json")
    return 0


def configuration_from(values):
    """The `Configuration` of both runs: AIR-ASR of Table 2, shortened.

    Raises:
      UsageError: if an option does not fit the others.
    """
    experiment = f"table2/asr-{values.setting}"
    options = {"seed": values.seed, "epochs": values.epochs}
    if preset_configuration(experiment).digits is not None:
        options["digits"] = values.digits
    configuration = preset_configuration(experiment, **options)
    if not values.smoke:
        return configuration
    toy = smoke(configuration)
    if not values["epochs"].present:
        return toy
    return dataclasses.replace(toy, epochs=values.epochs)


def train(values, configuration, name, constraints, kept):
    """Trains one of the two runs, or takes up where an earlier call ended.

    Args:
      values: the command's flags.
      configuration: its `Configuration`.
      name: "without" or "with".
      constraints: of one's own, added to the paper's.
      kept: folder of its checkpoint and lock.

    Returns:
      The `training.Training`, finished. Its history, one's own constraint
      included by name, is also in `history.csv` beside the checkpoint.

    Raises:
      NonFiniteError: if training diverged.
      asr.ConstraintError: if a constraint does not return what it should.
      UsageError: if the data, the checkpoint or its folder cannot be used.
    """
    from reproduce import build, training

    with single.lock(kept, f"{name} {NAME}"):
        scenes = data.load(
            scene_data.scene_specification(configuration), mnist_path=values.mnist
        )
        if values.retrain:  # not before all input has proved good
            (kept / checkpoint.NAME).unlink(missing_ok=True)
        model = build.build_model(configuration, constraints)
        run = training.Training(configuration, model, scenes, kept, values.retrain)
        try:
            run.run(f"{name} {NAME}")
        except KeyboardInterrupt as error:
            unsaved = f"step {run.taken} is not finite and was not saved"
            saved = single.save_interrupted(run, run.taken, unsaved, values)
            if isinstance(error, interrupts.Interrupted):
                error.note = f"{name} {NAME}: {saved}"
            raise
        files.write_atomically(kept / "history.csv", history.format(run.history))
    for constraint in constraints:
        column = f"train_{constraint.name}"
        steps = ", ".join(f"{row[column]:.2f}" for row in run.history)
        print(f"{column} by epoch, in pixels: {steps}", flush=True)
    print(f"history: {files.shown(kept / 'history.csv')}", flush=True)
    return run


def _place(values, configuration, name):
    """The folder of one of the two runs' checkpoint and lock."""
    own = f"-weight{values.weight:g}-{_digest(left_to_right)}" if name == "with" else ""
    results = files.results_folder(values.results, values.smoke)
    root = files.checkpoints_folder(values.checkpoints, results) / "own_constraint"
    return checkpoint.folder_of(root / (name + own), configuration)


def _digest(function):
    """Some digits that change with the source: an edited constraint trains anew."""
    source = inspect.getsource(function)
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def measure(run):
    """How a finished run does on all test scenes.

    Returns:
      A dict: "violation", the mean of F in pixels, "in_order", the share of scenes
      without any, and the metrics "nelbo", "se" and "miou".
    """
    figures, scenes = run.evaluate()
    violation = _violation(scenes["boxes"], scenes["counts"])
    return {
        "violation": float(violation.mean()),
        "in_order": float((violation == 0).mean()),
        **{name: figures[name] for name in MEASURED},
    }


def _violation(boxes, counts):
    """F of inferred boxes, without TensorFlow's graph. Shape [scenes]."""
    import numpy as np

    x = boxes[:, :, 0] + boxes[:, :, 2] / 2
    both = np.arange(1, x.shape[1]) < counts[:, None]
    return (both * np.maximum(x[:, :-1] - x[:, 1:], 0)).sum(axis=1)


def _draw(figures, measured, configuration, weight, file):
    """Writes the picture: the same test scenes without and with the constraint."""
    from reproduce import drawing

    panels = []
    for letter, name in zip("ab", figures, strict=True):
        arrays = figures[name]
        scenes = [
            drawing.Scene(image, boxes[:count])
            for image, boxes, count in zip(
                arrays["images"], arrays["boxes"], arrays["counts"], strict=True
            )
        ][:SHOWN]
        row = measured[name]
        title = (
            f"({letter}) {name} the constraint\n{row['violation']:.1f} px out of "
            f"order, {row['in_order']:.0%} of scenes in order, mIoU {row['miou']:.2f}"
        )
        columns = SHOWN // 2
        panels.append(
            drawing.Panel(title, [scenes[i : i + columns] for i in (0, columns)])
        )
    source = {"mnist": "MNIST", "rendered": "rendered digits", None: "Multi-dSprites"}
    caption = [
        "AIR-ASR with a constraint of one's own: object t lies left of object t + 1 "
        f"(weight {weight:g}).",
        f"First test scenes with inferred boxes; {source[configuration.digits]}, "
        f"{configuration.epochs} epochs, seed {configuration.seed}.",
    ]
    steps = configuration.fixed_count
    page = drawing.page(panels, configuration.canvas_side, caption, colour_key=steps)
    drawing.save(page, file)


def _write(file, configuration, weight, measured):
    content = {
        "constraint": NAME,
        "weight": weight,
        "experiment": configuration.experiment,
        "epochs": configuration.epochs,
        "seed": configuration.seed,
        "digits": configuration.digits,
        "test": measured,
    }
    files.write_atomically(f"{file}.json", json.dumps(content, indent=1) + "\n")


def _file(values):
    """Where the picture goes, without suffix: results/ holds the default call's."""
    flags = ("setting", "weight", "epochs", "seed", "digits")
    usual = not any(values[name].present for name in flags)
    folder = files.results_folder(values.results, values.smoke)
    if values.results is None and not usual and not values.smoke:
        folder = files.OUTPUTS
    return folder / "figures" / "own_constraint"


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, None, DESCRIPTION, (data.DataError,)))
