"""What this project's choices do: AIR-ASR again with one choice undone at a time.

    python -m reproduce.ablations --train --epochs 20

is what `bash reproduce/ablations.sh` runs. Each row takes from the released code, or
from the paper's text, what the preset `paper` does not (see the deviations table of
the README); everything else stays as it is.
"""

import sys

from reproduce import command_line, grid_command, variants
from reproduce.configuration import preset_configuration

DESCRIPTION = (
    "Prints AIR-ASR's metrics with one of the project's choices undone at a time, from "
    "run records. It trains only with --train, --retrain or --smoke."
)
PAGE = variants.Page(
    "ablations",
    "AIR-ASR with one choice changed",
    "In bold the preset's own choices. Those of `paper`: exact z_pres where the number "
    "of objects is inferred, no z_pres where it is known, a fixed scale prior and a "
    "learning rate of 0.001.",
    "comparisons",
    pictures=True,
)
EXPERIMENTS = {
    "number": ("Number of objects, AIR-ASR-13", "table1/asr-13"),
    "overlap": ("Overlap, AIR-ASR (multi-mnist)", "table2/asr-mnist"),
    "sprites": ("Overlap, AIR-ASR (multi-dsprites)", "table2/asr-dsprites"),
}
# What the released code needs for its Concrete z_pres; in Table 2 it holds the
# number of objects by prior log-odds of +-100 instead of leaving z_pres out.
CONCRETE = ("presence", "temperature", "stop_threshold")
CONCRETE_COUNT = ("steps", "fixed_count", "fixed_count_log_odds")


def define(options):
    """The command's flags."""
    options.group("What to show")
    names = tuple(EXPERIMENTS)
    options.choices("comparisons", names, "which experiments", names)
    grid_command.define(options, seeds=(0,))


def body(values):
    """Runs the command; returns the exit code."""
    wanted = [comparison(name, values.preset) for name in values.comparisons]
    return variants.body(values, PAGE, wanted)


def comparison(name, preset="paper"):
    """The rows of one experiment, a `variants.Comparison`."""
    title, experiment = EXPERIMENTS[name]
    base = preset_configuration(experiment, preset)
    released = preset_configuration(experiment, "released")
    concrete = CONCRETE if base.table == "table1" else CONCRETE + CONCRETE_COUNT
    declared = (
        ("none", {}),
        ("Concrete z_pres", {option: getattr(released, option) for option in concrete}),
        ("learned scale prior", {"scale_prior": "learned"}),
        ("z_scale's hidden layers see z_loc", {"hidden_sees_location": True}),
        (
            f"learning rate {released.learning_rate:g}",
            {"learning_rate": released.learning_rate},
        ),
    )
    rows = []
    for label, options in declared:
        changes = tuple(
            pair for pair in options.items() if pair[1] != getattr(base, pair[0])
        )
        if changes or not options:  # the other preset has it already
            rows.append(variants.Row((label,), changes))
    return variants.Comparison(name, title, experiment, ("change",), tuple(rows))


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
