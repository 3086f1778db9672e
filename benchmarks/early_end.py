"""A training step that ends the object loop early, against steps of fixed length.

    python -m benchmarks.early_end

Times three AIR-ASR steps in one process: with all K objects, ended early after
the largest allowed count, and with K set to that count.
"""

import statistics
import sys

from reproduce import command_line, configuration, start
from reproduce.errors import UsageError

# Those whose steps can end early: AIR-ASR of Table 1.
EXPERIMENTS = [e for e in configuration.experiments() if e.startswith("table1/asr-")]


def define(options):
    """The command's flags."""
    options.group("What to measure")
    options.choice(
        "experiment", "table1/asr-13", "the run whose step it is", EXPERIMENTS
    )
    options.integer("steps", 6, "K, number of objects", 4, 20)
    options.integer("rounds", 40, "measurements of each, their median is shown", 1)
    options.integer("threads", 1, "processor threads", 1)


def body(values):
    """Measures and prints."""
    counts = configuration.preset_configuration(values.experiment).counts
    if values.steps <= max(counts):
        raise UsageError(
            f"--steps: {values.steps} is not allowed with {values.experiment}, whose "
            f"steps end early after {max(counts)}; allowed: more than that"
        )
    start.tensorflow(values.threads)
    import tensorflow as tf

    from air import early_end
    from benchmarks import bare_step

    # Every step is to be taken: what differs then is the time alone.
    early_end.LARGEST_VALIDITY = 2.0
    whole, model = bare_step.compiled(tf, values.experiment, values.steps)
    end = model.early_end
    early = ended_early(tf, model, bare_step.batch(tf))
    short, _ = bare_step.compiled(tf, values.experiment, end)
    functions = {"whole": whole, "early": early, "short": short}
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(values.rounds):  # interleaved: the machine's speed varies
        for name, function in functions.items():
            seconds[name].append(bare_step.timed(function))
    median = {name: statistics.median(times) for name, times in seconds.items()}
    whole, early, short = (1e3 * median[name] for name in functions)
    print(f"step with K = {values.steps}           {whole:8.1f} ms")
    print(f"ended early after {end}        {early:8.1f} ms")
    print(f"step with K = {end}           {short:8.1f} ms")
    print(f"early / K = {end}             {early / short:8.2f}")
    print(f"early / K = {values.steps}             {early / whole:8.2f}")


def ended_early(tf, model, images):
    """A function of one step that ends early, whether or not the batch allows it."""
    function = tf.function(model.early_train_step, jit_compile=True, autograph=False)

    def step():
        function(images)[1]["loss"].numpy()

    return step


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, description=__doc__.split("\n")[0]))
