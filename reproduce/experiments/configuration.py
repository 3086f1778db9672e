"""What one run does: all its options, their bounds, and when each has an effect.

`presets` has the values of the two presets; each option that differs between them is
one row of docs/deviations.md.
"""

import dataclasses
import hashlib
import json
import pathlib

from data import DATASETS
from reproduce import REPOSITORY
from reproduce.errors import UsageError
from reproduce.experiments.grid import experiments, parts
from reproduce.experiments.presets import PRESETS, preset_options
from reproduce.flags import (
    choice,
    comma_list,
    integer,
    number,
    switch,
    text,
    written,
)

SEPARATIONS = ("ink", "boxes", "columns")
LARGEST_SEED = 2**31 - 1  # seeds of noise are pairs of 32-bit integers
SMOKE = {"epochs": 2, "train_images": 1_280, "test_images": 128}  # a run of toy size
NAMES_THE_RUN = ("seed", "epochs")  # options that are not part of its variant
FILES = ("scenes", "model", "constraint")  # options that name a file


def option(default, parser, help_text, *conditions):
    """A field of `Configuration` that is an option.

    Args:
      default: its value in the preset `paper` of Table 1.
      parser: its flag's parser, which defines the allowed values.
      help_text: its flag's line in --help.
      *conditions: pairs of a predicate of a `Configuration` and the reason, in words,
        why the option has no effect where it is false. All must hold.
    """
    metadata = {"parser": parser, "text": help_text, "when": conditions}
    return dataclasses.field(default=default, metadata=metadata)


def unread(field, configuration):
    """Why an option has no effect in a configuration, in words; None if it has one."""
    for holds, reason in field.metadata["when"]:
        if not holds(configuration):
            return reason
    return None


# Conditions of options.
# fmt: off
MADE = (lambda c: c.scenes is None, "the scenes are those of --scenes")
LEARNED_PRIOR = (lambda c: c.method != "air", "AIR's prior is fixed")
COUNTED = (
    lambda c: c.fixed_count is None, "the number of objects is known (--fixed_count)")
EXACT = (lambda c: c.presence == "exact", "z_pres is Concrete (--presence)")
CONCRETE = (lambda c: c.presence == "concrete", "z_pres is exact (--presence)")
FREE_COUNT = (
    lambda c: not c.fixed_count_log_odds, "z_pres has --fixed_count_log_odds as prior")
ONE_COUNT = (
    lambda c: len(c.counts) == 1, "the number of objects varies (--counts)")
SEES_LOCATION = (
    lambda c: c.scale_sees_location, "z_scale sees no z_loc (--scale_sees_location)")
CONSTRAINED = (lambda c: c.constraint is not None, "there is no --constraint")
_ASR = (lambda c: c.method == "asr", "only AIR-ASR has the paper's penalties")
_TABLE1 = (lambda c: c.table == "table1", "it belongs to Table 1")
_TABLE2 = (lambda c: c.table == "table2", "it belongs to Table 2")
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
    seed: int = option(0, integer(0, LARGEST_SEED),
        "seed of initialisation, data order and noise")
    epochs: int = option(300, integer(1), "passes over the training images")

    # Data (section 6).
    scenes: str | None = option(None, text(optional=True),
        "scenes of your own: FILE.npz with images, and counts, boxes if known")
    scenes_digest: str | None = None  # of the file's bytes
    dataset: str = option("multi_mnist", choice(*DATASETS), "what scenes show", MADE)
    counts: tuple = option((1, 3), comma_list(integer(0)),
        "objects per scene, equal shares")
    digits: str | None = option("mnist", choice("mnist", "rendered", optional=True),
        "source of digits", MADE)
    object_scale: float = option(1.0, number(0.1, 1), "scale of the objects", MADE)
    separation: str = option("ink", choice(*SEPARATIONS),
        "which parts of two objects must not overlap", MADE)
    train_images: int = option(40_000, integer(1), "training scenes", MADE)
    test_images: int = option(2_000, integer(1), "test scenes", MADE)
    test_split: str = option("extra", choice("extra", "shuffled"),
        "test scenes: extra ones, or split off the shuffled training scenes", MADE)
    data_seed: int = option(0, integer(0), "seed of the scenes", MADE)

    # Model. The number of steps is the released code's, and so are the Concrete values,
    # which it has for AIR; for the other methods it has 0.1 and 0.9.
    model: str | None = option(None, text(optional=True),
        "one of your own: FILE.py:NAME, a function of the arguments of air.AIR")
    model_digest: str | None = None  # of the file's bytes
    steps: int = option(6, integer(1, 20), "K, the most objects", COUNTED)
    fixed_count: int | None = option(None, integer(1, 20, optional=True),
        "exactly this many objects, without z_pres")
    presence: str = option("exact", choice("exact", "concrete"),
        "treatment of z_pres", COUNTED)
    temperature: float = option(1.0, number(0.01),
        "temperature of the Concrete z_pres", COUNTED, CONCRETE)
    stop_threshold: float = option(0.99, number(0.01, 1),
        "the Concrete loop stops where the sum of 1 - z_pres passes it",
        COUNTED, CONCRETE)
    presence_slope: str = option("floored", choice("exact", "concrete", "floored"),
        "slope of KL(z_pres) with respect to the log-odds", COUNTED, EXACT)
    fixed_count_log_odds: float = option(0.0, number(),
        "prior log-odds of z_pres: + for the known objects, - for later steps",
        COUNTED, ONE_COUNT)
    presence_prior_lag: bool = option(False, switch(),
        "the learned prior of z_pres sees only the objects up to t - 2",
        LEARNED_PRIOR, COUNTED, FREE_COUNT)
    scale_prior: str = option("fixed", choice("fixed", "learned"),
        "prior of z_scale", LEARNED_PRIOR)
    recognition_reads_latents: bool = option(True, switch(),
        "the recognition LSTM reads the previous object besides x")
    scale_sees_location: bool = option(True, switch(), "z_scale depends on z_loc")
    hidden_sees_location: bool = option(False, switch(),
        "z_loc enters the hidden layer of z_scale's nets too", SEES_LOCATION)
    bounds: bool = option(True, switch(),
        "log-variances within +-10, sides of at least .02 of the canvas")
    encoder_outputs: str = option("joint", choice("joint", "separate"),
        "mean and log-variance of z_app: one layer, or two, clipped separately")
    sampler: str = option("hat", choice("hat", "clipped_corners"),
        "how windows are read and drawn")
    decoder_noise: float = option(0.0, number(0),
        "standard deviation of noise on the decoder's logits")
    likelihood_floor: str = option("maximum", choice("maximum", "sum"),
        "log max(r, e) or log(r + e)")
    training_floor: float = option(1e-10, number(1e-10, 0.1),
        "e of the likelihood, in training only")

    # Optimisation (section 6); the clipping is the released code's.
    batch_size: int = option(64, integer(1), "images per step")
    learning_rate: float = option(1e-3, number(1e-9, 1), "Adam's learning rate")
    clip_norm: float = option(1.0, number(1e-9), "largest gradient norm of a variable")
    nonfinite_gradients: str = option("stop", choice("stop", "zero"),
        "gradient entries that are not finite end the run, or become 0")
    init_seed: int | None = option(None, integer(0, LARGEST_SEED, optional=True),
        "seed of the initialisation; none: --seed")
    early_end: bool = option(True, switch(),
        "skip objects that no image of a batch has, for speed", COUNTED)
    compiler: str = option("xla", choice("xla", "none"),
        "compiler of the training step")
    precision: str = option("float32", choice("float32", "float64"),
        "floating-point type")

    # Regularisation of AIR-ASR (sections 6.1 and 6.2), and a constraint of your own.
    number_penalty: str = option("posterior", choice("posterior", "unary"),
        "divergences of q(n | x), or cross-entropies against unary codes", *NUMBER)
    number_image_weight: float = option(10.0, number(0), "lambda_1 of 6.1", *NUMBER)
    number_marginal_weight: float = option(100.0, number(0), "lambda_2 of 6.1", *NUMBER)
    overlap_weight: float = option(1.0, number(0), "lambda_1 of 6.2", *OVERLAP)
    inside_weight: float = option(1.0, number(0),
        "lambda_2 to lambda_5 of 6.2", *OVERLAP)
    side_weight: float = option(20.0, number(0), "lambda_6 of 6.2", *OVERLAP)
    side_difference_weight: float = option(10.0, number(0), "lambda_7 of 6.2", *OVERLAP)
    side_penalty: str = option("sum", choice("sum", "mean"),
        "sum: F1 to F7 of objects that exist; mean: of every step, F6 averaged",
        *OVERLAP)
    side_minimum: float = option(11.0, number(0), "c_min of F6 in pixels", *OVERLAP)
    side_maximum: float = option(15.0, number(0), "c_max of F6 in pixels", *OVERLAP)
    constraint: str | None = option(None, text(optional=True),
        "one of your own: FILE.py:NAME, a function of asr.Posterior")
    constraint_digest: str | None = None  # of the file's bytes
    constraint_weight: float = option(1.0, number(0),
        "lambda of --constraint", CONSTRAINED)

    # Evaluation.
    count_rule: str = option("greedy", choice("greedy", "sampled"),
        "how the count is inferred", COUNTED)
    reported_epoch: str = option("last", choice("last", "lowest_loss"),
        "which epoch is reported")
    # fmt: on

    def __post_init__(self):
        for field in options():
            parser, value = field.metadata["parser"], getattr(self, field.name)
            try:  # as its flag parses it: 1 becomes 1.0, a list a tuple
                object.__setattr__(self, field.name, parser.parse(written(value)))
            except ValueError:
                self._refuse(field.name, f"allowed: {parser.syntactic_help}")
        if self.fixed_count is None and max(self.counts) > self.steps:
            self._refuse("counts", f"at most --steps {self.steps} can be inferred")
        if self.fixed_count is not None and self.counts != (self.fixed_count,):
            remedy = f"--counts {self.fixed_count}, or --fixed_count none"
            self._refuse("fixed_count", f"it needs {remedy}")
        if self.side_minimum > self.side_maximum:
            self._refuse("side_minimum", f"at most --side_maximum {self.side_maximum}")
        if self.scenes is not None:
            return
        if self.digits not in (sources := DATASETS[self.dataset].sources):
            allowed = " or ".join(map(str, sources)).lower()
            self._refuse("digits", f"{self.dataset} has {allowed}")
        train_images = self.train_images
        if self.test_split == "shuffled":
            train_images -= self.test_images
        if train_images < 1:
            self._refuse("test_images", "they are split off the training scenes")
        if self.batch_size > train_images:
            self._refuse("batch_size", f"at most the {train_images} training scenes")

    def _refuse(self, name, reason):
        value = getattr(self, name)
        raise UsageError(f"--{name}: {value!r} is not allowed; {reason}")

    @property
    def table(self):
        """The table, such as "table1"."""
        return parts(self.experiment)[0]

    @property
    def method(self):
        """The method, one of `grid.METHODS`."""
        return parts(self.experiment)[1]

    @property
    def setting(self):
        """The setting, such as "13" or "mnist"."""
        return parts(self.experiment)[2]

    @property
    def canvas_side(self):
        """Side of the dataset's images in pixels; those of --scenes have their own."""
        return DATASETS[self.dataset].canvas_side

    @property
    def title(self):
        """The run's name at the start of its output lines: "table1/asr-13 seed 0"."""
        return f"{self.experiment} seed {self.seed}"

    @property
    def name(self):
        """The run's path below runs/ and below the folder of checkpoints."""
        run = f"{self.variant}-{self.epochs}ep-seed{self.seed}"
        return pathlib.PurePosixPath(self.table, f"{self.method}-{self.setting}", run)

    @property
    def variant(self):
        """The preset and every option changed from it, as one folder-safe word."""
        return "+".join(self.words(self.changed))

    @property
    def changed(self):
        """Options that differ from the preset's own value, by name."""
        return self.changed_from(_preset(self.experiment, self.preset))

    def changed_from(self, base):
        """Options that differ from another configuration's, by name."""
        values = {f.name: getattr(self, f.name) for f in options(NAMES_THE_RUN)}
        return {n: v for n, v in values.items() if v != getattr(base, n)}

    def reads(self, name):
        """Whether an option has an effect on this run."""
        (field,) = (field for field in options() if field.name == name)
        return unread(field, self) is None

    def words(self, changed):
        """The preset and some options with their values, as words of the variant."""
        return [self.preset, *(f"{name}={self._word(name)}" for name in changed)]

    def to_json(self):
        """The options as a plain dict (tuples become lists)."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def _word(self, name):
        """An option's value in a folder's name; for a file, its name and digest."""
        value = getattr(self, name)
        if name == "scenes":
            return f"{pathlib.Path(value).stem}.{str(self.scenes_digest)[:8]}"
        if name in ("model", "constraint"):
            digest = getattr(self, f"{name}_digest")
            return f"{value.rpartition(':')[2]}.{str(digest)[:8]}"
        return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def options(without=()):
    """The fields of `Configuration` that are options, except those in `without`."""
    fields = [field for field in dataclasses.fields(Configuration) if field.metadata]
    return [field for field in fields if field.name not in without]


def from_json(values):
    """The inverse of `Configuration.to_json`; UsageError on an unknown option."""
    known = {field.name for field in dataclasses.fields(Configuration)}
    if mismatched := sorted(values.keys() ^ known):
        raise UsageError(f"configuration: options {mismatched} are unknown or missing")
    return Configuration(**values)


def preset_configuration(experiment, preset="paper", smoke=False, **changes):
    """The configuration of `experiment` under `preset`, with `changes` applied.

    Files that are named in `changes` are read for their digests. With `smoke` it is of
    toy size, unless `changes` says otherwise: rendered digits, few images, two epochs.

    Raises:
      UsageError: if a name or a value is not allowed, or if a changed option would have
        no effect other than to rename the run.
    """
    fields = {field.name: field for field in options()}
    names = [(experiment, experiments()), (preset, PRESETS)]
    for value, allowed in names + [(name, fields) for name in changes]:
        if value not in allowed:
            raise UsageError(f"{value!r} is unknown; allowed: {', '.join(allowed)}")
    for name in FILES:
        if changes.get(name) is not None:
            changes[name], changes[f"{name}_digest"] = _located(name, changes[name])
    base = _preset(experiment, preset)
    toy = dict(SMOKE) if smoke else {}
    if smoke and changes.get("scenes") is not None:
        toy = {"epochs": SMOKE["epochs"]}
    elif smoke and base.digits is not None:
        toy["digits"] = "rendered"
    configuration = dataclasses.replace(base, **(toy | changes))
    for name in configuration.changed_from(base):
        if name in changes and (reason := unread(fields[name], configuration)):
            raise UsageError(f"--{name}: it has no effect on {experiment}: {reason}")
    return configuration


def define(flags):
    """Adds the flags that name a run's experiment, preset and size."""
    flags.add("experiment", choice(*experiments()), None, "table/method-setting")
    flags.add("preset", choice(*PRESETS), "paper", "base of all options")
    help_text = "toy size: rendered digits, few images, two epochs"
    flags.add("smoke", switch(), False, help_text)


def define_changes(flags):
    """Adds a flag for each option that can be changed from a preset."""
    flags.group("Options changed from the preset (default: the preset's values)")
    for field in options(NAMES_THE_RUN):
        flags.add(field.name, field.metadata["parser"], None, field.metadata["text"])


def from_flags(values, **identity):
    """The `Configuration` given by the flags of `define` and `define_changes`.

    Raises:
      UsageError: if no experiment is given, or an option does not fit the others.
    """
    if values.experiment is None:
        raise UsageError("--experiment: a value is missing; see --help")
    names = [f.name for f in options(NAMES_THE_RUN) if values[f.name].present]
    changes = identity | {name: values[name].value for name in names}
    return preset_configuration(
        values.experiment, values.preset, values.smoke, **changes
    )


def _preset(experiment, preset):
    return Configuration(experiment, preset, **preset_options(experiment, preset))


def _located(name, value):
    """The file of an option of `FILES`: its name in records, and its digest.

    A relative path is looked up in the current folder, then in the repository. Records
    name a file of the repository by its path there, which is the same on all machines.
    """
    file, colon, function = value, "", ""
    if name != "scenes":
        file, colon, function = value.rpartition(":")
        if not (file and function.isidentifier()):
            message = f"--{name}: {value!r} is not allowed; allowed: FILE.py:NAME"
            raise UsageError(message)
    try:
        path = pathlib.Path(file).expanduser()
        path = (path if path.exists() else REPOSITORY / path).resolve()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, RuntimeError) as error:  # the latter: no such home folder
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--{name}: {file}: {reason}") from None
    if path.is_relative_to(REPOSITORY):
        path = path.relative_to(REPOSITORY)
    return f"{path.as_posix()}{colon}{function}", digest
