"""The flags of a run: every option of `Configuration` is one."""

from reproduce.experiments.configuration import (
    experiments,
    options,
    preset_configuration,
)
from reproduce.experiments.option import allows_none, kind
from reproduce.experiments.presets import PRESETS

NOT_CHANGES = ("seed", "epochs")


def define_names(flags):
    """The flags that name a run's experiment, preset and size."""
    text = "table/method-setting"
    flags.add("experiment", flags.word(experiments()), None, text)
    flags.add("preset", flags.word(PRESETS), "paper", "base of all options")
    text = "toy size: rendered digits, few images, two epochs"
    flags.add("smoke", flags.switch(), False, text)


def define_changes(flags):
    """The flags of all that can be changed from a preset."""
    flags.group("Options changed from the preset (each is the preset's if not given)")
    for field in options():
        if field.name not in NOT_CHANGES:
            flags.add(field.name, parser(flags, field), None, field.metadata["text"])


def parser(flags, field):
    """The parser of an option's flag."""
    about, expected, none = field.metadata, kind(field), allows_none(field)
    if about["allowed"]:
        return flags.word(about["allowed"], none)
    if expected is bool:
        return flags.switch()
    if expected is str:
        return flags.text()
    if expected is tuple:
        return flags.several(flags.integer(about["least"]))
    number = flags.integer if expected is int else flags.number
    return number(about["least"], about["most"], none)


def configuration_from(values, experiment, **identity):
    """The `Configuration` of an experiment with what the flags change in it.

    Args:
      values: the flags of `define_names` and `define_changes`.
      experiment: such as "table1/asr-13".
      **identity: seed and epochs, those that are given.

    Raises:
      UsageError: if an option does not fit the others.
    """
    changes = {
        field.name: values[field.name].value
        for field in options()
        if field.name not in NOT_CHANGES and values[field.name].present
    }
    return preset_configuration(
        experiment, values.preset, values.smoke, **identity, **changes
    )
