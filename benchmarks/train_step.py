"""Time of one training step against its floor, in one process.

    python -m benchmarks.train_step --steps 6 --threads 1

The floor is the time of the matrix products that the step needs (same shapes), plus
the bytes that Adam must move over the measured memory bandwidth. The products are
formed by XLA, as in the step, and by oneDNN, as TensorFlow does without XLA; the floor
is that of the faster one.
"""

import statistics
import sys
import time

import numpy as np

from reproduce import command_line
from reproduce.flags import integer, switch
from reproduce.run import start

BYTES = 4
ADAM_PASSES = 7  # reads weight, gradient and two moments; writes three of them


def define(flags):
    """The command's flags."""
    flags.group("What to measure")
    flags.add("steps", integer(3, 20), 6, "K, number of objects")
    flags.add("batch_size", integer(1), 64, "images a step")
    flags.add("rounds", integer(1), 30, "measurements of each, their median is shown")
    flags.add("threads", integer(1), 1, "processor threads")
    flags.add("xla", switch(), True, "compile the step by XLA")


def body(values):
    """Measures and prints."""
    start.tensorflow(values.threads)
    import tensorflow as tf

    from benchmarks import bare_step, products

    step, model = bare_step.compiled(
        tf, "table1/asr-13", values.steps, values.batch_size, values.xla
    )
    compile_seconds = bare_step.timed(step)
    needed = products.training_step(values.batch_size, values.steps)
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    moved = ADAM_PASSES * BYTES * parameters
    by_xla, by_onednn = (all_products(tf, needed, xla) for xla in (True, False))

    # Interleaved, so that a change of the machine's speed meets all alike.
    seconds = [[], [], [], []]
    for _ in range(values.rounds):
        for times, function in zip(seconds, (step, by_xla, by_onednn), strict=False):
            times.append(bare_step.timed(function))
        seconds[3].append(moved / bandwidth())
    step_time, xla_time, onednn_time, adam_time = map(statistics.median, seconds)
    floor = min(xla_time, onednn_time) + adam_time
    operations = sum(product.operations for product in needed)
    print(f"K = {values.steps}, batch {values.batch_size}, {values.threads} thread(s)")
    print(f"compilation and first step   {compile_seconds:8.1f} s")
    print(f"training step                {1e3 * step_time:8.1f} ms")
    for name, taken in (("XLA", xla_time), ("oneDNN", onednn_time)):
        print(
            f"its products by {name:6}       {1e3 * taken:8.1f} ms "
            f"({operations / taken / 1e9:.0f} GFLOP/s)"
        )
    print(f"bytes that Adam moves        {1e3 * adam_time:8.1f} ms")
    print(f"step / floor                 {step_time / floor:8.2f}")


def all_products(tf, needed, xla):
    """A function that forms all the products, each from operands of its own."""
    stream = tf.random.Generator.from_seed(0)
    lefts, rights = [], []
    for product in needed:
        for _ in range(product.times):
            lefts.append(stream.normal([product.rows, product.inner]))
            rights.append(stream.normal([product.inner, product.columns]))

    @tf.function(jit_compile=xla, autograph=False)
    def form(lefts, rights):
        return [tf.matmul(*pair) for pair in zip(lefts, rights, strict=True)]

    def run():
        form(lefts, rights)[-1].numpy()

    run()
    return run


def bandwidth(megabytes=64):
    """Bytes a second that a copy moves, reading and writing."""
    source = np.ones(megabytes << 20, np.uint8)
    target = np.zeros_like(source)
    begun = time.perf_counter()
    np.copyto(target, source)
    return 2 * source.nbytes / (time.perf_counter() - begun)


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
