"""An option of a run: a field that knows its flag and when it has an effect."""

import dataclasses
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


def option(default, parser, text, *conditions):
    """A field with its value in the preset `paper` of Table 1.

    The parser of its flag says which values are allowed; all conditions must hold for
    the option to be read.
    """
    metadata = {"parser": parser, "text": text, "when": conditions}
    return dataclasses.field(default=default, metadata=metadata)


def unread(field, configuration):
    """Why nothing reads an option of a configuration, in words; None if it is read."""
    for condition in field.metadata["when"]:
        if not condition.holds(configuration):
            return condition.otherwise
    return None
