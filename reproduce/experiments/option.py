"""An option of a run: a dataclass field that knows its values and when it counts."""

import dataclasses
import math
import typing
from collections.abc import Callable


class Condition(typing.NamedTuple):
    """When an option has an effect.

    Attributes:
      holds: function of a `Configuration`: whether the option is read.
      otherwise: why it is not, in words.
    """

    holds: Callable
    otherwise: str


def option(default, text, *conditions, allowed=None, least=None, most=None):
    """A field with its one-line description and its allowed values.

    Args:
      default: value in the preset `paper` of Table 1.
      text: of `--help`.
      *conditions: `Condition`s, all of which must hold for the option to be read.
      allowed: tuple of words; None for a number, a switch or any text.
      least, most: bounds of a number; None for none.
    """
    metadata = {"text": text, "allowed": allowed, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata | {"when": conditions})


def kind(field):
    """The plain type of a field: `int` of `int | None`."""
    return next((t for t in typing.get_args(field.type) if t is not None), field.type)


def allows_none(field):
    """Whether None is one of a field's values."""
    return type(None) in typing.get_args(field.type)


def unread(field, configuration):
    """Why nothing reads an option of a configuration, in words; None if it is read."""
    for condition in field.metadata["when"]:
        if not condition.holds(configuration):
            return condition.otherwise
    return None


def fault(field, value):
    """What a field allows, in words, where that is not `value`; else None."""
    if value is None and allows_none(field):
        return None
    allowed, least, most = (field.metadata[k] for k in ("allowed", "least", "most"))
    expected = kind(field)
    if allowed:
        fine, words = value in allowed, ", ".join(allowed)
    elif expected is bool:
        fine, words = isinstance(value, bool), "true, false"
    elif expected is str:
        fine, words = isinstance(value, str) and value != "", "a text"
    elif expected is tuple:
        words = f"distinct whole numbers from {least}"
        fine = isinstance(value, tuple) and 0 < len(value) == len(set(value))
        fine = fine and all(type(item) is int and item >= least for item in value)
    else:
        types = (int,) if expected is int else (int, float)
        low = -math.inf if least is None else least
        high = math.inf if most is None else most
        fine = type(value) in types and low <= value <= high and abs(value) < math.inf
        words = "a whole number" if expected is int else "a number"
        words += f" from {low} to {high}"
    return None if fine else words
