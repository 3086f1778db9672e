"""The comparisons: which experiments are run again, with which options changed.

A row declares options; those that the preset has anyway are no change, and a row without
any is the tables' own run. So when a default changes, another row becomes that one.
"""

import dataclasses
import itertools

from reproduce.errors import UsageError
from reproduce.experiments import grid
from reproduce.experiments.configuration import preset_configuration
from reproduce.experiments.presets import METHODS, PRESETS

ASR13, ASR_MNIST, ASR_SPRITES = "table1/asr-13", "table2/asr-mnist", "table2/asr-dsprites"
# What the released code needs for its Concrete z_pres; in Table 2 it holds the number of
# objects by prior log-odds of +-100 instead of leaving z_pres out.
CONCRETE = ("presence", "temperature", "stop_threshold")
CONCRETE_COUNT = (*CONCRETE, "steps", "fixed_count", "fixed_count_log_odds")
# Section 6: the weights that the paper searched, by constraint.
SEARCHED = {"number": (1.0, 10.0, 100.0), "overlap": (1.0, 10.0, 20.0, 100.0)}
WEIGHTS = {
    "number": ("number_image_weight", "number_marginal_weight"),
    "overlap": (
        *("overlap_weight", "inside_weight"),
        *("side_weight", "side_difference_weight"),
    ),
}
OWN = "examples/left_to_right.py:left_to_right"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: what a reader sees of it, its experiment, and the options it declares."""

    labels: tuple
    experiment: str
    options: dict

    def changes(self, preset):
        """The options that differ from the preset's, pairs; None if it reads them not.

        Raises:
          UsageError: if not even the first preset, `paper`, reads them.
        """
        base = preset_configuration(self.experiment, preset)
        changes = {n: v for n, v in self.options.items() if v != getattr(base, n)}
        try:
            preset_configuration(self.experiment, preset, **changes)
        except UsageError:
            if preset == PRESETS[0]:
                raise
            return None
        return tuple(changes.items())


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Rows that are read together.

    Attributes:
      title: of its section.
      columns: titles of the rows' labels.
      rows: tuple of `Row`.
      about: a sentence, "" for none.
      measured: further columns: a title, a column of the frames and a number's format.
      picture: whether the first test scenes are drawn.
    """

    title: str
    columns: tuple
    rows: tuple
    about: str = ""
    measured: tuple = ()
    picture: bool = False

    def of(self, preset):
        """The rows that this preset can run: pairs of a `Row` and its changes."""
        found = [(row, row.changes(preset)) for row in self.rows]
        seen = {}
        for row, changes in found:
            if changes is not None:
                seen.setdefault((row.experiment, changes), (row, changes))
        return list(seen.values())


@dataclasses.dataclass(frozen=True)
class Page:
    """What one command shows: reproduce/<name>.sh.

    Attributes:
      title, about: of the page.
      epochs: length of runs that --train makes unless told otherwise.
      comparisons: by name.
    """

    title: str
    about: str
    epochs: int
    comparisons: dict


def _released(experiment, options):
    """What the preset `released` has for some options."""
    released = preset_configuration(experiment, "released")
    return {option: getattr(released, option) for option in options}


def _choices(experiment, concrete, more=()):
    """AIR-ASR with one choice of this project undone at a time."""
    declared = (
        ("none", {}),
        ("Concrete z_pres", _released(experiment, concrete)),
        ("learned scale prior", {"scale_prior": "learned"}),
        ("z_scale's hidden layers see z_loc", {"hidden_sees_location": True}),
        ("learning rate 0.0001", {"learning_rate": 1e-4}),
        *more,
    )
    return tuple(Row((label,), experiment, options) for label, options in declared)


def _slopes():
    return tuple(
        Row((grid.label(experiment), slope), experiment, {"presence_slope": slope})
        for experiment in ("table1/air-14", "table1/air-13")
        for slope in ("exact", "concrete", "floored")
    )


def _layouts():
    return tuple(
        Row((grid.DATASETS[s], METHODS[m], layout), f"table2/{m}-{s}", {"separation": layout})
        for s in grid.DATASETS
        for m in METHODS
        for layout in ("boxes", "columns")
    )


def _scale_priors():
    experiment = "table1/pprior-13"
    concrete = _released(experiment, CONCRETE)
    return tuple(
        Row((words, prior), experiment, {**presence, "scale_prior": prior})
        for words, presence in (("exact", {}), ("Concrete", concrete))
        for prior in ("fixed", "learned")
    )


def _floors():
    names = {ASR13: "AIR-ASR-13", ASR_MNIST: "Multi-MNIST", ASR_SPRITES: "Multi-dSprites"}
    return tuple(
        Row((name, f"{floor:g}"), experiment, {"training_floor": floor})
        for experiment, name in names.items()
        for floor in (1e-10, 1e-6, 1e-3)
    )


def _searched(name, experiment):
    """A search over weights: the number's is a full grid, the overlap's one at a time."""
    names, values = WEIGHTS[name], SEARCHED[name]
    base = preset_configuration(experiment)
    chosen = tuple(getattr(base, option) for option in names)
    if name == "number":
        points = list(itertools.product(values, repeat=len(names)))
    else:
        varied = itertools.product(range(len(names)), values)
        points = sorted({chosen, *((*chosen[:i], v, *chosen[i + 1 :]) for i, v in varied)})
    return tuple(
        Row(tuple(f"{w:g}" for w in p), experiment, dict(zip(names, p, strict=True)))
        for p in points
    )


def _own():
    weights = (("without", 0.0), ("with", 10.0))
    return tuple(
        Row((label,), ASR_MNIST, {"constraint": OWN, "constraint_weight": weight})
        for label, weight in weights
    )


_SIDES = (
    "F6 bounds sides at 12 to 15 px (sprites have 10 to 16)",
    {"side_minimum": 12.0, "side_maximum": 15.0},
)
_SAMPLES = ("overlapping pairs in samples", "overlapping_pairs_in_samples", ".1%")

PAGES = {
    "ablations": Page(
        "One choice changed",
        "Each row takes from the released code, or from the paper's text, what the "
        "preset does not (docs/deviations.md). In bold the preset's own choices.",
        20,
        {
            "number": Comparison(
                "Number of objects, AIR-ASR-13",
                ("change",),
                _choices(ASR13, CONCRETE),
                picture=True,
            ),
            "overlap": Comparison(
                "Overlap, AIR-ASR (multi-mnist)",
                ("change",),
                _choices(ASR_MNIST, CONCRETE_COUNT),
                picture=True,
            ),
            "sprites": Comparison(
                "Overlap, AIR-ASR (multi-dsprites)",
                ("change",),
                _choices(ASR_SPRITES, CONCRETE_COUNT, (_SIDES,)),
                picture=True,
            ),
            "slope": Comparison(
                "AIR's count: the slope of KL(z_pres) by the log-odds",
                ("", "slope"),
                _slopes(),
                "AIR's prior of z_pres reaches its floor after 39,000 steps, so these "
                "runs need 64 epochs (`--comparisons slope --epochs 64`).",
            ),
            "layout": Comparison(
                "Layout of the overlap scenes",
                ("dataset", "method", "disjoint"),
                _layouts(),
                "The released code draws scenes whose objects stand in disjoint columns; "
                "the text asks for disjoint boxes.",
                (_SAMPLES,),
            ),
            "scale": Comparison(
                "Prior of z_scale, AIR-pPrior-13",
                ("z_pres", "scale prior"),
                _scale_priors(),
                picture=True,
            ),
            "floor": Comparison(
                "Floor e of the likelihood in training, AIR-ASR",
                ("", "e"),
                _floors(),
                "Evaluation keeps e = 1e-10, so that nELBO compares. Gradient norm: mean "
                "over the epoch's training steps, before clipping.",
                (("gradient norm", "train_gradient_norm", ",.0f"),),
            ),
        },
    ),
    "sensitivity": Page(
        "Sensitivity of AIR-ASR to the weights λ",
        "Number of objects: the paper's whole grid. Overlap: one group of weights at a "
        "time takes the paper's values, the others stay as it chose them (it does not "
        "say how it searched). In bold the weights it chose.",
        10,
        {
            "number": Comparison(
                "Number of objects, AIR-ASR-13",
                ("λ1", "λ2"),
                _searched("number", ASR13),
            ),
            "overlap": Comparison(
                "Overlap, AIR-ASR (multi-mnist)",
                ("λ1", "λ2 to λ5", "λ6", "λ7"),
                _searched("overlap", ASR_MNIST),
            ),
        },
    ),
    "own_constraint": Page(
        "A constraint of one's own",
        "An example that is not in the paper: AIR-ASR on three digits with one more "
        "constraint, objects ordered from left to right (examples/left_to_right.py). "
        "Without: its weight is 0, so that it is measured and changes nothing.",
        5,
        {
            "order": Comparison(
                "Objects from left to right",
                ("constraint",),
                _own(),
                measured=(("out of order, px", "train_left_to_right", ".2f"),),
                picture=True,
            ),
        },
    ),
}
