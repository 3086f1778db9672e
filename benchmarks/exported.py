"""Time of one training step of exported programs.

    python -m benchmarks.exported --programs 13,14 --processes 1,2

Each folder is one that `python -m reproduce.export` made. Needs JAX and no
TensorFlow; the images are made up, so no data is needed either. With more than one
process, as many copies of a folder's program train at the same time.
"""

import json
import pathlib
import sys
import time

import numpy as np

from benchmarks import together
from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.export.folder import Exported
from reproduce.flags import comma_list, integer, switch, text


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("programs", text(), None, "folders, joined by commas")
    flags.add("processes", comma_list(integer(1)), (1,), "copies at the same time")
    flags.add("rounds", integer(1), 3, "calls; the fastest counts")
    flags.add("worker", switch(), False, "one of the processes: prints JSON")


def body(values):
    """Measures and prints a table."""
    if values.programs is None:
        raise UsageError("--programs: a value is missing; allowed: see --help")
    if values.worker:
        print(json.dumps(measure(values.programs, values.rounds)))
        return
    print("| folder | processes | compilation | step | step / processes | evaluation |")
    print("|---|---|---|---|---|---|")
    for folder in values.programs.split(","):
        for processes in values.processes:
            found = at_once(folder, processes, values)
            compilation, step, evaluation = (
                max(worker[name] for worker in found)
                for name in ("compilation", "step", "evaluation")
            )
            print(
                f"| {folder} | {processes} | {compilation:.1f} s | {1e3 * step:.2f} ms "
                f"| {1e3 * step / processes:.2f} ms | {evaluation:.2f} s |",
                flush=True,
            )
    print(f"\n{found[0]['device']}, JAX {found[0]['jax']}, {found[0]['precision']}")
    peak = found[0]["peak_megabytes"]
    told = "not told by it" if peak is None else f"{peak} MB"
    print(f"peak memory on the device {told}")


def at_once(folder, processes, values):
    """What so many copies measure that run at the same time: a list of dicts."""
    words = ["-m", "benchmarks.exported", "--worker"]
    words += ["--programs", str(pathlib.Path(folder).absolute())]
    words += ["--rounds", str(values.rounds)]
    # JAX would otherwise give the first process most of a GPU's memory.
    return together.measure(words, processes, XLA_PYTHON_CLIENT_PREALLOCATE="false")


def measure(folder, rounds):
    """Compiles a folder's programs, times them when all are ready: a dict."""
    import jax

    from reproduce.export.runtime import Device, Program
    from reproduce.records import environment

    exported = Exported(folder)
    device, (run, *_) = Device(), exported.configurations
    begun = time.perf_counter()
    train = Program(exported, "train", device)
    compilation = time.perf_counter() - begun
    infer = Program(exported, "infer", device)
    shapes = train.described["arguments"]
    steps, batch = shapes["order"]
    stream, put = np.random.default_rng(0), device.put
    images = _images(stream, shapes["images"])
    order = stream.integers(0, len(images), [steps, batch]).astype(np.int32)
    arguments = [put(array) for array in (images, order, np.zeros(2, np.int32))]
    state = [put(array) for array in exported.initial[0]]
    shown = put(images[:batch])

    def train_once():
        nonlocal state
        measured, *state = train(state, *arguments).values()
        if not np.isfinite(np.asarray(measured)).all():
            raise UsageError(f"--programs: {folder}: a loss is not finite")

    def evaluate():
        for _ in range(-(-run.test_images // batch)):
            np.asarray(infer(state, shown)["nelbo"])

    together.meet()
    return {
        "compilation": compilation,
        "step": fastest(train_once, rounds) / steps,
        "evaluation": fastest(evaluate, rounds),
        "peak_megabytes": device.peak_megabytes,
        "device": device.name or environment.processor(),
        "jax": jax.__version__,
        "precision": exported.manifest["precision"],
    }


def _images(stream, shape):
    """Images whose middle is noise: a loss of a usual size."""
    images = np.zeros(shape, np.uint8)
    images[:, 15:35, 15:35] = stream.integers(0, 256, [shape[0], 20, 20])
    return images


def fastest(function, rounds):
    """Seconds of the fastest of some calls, after one that does not count."""
    function()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
