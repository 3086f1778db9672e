"""What one run does: every option, its checks, its digest; `presets` has the values.

Each option that differs between the two presets is one row of the README's deviations
table.
"""

import dataclasses
import hashlib
import json

from reproduce.errors import UsageError
from reproduce.options import check, option
from reproduce.presets import (
    METHODS,
    PRESETS,
    RELEASED_SIDE_BOUNDS,
    TABLE1_SETTINGS,
    TABLE2_SETTINGS,
    released_options,
    setting_options,
)

CANVAS_SIDES = {"multi_mnist": 50, "multi_dsprites": 64}  # pixels, released code
NUMERICS = 2  # raised with every change of the code that touches a run's numbers
LARGEST_SEED = 2**31 - 1  # seeds of noise are pairs of 32-bit integers


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Every option of one run. Defaults are the preset `paper` of Table 1.

    The first four name the run; any other that differs from its preset's value
    becomes part of the run's variant.

    Raises:
      UsageError: if an option has a value that is not allowed.
    """

    experiment: str
    preset: str = "paper"
    seed: int = option(
        0, "of initialisation, data order and noise", lower=0, upper=LARGEST_SEED
    )
    epochs: int = option(300, "passes over the training images", lower=1)

    # Data (section 6).
    dataset: str = option("multi_mnist", "dataset", tuple(CANVAS_SIDES))
    counts: tuple = option((1, 3), "objects per scene, equal shares", lower=0)
    digits: str | None = option("mnist", "source of digits", ("mnist", "rendered"))
    object_scale: float = option(
        1.0, "factor on the objects' size", lower=0.1, upper=1.0
    )
    separation: str = option(
        "ink", "what may not meet between objects", ("ink", "boxes", "columns")
    )
    train_images: int = option(40_000, "training scenes", lower=1)
    test_images: int = option(2_000, "test scenes", lower=1)
    test_split: str = option(
        "extra",
        "test scenes made in addition, or split off the shuffled training scenes",
        ("extra", "shuffled"),
    )
    data_seed: int = option(0, "of the scenes", lower=0)

    # Model. The number of steps is the released code's, and so are the Concrete values,
    # which it has for AIR; for the other methods it has 0.1 and 0.9.
    steps: int = option(6, "K, the largest number of objects", lower=1, upper=20)
    fixed_count: int | None = option(
        None, "exactly this many objects, without z_pres", lower=1, upper=20
    )
    presence: str = option("exact", "treatment of z_pres", ("exact", "concrete"))
    temperature: float = option(1.0, "of the Concrete z_pres", lower=0.01)
    stop_threshold: float = option(
        0.99,
        "of the Concrete z_pres: bound of the sum of 1 - z_pres",
        lower=0.01,
        upper=1,
    )
    fixed_count_log_odds: float = option(
        0.0, "prior log-odds of z_pres: plus up to the known count, minus after"
    )
    presence_prior_lag: bool = option(
        False, "learned prior of z_pres sees the objects up to t - 2 only"
    )
    scale_prior: str = option("fixed", "prior of z_scale", ("fixed", "learned"))
    recognition_reads_latents: bool = option(
        True, "the recognition LSTM reads the previous object besides x"
    )
    scale_sees_location: bool = option(True, "z_scale depends on z_loc")
    hidden_sees_location: bool = option(
        False, "z_loc enters the hidden layer of z_scale's nets too, not the last alone"
    )
    decoder_noise: float = option(
        0.0, "standard deviation of noise on the decoder's logits", lower=0
    )
    likelihood_floor: str = option(
        "maximum",
        "log max(r, e), or log(r + e) with a slope at r = 0 and 1 too (released code)",
        ("maximum", "sum"),
    )
    training_floor: float = option(
        1e-10, "e of the likelihood in training", lower=1e-10, upper=0.1
    )
    sampler: str = option(
        "hat",
        "of windows: exact, or the released code's with its rounding residues",
        ("hat", "clipped_corners"),
    )
    bounds: bool = option(
        True, "log-variances within +-10, box sides of at least .02 of the canvas"
    )
    encoder_outputs: str = option(
        "joint",
        "z_app's mean and log-variance from one output layer or from two",
        ("joint", "separate"),
    )
    presence_slope: str = option(
        "exact",
        "of KL(z_pres) by the log-odds, where z_pres is exact",
        ("exact", "concrete", "floored"),
    )

    # Optimisation (section 6); the clipping is the released code's.
    batch_size: int = option(64, "images per step", lower=1)
    learning_rate: float = option(1e-3, "of Adam", lower=1e-9, upper=1.0)
    clip_norm: float = option(1.0, "largest gradient norm of a variable", lower=1e-9)
    init_seed: int | None = option(
        None,
        "of the initialisation; none: the run's seed",
        lower=0,
        upper=LARGEST_SEED,
    )

    nonfinite_gradients: str = option(
        "stop",
        "entries that are not finite stop the run, or are set to 0 and counted",
        ("stop", "zero"),
    )
    compiler: str = option("xla", "of the training step", ("xla", "none"))
    precision: str = option(
        "float32", "of weights and operations", ("float32", "float64")
    )
    early_end: bool = option(
        True, "skip objects that no image of a batch has, for speed"
    )

    # Regularisation of AIR-ASR (sections 6.1 and 6.2).
    number_penalty: str = option(
        "posterior",
        "divergences of q(n | x), or cross-entropies against unary codes",
        ("posterior", "unary"),
    )
    number_image_weight: float = option(10.0, "lambda_1 of section 6.1", lower=0)
    number_marginal_weight: float = option(100.0, "lambda_2 of section 6.1", lower=0)
    overlap_weight: float = option(1.0, "lambda_1 of section 6.2", lower=0)
    inside_weight: float = option(1.0, "lambda_2 to lambda_5 of 6.2", lower=0)
    side_weight: float = option(20.0, "lambda_6 of section 6.2", lower=0)
    side_difference_weight: float = option(10.0, "lambda_7 of 6.2", lower=0)
    side_penalty: str = option(
        "sum",
        "F1 to F7 of objects that exist, or of every step (F6 the mean: released code)",
        ("sum", "mean"),
    )
    side_minimum: float = option(11.0, "c_min of F6, in pixels", lower=0)
    side_maximum: float = option(15.0, "c_max of F6, in pixels", lower=0)

    # Evaluation.
    count_rule: str = option("greedy", "inferred count", ("greedy", "sampled"))
    reported_epoch: str = option(
        "last", "which epoch is reported", ("last", "lowest_loss")
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.name not in ("experiment", "preset"):
                check(field, getattr(self, field.name))
        if self.fixed_count is None and max(self.counts) > self.steps:
            raise UsageError(
                f"--counts: {self.counts} is not allowed; at most --steps "
                f"{self.steps} objects are inferred"
            )
        if self.fixed_count is not None and self.counts != (self.fixed_count,):
            raise UsageError(
                f"--fixed_count: {self.fixed_count} is not allowed with --counts "
                f"{self.counts}; use --counts {self.fixed_count}, or none"
            )
        if (self.digits is not None) != (self.dataset == "multi_mnist"):
            allowed = "none" if self.digits else "mnist, rendered"
            raise UsageError(
                f"--digits: {str(self.digits).lower()} is not allowed with --dataset "
                f"{self.dataset}; allowed: {allowed}"
            )
        trained = self.train_images
        if self.test_split == "shuffled":
            trained -= self.test_images
            if trained < 1:
                raise UsageError(
                    f"--test_images: {self.test_images} is not allowed; the test "
                    f"scenes are split off the {self.train_images} training scenes"
                )
        if self.batch_size > trained:
            raise UsageError(
                f"--batch_size: {self.batch_size} is not allowed; use at most the "
                f"{trained} training scenes"
            )

    @property
    def table(self):
        return self.experiment.split("/")[0]

    @property
    def method(self):
        return self.experiment.split("/")[1].split("-")[0]

    @property
    def setting(self):
        return self.experiment.split("/")[1].split("-", 1)[1]

    @property
    def canvas_side(self):
        return CANVAS_SIDES[self.dataset]

    @property
    def sampled_side(self):
        """Side of all boxes that the released code samples, in pixels."""
        return sum(RELEASED_SIDE_BOUNDS[self.dataset]) / 2

    @property
    def variant(self):
        """The preset and every option changed from it, as one folder-safe word."""
        return "+".join(
            [self.preset]
            + [f"{name}={_word(value)}" for name, value in self.changed.items()]
        )

    @property
    def changed(self):
        """Options that differ from the preset's own value, by name."""
        base = preset_configuration(self.experiment, self.preset)
        identity = ("experiment", "preset", "seed", "epochs")
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in identity
            and getattr(self, field.name) != getattr(base, field.name)
        }

    def to_json(self):
        """The options as a plain dict (tuples become lists)."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @property
    def digest(self):
        """SHA-256 of the canonical JSON of all options."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _word(value):
    if isinstance(value, tuple):
        return "-".join(str(item) for item in value)
    return str(value)


def from_json(options):
    """The inverse of `Configuration.to_json`.

    Raises:
      UsageError: on an unknown or missing option.
    """
    options = dict(options)
    options["counts"] = tuple(options.get("counts", ()))
    known = {field.name for field in dataclasses.fields(Configuration)}
    if set(options) != known:
        raise UsageError(
            f"configuration: options {sorted(set(options) ^ known)} are unknown "
            "or missing"
        )
    return Configuration(**options)


def smoke(configuration):
    """The same run at toy size: rendered digits, few images, two epochs."""
    return dataclasses.replace(
        configuration,
        epochs=2,
        digits=None if configuration.digits is None else "rendered",
        train_images=1_280,
        test_images=128,
    )


def experiments():
    """Every experiment of the paper's two tables, in the tables' order."""
    table1 = [f"table1/{m}-{s}" for s in TABLE1_SETTINGS for m in METHODS]
    table2 = [f"table2/{m}-{s}" for s in TABLE2_SETTINGS for m in METHODS]
    return table1 + table2


def preset_configuration(experiment, preset="paper", **changes):
    """The configuration of `experiment` under `preset`, with `changes` applied.

    Raises:
      UsageError: if the experiment, the preset or an option is unknown.
    """
    if experiment not in experiments():
        raise UsageError(
            f"--experiment: {experiment!r} is unknown; allowed: "
            + ", ".join(experiments())
        )
    if preset not in PRESETS:
        raise UsageError(
            f"--preset: {preset!r} is unknown; allowed: {', '.join(PRESETS)}"
        )
    options = {"experiment": experiment, "preset": preset}
    table, name = experiment.split("/")
    method, setting = name.split("-", 1)
    options.update(setting_options(table, setting))
    if preset == "released":
        options.update(released_options(table, method, setting))
    known = {field.name for field in dataclasses.fields(Configuration)}
    for name in changes:
        if name not in known:
            raise UsageError(f"option {name!r} is unknown")
    options.update(changes)
    return Configuration(**options)
