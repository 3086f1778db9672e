"""An option of a run: a field of a dataclass that knows its allowed values."""

import dataclasses
import math
import typing

from reproduce.errors import UsageError


def option(default, text, allowed=None, lower=None, upper=None):
    """A field with its one-line description and its allowed values.

    `allowed` is a tuple of words; `lower` and `upper` bound numbers.
    """
    metadata = {"text": text, "allowed": allowed, "lower": lower, "upper": upper}
    return dataclasses.field(default=default, metadata=metadata)


def kind(field):
    """The plain type of a field: `int` of `int | None`."""
    return next((t for t in typing.get_args(field.type) if t is not None), field.type)


def allows_none(field):
    """Whether None is one of a field's values."""
    return type(None) in typing.get_args(field.type)


def check(field, value):
    """Raises UsageError unless `value` is one that the field allows."""
    if value is None and allows_none(field):
        return
    allowed, lower, upper = (
        field.metadata[name] for name in ("allowed", "lower", "upper")
    )
    expected = kind(field)
    if allowed:
        fine, words = value in allowed, ", ".join(allowed)
    elif expected is bool:
        fine, words = isinstance(value, bool), "true, false"
    elif expected is tuple:
        fine = (
            isinstance(value, tuple)
            and 0 < len(value) == len(set(value))
            and all(type(item) is int and item >= lower for item in value)
        )
        words = f"distinct whole numbers from {lower}"
    else:
        types = (int,) if expected is int else (int, float)
        low = -math.inf if lower is None else lower
        high = math.inf if upper is None else upper
        fine = type(value) in types and low <= value <= high and abs(value) < math.inf
        words = "a whole number" if expected is int else "a number"
        words += f" from {low} to {high}"
    if not fine:
        raise UsageError(f"--{field.name}: {value!r} is not allowed; allowed: {words}")
