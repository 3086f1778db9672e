"""How AIR-ASR depends on the weights lambda: the paper's search as declared runs.

    python -m reproduce.sensitivity --train --epochs 10

is what `bash reproduce/sensitivity.sh` runs. The paper searched the weights of the
number constraint in {1, 10, 100} and those of the overlap constraints in {1, 10,
20, 100} (section 6). Here the number's two weights form a full grid on AIR-ASR-13;
the overlap's four groups are varied one at a time from the chosen weights on
Multi-MNIST.
"""

import itertools
import sys

from reproduce import command_line, grid_command, variants
from reproduce.configuration import preset_configuration

DESCRIPTION = (
    "Prints AIR-ASR's metrics by the weights lambda that the paper searched, from run "
    "records. It trains only with --train, --retrain or --smoke."
)
PAGE = variants.Page(
    "sensitivity",
    "Sensitivity of AIR-ASR to the weights λ",
    "Number of objects: the paper's whole grid. Overlap: one group of weights at a "
    "time takes the paper's values, the others stay as it chose them (it does not say "
    "how it searched). In bold the weights it chose.",
    "searches",
)
SEARCHES = ("number", "overlap")
SEEDS = (0,)
EXPERIMENTS = {"number": "table1/asr-13", "overlap": "table2/asr-mnist"}
OPTIONS = {
    "number": ("number_image_weight", "number_marginal_weight"),
    "overlap": (
        "overlap_weight",
        "inside_weight",
        "side_weight",
        "side_difference_weight",
    ),
}
SEARCHED = {"number": (1.0, 10.0, 100.0), "overlap": (1.0, 10.0, 20.0, 100.0)}
TITLES = {
    "number": ("Number of objects, AIR-ASR-13", ("λ1", "λ2")),
    "overlap": ("Overlap, AIR-ASR (multi-mnist)", ("λ1", "λ2 to λ5", "λ6", "λ7")),
}


def define(options):
    """The command's flags."""
    options.group("What to show")
    options.choices("searches", SEARCHES, "which weights", SEARCHES)
    grid_command.define(options, seeds=SEEDS)


def body(values):
    """Runs the command; returns the exit code."""
    wanted = [comparison(name, values.preset) for name in values.searches]
    return variants.body(values, PAGE, wanted)


def comparison(search, preset="paper"):
    """A search as a `variants.Comparison`, a row for each of its points."""
    title, columns = TITLES[search]
    chosen = _chosen(search, preset)
    rows = []
    for point in weights(search, preset):
        named = zip(OPTIONS[search], point, chosen, strict=True)
        changes = tuple((name, value) for name, value, own in named if value != own)
        rows.append(variants.Row(tuple(f"{w:g}" for w in point), changes))
    return variants.Comparison(search, title, EXPERIMENTS[search], columns, tuple(rows))


def weights(search, preset="paper"):
    """The points of a search: tuples of weights in the order of `OPTIONS`.

    The number's are the full grid; the overlap's are the chosen weights, and those
    that differ from them in one group.
    """
    if search == "number":
        return list(itertools.product(SEARCHED[search], repeat=2))
    chosen = _chosen(search, preset)
    points = {chosen}
    for group, value in itertools.product(range(len(chosen)), SEARCHED[search]):
        points.add((*chosen[:group], value, *chosen[group + 1 :]))
    return sorted(points)


def _chosen(search, preset):
    """The weights of the preset itself."""
    configuration = preset_configuration(EXPERIMENTS[search], preset)
    return tuple(getattr(configuration, name) for name in OPTIONS[search])


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
