"""A command's flags: absl's, extended to the value "none" and to lists of values."""

import math

import absl.flags

from reproduce.errors import UsageError


class Flags:
    """A command's flags, in the groups of its --help.

    Attributes:
      values: absl's `FlagValues`: `values.epochs` is a flag's value, and
        `values["epochs"].present` says whether the user has given it.
    """

    def __init__(self):
        self.values = absl.flags.FlagValues()
        self.values.set_gnu_getopt(True)  # positional arguments may come first
        self._groups = ["Options"]

    def group(self, title):
        """Starts a new group."""
        self._groups.append(title)

    def add(self, name, parser, default, help_text):
        """Defines a flag; `parser` is one of those below."""
        if isinstance(parser, absl.flags.BooleanParser):
            flag = absl.flags.BooleanFlag(name, default, help_text)
        else:
            flag = absl.flags.Flag(parser, _Serializer(), name, default, help_text)
        absl.flags.DEFINE_flag(flag, self.values, self._groups[-1])

    def parse(self, argv):
        """Parses command-line arguments; returns the positional ones.

        Raises:
          UsageError: naming a flag that is unknown or whose value is not allowed.
        """
        try:
            return self.values(["command", *argv])[1:]
        except (absl.flags.Error, ValueError) as error:
            raise UsageError(str(error).removeprefix("flag ")) from None

    def help(self, description):
        """The text of --help."""
        by_group = self.values.flags_by_module_dict()
        groups = [self.values.module_help(g) for g in self._groups if g in by_group]
        return "\n".join([description.strip(), *groups])


def integer(lower=None, upper=None, optional=False):
    """An integer within bounds; or "none", if optional."""
    return _Parser(absl.flags.IntegerParser(lower, upper), optional)


def number(lower=None, upper=None):
    """A finite number within bounds."""
    return _Parser(_Finite(lower, upper))


def choice(*allowed, optional=False):
    """One of a few words; or "none", if optional."""
    parser = absl.flags.EnumParser(list(allowed))
    parser.syntactic_help = ", ".join(allowed)
    return _Parser(parser, optional)


def text(optional=False):
    """Any text that is not empty, such as a file's name; or "none", if optional."""
    parser = absl.flags.ArgumentParser()
    parser.syntactic_help = "text"
    return _Parser(parser, optional)


def switch():
    """Either --name or --noname; with the default None, possibly neither."""
    return absl.flags.BooleanParser()


def comma_list(parser):
    """Distinct values joined by commas: a tuple in the given order."""
    return _Parser(parser, several=True)


def written(value):
    """A value as it is written on a command line."""
    several = isinstance(value, (tuple, list))
    return ",".join(map(str, value)) if several else str(value)


class _Parser(absl.flags.ArgumentParser):
    """Extends a parser of absl to "none" or to lists; errors say what is allowed."""

    def __init__(self, item, optional=False, several=False):
        super().__init__()
        self.item, self.optional, self.several = item, optional, several
        self.syntactic_help = item.syntactic_help + " or none" * optional
        self.syntactic_help += "; joined by commas, without repeats" * several

    def parse(self, argument):
        if not isinstance(argument, str):
            return argument  # a default
        if self.optional and argument.lower() == "none":
            return None
        words = [argument]
        if self.several:
            words = [word.strip() for word in argument.split(",")]
        try:
            values = {self.item.parse(word): None for word in words if word}
        except ValueError:
            values = {}
        if len(values) < len(words):
            raise ValueError(f"not allowed; allowed: {self.syntactic_help}")
        return tuple(values) if self.several else next(iter(values))


class _Finite(absl.flags.FloatParser):
    def is_outside_bounds(self, val):
        return not math.isfinite(val) or super().is_outside_bounds(val)


class _Serializer(absl.flags.ArgumentSerializer):
    def serialize(self, value):
        return written(value)
