"""What one run does: every option of it, its bounds, and when it has an effect.

`presets` has the values of the two presets; each option that differs between them is
one row of docs/deviations.md.
"""

import dataclasses
import hashlib
import json
import pathlib

from reproduce import REPOSITORY
from reproduce.errors import UsageError
from reproduce.experiments.option import Condition, fault, option, unread
from reproduce.experiments.presets import (
    METHODS,
    PRESETS,
    RELEASED_SIDES,
    TABLE1_SETTINGS,
    TABLE2_SETTINGS,
    released_options,
    setting_options,
)

CANVAS_SIDES = {"multi_mnist": 50, "multi_dsprites": 64}  # pixels, released code
SEPARATIONS = ("ink", "boxes", "columns")
LARGEST_SEED = 2**31 - 1  # seeds of noise are pairs of 32-bit integers
SMOKE = {"epochs": 2, "train_images": 1_280, "test_images": 128}  # of a run at toy size
_NAMES_THE_RUN = ("experiment", "preset", "seed", "epochs")

# fmt: off
MADE = Condition(lambda c: c.scenes is None, "the scenes are those of --scenes")
LEARNED_PRIOR = Condition(lambda c: c.method != "air", "AIR's prior is fixed")
COUNTED = Condition(
    lambda c: c.fixed_count is None, "the number of objects is known (--fixed_count)")
EXACT = Condition(lambda c: c.presence == "exact", "z_pres is Concrete (--presence)")
CONCRETE = Condition(lambda c: c.presence == "concrete", "z_pres is exact (--presence)")
FREE_COUNT = Condition(
    lambda c: not c.fixed_count_log_odds, "z_pres has --fixed_count_log_odds as prior")
ONE_COUNT = Condition(
    lambda c: len(c.counts) == 1, "the number of objects varies (--counts)")
SEES_LOCATION = Condition(
    lambda c: c.scale_sees_location, "z_scale sees no z_loc (--scale_sees_location)")
CONSTRAINED = Condition(lambda c: c.constraint is not None, "there is no --constraint")
_ASR = Condition(lambda c: c.method == "asr", "only AIR-ASR has the paper's penalties")
_TABLE1 = Condition(
    lambda c: c.table == "table1", "Table 2 regularises the objects' boxes")
_TABLE2 = Condition(
    lambda c: c.table == "table2", "Table 1 regularises the number of objects")
NUMBER, OVERLAP = (_ASR, _TABLE1, COUNTED), (_ASR, _TABLE2)
# fmt: on


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
    # fmt: off
    seed: int = option(
        0, "of initialisation, data order and noise", least=0, most=LARGEST_SEED)
    epochs: int = option(300, "passes over the training images", least=1)

    # Data (section 6).
    scenes: str | None = option(
        None, "scenes of your own: FILE.npz with images, and counts, boxes if known")
    scenes_digest: str | None = None  # of the file's bytes
    dataset: str = option("multi_mnist", "dataset", MADE, allowed=tuple(CANVAS_SIDES))
    counts: tuple = option((1, 3), "objects per scene, equal shares", least=0)
    digits: str | None = option(
        "mnist", "source of digits", MADE, allowed=("mnist", "rendered"))
    object_scale: float = option(1.0, "of the objects' size", MADE, least=0.1, most=1)
    separation: str = option(
        "ink", "what of two objects may not meet", MADE, allowed=SEPARATIONS)
    train_images: int = option(40_000, "training scenes", MADE, least=1)
    test_images: int = option(2_000, "test scenes", MADE, least=1)
    test_split: str = option(
        "extra", "test scenes made in addition, or split off the shuffled others",
        MADE, allowed=("extra", "shuffled"))
    data_seed: int = option(0, "of the scenes", MADE, least=0)

    # Model. The number of steps is the released code's, and so are the Concrete values,
    # which it has for AIR; for the other methods it has 0.1 and 0.9.
    steps: int = option(6, "K, the most objects", COUNTED, least=1, most=20)
    fixed_count: int | None = option(
        None, "exactly this many objects, without z_pres", least=1, most=20)
    presence: str = option(
        "exact", "treatment of z_pres", COUNTED, allowed=("exact", "concrete"))
    temperature: float = option(
        1.0, "of the Concrete z_pres", COUNTED, CONCRETE, least=0.01)
    stop_threshold: float = option(
        0.99, "bound of the sum of 1 - z_pres", COUNTED, CONCRETE, least=0.01, most=1)
    presence_slope: str = option(
        "exact", "slope of KL(z_pres) by the log-odds",
        COUNTED, EXACT, allowed=("exact", "concrete", "floored"))
    fixed_count_log_odds: float = option(
        0.0, "prior log-odds of z_pres, plus to the known count, then minus",
        COUNTED, ONE_COUNT)
    presence_prior_lag: bool = option(
        False, "learned prior of z_pres sees the objects up to t - 2 only",
        LEARNED_PRIOR, COUNTED, FREE_COUNT)
    scale_prior: str = option(
        "fixed", "prior of z_scale", LEARNED_PRIOR, allowed=("fixed", "learned"))
    recognition_reads_latents: bool = option(
        True, "the recognition LSTM reads the previous object besides x")
    scale_sees_location: bool = option(True, "z_scale depends on z_loc")
    hidden_sees_location: bool = option(
        False, "z_loc enters the hidden layer of z_scale's nets too", SEES_LOCATION)
    bounds: bool = option(
        True, "log-variances within +-10, sides of at least .02 of the canvas")
    encoder_outputs: str = option(
        "joint", "mean and log-variance of z_app: one layer, or two, clipped apart",
        allowed=("joint", "separate"))
    sampler: str = option(
        "hat", "how windows are read and drawn", allowed=("hat", "clipped_corners"))
    decoder_noise: float = option(
        0.0, "standard deviation of noise on the decoder's logits", least=0)
    likelihood_floor: str = option(
        "maximum", "log max(r, e) or log(r + e)", allowed=("maximum", "sum"))
    training_floor: float = option(
        1e-10, "e of the likelihood in training alone", least=1e-10, most=0.1)

    # Optimisation (section 6); the clipping is the released code's.
    batch_size: int = option(64, "images per step", least=1)
    learning_rate: float = option(1e-3, "of Adam", least=1e-9, most=1)
    clip_norm: float = option(1.0, "largest gradient norm of a variable", least=1e-9)
    nonfinite_gradients: str = option(
        "stop", "such entries end the run, or become 0", allowed=("stop", "zero"))
    init_seed: int | None = option(
        None, "of the initialisation; none: --seed", least=0, most=LARGEST_SEED)
    early_end: bool = option(
        True, "skip objects that no image of a batch has, for speed", COUNTED)
    compiler: str = option("xla", "of the training step", allowed=("xla", "none"))
    precision: str = option("float32", "of numbers", allowed=("float32", "float64"))

    # Regularisation of AIR-ASR (sections 6.1 and 6.2), and a constraint of one's own.
    number_penalty: str = option(
        "posterior", "divergences of q(n | x), or cross-entropies against unary codes",
        *NUMBER, allowed=("posterior", "unary"))
    number_image_weight: float = option(10.0, "lambda_1 of 6.1", *NUMBER, least=0)
    number_marginal_weight: float = option(100.0, "lambda_2 of 6.1", *NUMBER, least=0)
    overlap_weight: float = option(1.0, "lambda_1 of 6.2", *OVERLAP, least=0)
    inside_weight: float = option(1.0, "lambda_2 to lambda_5 of 6.2", *OVERLAP, least=0)
    side_weight: float = option(20.0, "lambda_6 of 6.2", *OVERLAP, least=0)
    side_difference_weight: float = option(10.0, "lambda_7 of 6.2", *OVERLAP, least=0)
    side_penalty: str = option(
        "sum", "F1 to F7 of objects that exist, or of every step, F6 their mean",
        *OVERLAP, allowed=("sum", "mean"))
    side_minimum: float = option(11.0, "c_min of F6 in pixels", *OVERLAP, least=0)
    side_maximum: float = option(15.0, "c_max of F6 in pixels", *OVERLAP, least=0)
    constraint: str | None = option(
        None, "one of your own: FILE.py:NAME, a function of asr.Posterior")
    constraint_digest: str | None = None  # of the file's bytes
    constraint_weight: float = option(
        1.0, "lambda of --constraint", CONSTRAINED, least=0)

    # Evaluation.
    count_rule: str = option(
        "greedy", "inferred count", COUNTED, allowed=("greedy", "sampled"))
    reported_epoch: str = option(
        "last", "which epoch is reported", allowed=("last", "lowest_loss"))
    # fmt: on

    def __post_init__(self):
        for field in options():
            value = getattr(self, field.name)
            if allowed := fault(field, value):
                what = f"--{field.name}: {value!r} is not allowed"
                raise UsageError(f"{what}; allowed: {allowed}")
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
        if self.side_minimum > self.side_maximum:
            raise UsageError(
                f"--side_minimum: {self.side_minimum:g} is not allowed; at most "
                f"--side_maximum {self.side_maximum:g}"
            )
        if self.scenes is None:
            self._check_synthesis()

    def _check_synthesis(self):
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
        """Such as "table1"."""
        return self.experiment.split("/")[0]

    @property
    def method(self):
        """One of `METHODS`."""
        return self.experiment.split("/")[1].split("-")[0]

    @property
    def setting(self):
        """Such as "13" or "mnist"."""
        return self.experiment.split("/")[1].split("-", 1)[1]

    @property
    def canvas_side(self):
        """Side of the dataset's images in pixels; those of --scenes have their own."""
        return CANVAS_SIDES[self.dataset]

    @property
    def sampled_side(self):
        """Side of all boxes that the released code samples, in pixels."""
        return sum(RELEASED_SIDES[self.dataset]) / 2

    @property
    def name(self):
        """The run's place under runs/ and under the folder of checkpoints, a path."""
        run = f"{self.variant}-{self.epochs}ep-seed{self.seed}"
        return pathlib.PurePosixPath(self.table, f"{self.method}-{self.setting}", run)

    @property
    def variant(self):
        """The preset and every option changed from it, as one folder-safe word."""
        words = [f"{name}={self._word(name)}" for name in self.changed]
        return "+".join([self.preset, *words])

    @property
    def changed(self):
        """Options that differ from the preset's own value, by name."""
        base = _preset(self.experiment, self.preset)
        return {
            field.name: getattr(self, field.name)
            for field in options()
            if field.name not in _NAMES_THE_RUN
            and getattr(self, field.name) != getattr(base, field.name)
        }

    def reads(self, name):
        """Whether an option has an effect on this run."""
        field = next(field for field in options() if field.name == name)
        return unread(field, self) is None

    def to_json(self):
        """The options as a plain dict (tuples become lists)."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def _word(self, name):
        """An option's value as part of a folder's name; of a file, name and digest."""
        value = getattr(self, name)
        if name == "scenes":
            return f"{pathlib.Path(value).stem}.{str(self.scenes_digest)[:8]}"
        if name == "constraint":
            return f"{value.rpartition(':')[2]}.{str(self.constraint_digest)[:8]}"
        if isinstance(value, tuple):
            return "-".join(str(item) for item in value)
        return str(value)


def options():
    """The fields of `Configuration` that are options, in the order of `--help`."""
    return [field for field in dataclasses.fields(Configuration) if field.metadata]


def from_json(values):
    """The inverse of `Configuration.to_json`.

    Raises:
      UsageError: on an unknown or missing option.
    """
    values = dict(values)
    values["counts"] = tuple(values.get("counts", ()))
    known = {field.name for field in dataclasses.fields(Configuration)}
    if set(values) != known:
        raise UsageError(
            f"configuration: options {sorted(set(values) ^ known)} are unknown "
            "or missing"
        )
    return Configuration(**values)


def experiments():
    """Every experiment of the paper's two tables, in the tables' order."""
    table1 = [f"table1/{m}-{s}" for s in TABLE1_SETTINGS for m in METHODS]
    table2 = [f"table2/{m}-{s}" for s in TABLE2_SETTINGS for m in METHODS]
    return table1 + table2


def preset_configuration(experiment, preset="paper", smoke=False, **changes):
    """The configuration of `experiment` under `preset`, with `changes` applied.

    Files that are named in `changes` are read for their digests.

    Args:
      experiment: such as "table1/asr-13".
      preset: "paper" or "released".
      smoke: whether the run is of toy size: rendered digits, few images and two
        epochs, unless `changes` says otherwise.
      **changes: options by name.

    Raises:
      UsageError: if the experiment, the preset or an option is unknown, if an option
        has a value that is not allowed, or if nothing would read a changed one: it
        would only rename the run.
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
    known = [field.name for field in options()]
    for name in changes:
        if name not in known:
            raise UsageError(f"option {name!r} is unknown")
    changes = dict(changes)
    for name in ("scenes", "constraint"):
        if changes.get(name) is not None:
            changes[name], changes[f"{name}_digest"] = _located(name, changes[name])
    base = _preset(experiment, preset)
    toy = _toy(base, changes) if smoke else {}
    configuration = dataclasses.replace(base, **(toy | changes))
    for field in options():
        reason = unread(field, configuration)
        if reason and field.name in changes and _differs(configuration, base, field):
            raise UsageError(
                f"--{field.name}: not allowed with {experiment}, where nothing reads "
                f"it: {reason}"
            )
    return configuration


def _preset(experiment, preset):
    table, name = experiment.split("/")
    method, setting = name.split("-", 1)
    values = setting_options(table, setting)
    if preset == "released":
        values |= released_options(table, method, setting)
    return Configuration(experiment, preset, **values)


def _toy(base, changes):
    """The options of a run of toy size."""
    if changes.get("scenes") is not None:
        return {"epochs": SMOKE["epochs"]}
    return SMOKE | {"digits": None if base.digits is None else "rendered"}


def _differs(configuration, base, field):
    return getattr(configuration, field.name) != getattr(base, field.name)


def _located(name, value):
    """A file that --scenes or --constraint names: how records name it, and its digest.

    That is relative to the repository where it is inside, so that records hold no
    folder of one machine where they need not.
    """
    file, colon, function = (value, "", "")
    if name == "constraint":
        file, colon, function = value.rpartition(":")
        if not (file and function.isidentifier()):
            allowed = "allowed: FILE.py:NAME"
            raise UsageError(f"--constraint: {value!r} is not allowed; {allowed}")
    path = pathlib.Path(file).expanduser()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"--{name}: {file}: {error.strerror}") from None
    path = path.resolve()
    if path.is_relative_to(REPOSITORY):
        path = path.relative_to(REPOSITORY)
    return f"{path.as_posix()}{colon}{function}", digest
