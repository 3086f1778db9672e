"""Parsers of flag values whose errors name the flag and what is allowed.

absl's own parsers raise errors that repeat Python's ("invalid literal for
int()"); these raise `UsageError` with the one line a user needs.
"""

import math

from absl import flags

from reproduce.errors import UsageError


class _Parser(flags.ArgumentParser):
    """A parser that knows its flag's name and describes what it allows."""

    def __init__(self, name, optional=False):
        super().__init__()
        self._name = name
        self._optional = optional

    def parse(self, argument):
        """The value of `argument`, text from the command line or a default.

        Raises:
          UsageError: naming the flag, the fault and what is allowed.
        """
        if not isinstance(argument, str):
            return argument  # a default, already a value
        word = argument.strip()
        if self._optional and word.lower() == "none":
            return None
        try:
            return self._convert(word)
        except ValueError:
            raise self._error(argument) from None

    def _error(self, argument):
        none = " or none" if self._optional else ""
        return UsageError(
            f"--{self._name}: {argument!r} is not allowed; "
            f"allowed: {self.allowed}{none}"
        )


class Integer(_Parser):
    """An integer within inclusive bounds."""

    def __init__(self, name, lower=None, upper=None, optional=False):
        super().__init__(name, optional)
        self._bounds = (lower, upper)
        self.allowed = "an integer" + _bounds_text(lower, upper)

    def _convert(self, word):
        return _bounded(int(word), *self._bounds)


class Number(_Parser):
    """A finite decimal number within inclusive bounds."""

    def __init__(self, name, lower=None, upper=None, optional=False):
        super().__init__(name, optional)
        self._bounds = (lower, upper)
        self.allowed = "a number" + _bounds_text(lower, upper)

    def _convert(self, word):
        value = float(word)
        if not math.isfinite(value):
            raise ValueError(word)
        return _bounded(value, *self._bounds)


class Choice(_Parser):
    """One word out of a few."""

    def __init__(self, name, words, optional=False):
        super().__init__(name, optional)
        self.words = tuple(words)
        self.allowed = ", ".join(self.words)

    def _convert(self, word):
        if word not in self.words:
            raise ValueError(word)
        return word


class Text(_Parser):
    """Any text but the empty one."""

    allowed = "a text that is not empty"

    def _convert(self, word):
        if not word:
            raise ValueError(word)
        return word


class Sequence(_Parser):
    """Distinct values joined by commas, as a tuple in the order given."""

    def __init__(self, name, item):
        super().__init__(name)
        self._item = item
        self.allowed = f"{item.allowed}, joined by commas, each once"

    def _convert(self, word):
        values = tuple(self._item._convert(part.strip()) for part in word.split(","))
        if len(set(values)) != len(values):
            raise ValueError(word)
        return values


def _bounded(value, lower, upper):
    if (lower is not None and value < lower) or (upper is not None and value > upper):
        raise ValueError(value)
    return value


def _bounds_text(lower, upper):
    if lower is not None and upper is not None:
        return f" from {lower} to {upper}"
    if lower is not None:
        return f" of at least {lower}"
    if upper is not None:
        return f" of at most {upper}"
    return ""
