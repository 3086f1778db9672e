"""The frame of every command: absl's flags, errors of one line, exit codes.

A command is two functions, run by `main`:

    def define(flags):
        flags.group("What to run")
        flags.add("epochs", flags.integer(1), 300, "passes over the training images")

    def body(values):
        print(values.epochs)

    if __name__ == "__main__":
        sys.exit(command_line.main(define, body, "Runs something."))

Exit codes: 0 done, 1 the machine failed (disk full, say), 2 bad input, 130 Ctrl-C, 141
the reader of standard output has left; others belong to the body.
"""

import difflib
import os
import re
import sys
import textwrap

import absl.flags

from data import DataError
from reproduce.errors import UsageError

_TEXT_COLUMN, _WIDTH = 28, 88  # of the help


class Flags:
    """A command's flags, in groups. `optional` parsers admit the word none."""

    def __init__(self):
        self.values = absl.flags.FlagValues()
        self.values.set_gnu_getopt(True)  # words that are no flags may come first
        self._help = []  # (name, or None for a group's title, and text)

    def group(self, title):
        """Begins a group of flags in the help."""
        self._help.append((None, title))

    def add(self, name, parser, default, text):
        """Defines a flag; `values[name].present` tells whether the user gave it."""
        if isinstance(parser, absl.flags.BooleanParser):
            flag = absl.flags.BooleanFlag(name, default, text)
        else:
            flag = absl.flags.Flag(parser, None, name, default, text)
        absl.flags.DEFINE_flag(flag, self.values)
        self._help.append((name, text))

    @staticmethod
    def integer(lower=None, upper=None, optional=False):
        """An integer within bounds."""
        return _Parser(absl.flags.IntegerParser(lower, upper), optional)

    @staticmethod
    def number(lower=None, upper=None, optional=False):
        """A number within bounds."""
        return _Parser(absl.flags.FloatParser(lower, upper), optional)

    @staticmethod
    def word(allowed, optional=False):
        """One of a few words."""
        return _Parser(absl.flags.EnumParser(list(allowed)), optional)

    @staticmethod
    def text():
        """Any text but the empty one, such as a file's name."""
        return _Parser(_TextParser())

    @staticmethod
    def switch():
        """Either --name or --noname; with the default None also neither."""
        return absl.flags.BooleanParser()

    @staticmethod
    def several(parser):
        """Distinct values joined by commas: a tuple in the given order."""
        return _Parser(parser, several=True)

    def help(self, description):
        """The text of --help."""
        lines = [textwrap.fill(description, _WIDTH)]
        for name, text in self._help:
            if name is None:
                lines += ["", f"{text}:"]
                continue
            flag, prefix = self.values[name], ""
            if isinstance(flag.parser, absl.flags.BooleanParser):
                prefix = "" if flag.default is False else "[no]"
            else:
                permitted = allowed(flag.parser)
                text += "" if permitted == "a text" else f"; {permitted}"
                if flag.default is not None:
                    text += f" (default {_shown(flag.default)})"
            left = f"  --{prefix}{name}".ljust(_TEXT_COLUMN - 1)
            indent = " " * _TEXT_COLUMN
            lines.append(
                textwrap.fill(
                    f"{left} {text}",
                    _WIDTH,
                    subsequent_indent=indent,
                    break_on_hyphens=False,
                )
            )
        return "\n".join(lines)


class _TextParser(absl.flags.ArgumentParser):
    syntactic_help = "a text"

    def parse(self, argument):
        if not argument:
            raise ValueError("it is empty")
        return argument


class _Parser(absl.flags.ArgumentParser):
    """One of absl's parsers, also of the word none or of a list."""

    def __init__(self, item, optional=False, several=False):
        super().__init__()
        self.item, self.optional, self.is_list = item, optional, several

    def parse(self, argument):
        if not isinstance(argument, str):
            return argument  # a default
        if self.optional and argument.lower() == "none":
            return None
        if not self.is_list:
            return self.item.parse(argument)
        values = tuple(self.item.parse(word.strip()) for word in argument.split(","))
        if len(set(values)) < len(values):
            raise ValueError("one is there twice")
        return values


def allowed(parser):
    """What a parser allows, in words."""
    if isinstance(parser, absl.flags.BooleanParser):
        return "the flag alone, or with no before its name"
    if isinstance(parser, absl.flags.EnumParser):
        return ", ".join(parser.enum_values)
    if not isinstance(parser, _Parser):
        return parser.syntactic_help
    text = allowed(parser.item) + (" or none" if parser.optional else "")
    return f"{text}; joined by commas, each once" if parser.is_list else text


def main(define, body, description="", argv=None, positional=""):
    """Parses the flags, runs `body` and returns the process's exit code.

    Args:
      define: function of `Flags` that defines the command's.
      body: function of the parsed flags; its return value is the exit code, None
        meaning 0.
      description: what the command does, the head of its --help.
      argv: the words after the program's name; None takes `sys.argv[1:]`.
      positional: what the words are called that are no flags; with it, `body` takes
        them as its second argument, a list.

    Returns:
      An integer, see the module's docstring.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if getattr(sys.stdout, "errors", None) == "strict":
        sys.stdout.reconfigure(errors="replace")  # no letter ends hours of training
    try:
        flags = Flags()
        define(flags)
        flags.group("Help")
        flags.add("help", flags.switch(), False, "print this and end")
        words = _parse(flags, argv)
        if flags.values.help:
            print(flags.help(description))
            return 0
        if words and not positional:
            raise UsageError(f"{words[0]!r} is no option; see --help")
        code = body(flags.values, words) if positional else body(flags.values)
        sys.stdout.flush()
        return code or 0
    except (UsageError, DataError) as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command goes on from what was saved", 130)
    except BrokenPipeError:  # the reader, `head` say, has left: not our failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.strerror is None:
            raise
        return _fail(f"{error.filename or 'writing a file'}: {error.strerror}", 1)


def _parse(flags, argv):
    """Parses the words; returns those that are no flags."""
    known = sorted(flags.values)
    for word in argv:  # absl reads these two itself: they are no flags of ours
        name = word.lstrip("-").split("=")[0]
        if word.startswith("-") and name in ("flagfile", "undefok"):
            raise UsageError(f"--{name}: there is no such option; see --help")
    try:
        return flags.values(["command", *argv])[1:]
    except absl.flags.UnrecognizedFlagError as error:
        near = difflib.get_close_matches(error.flagname, known, n=1)
        hint = f"did you mean --{near[0]}?" if near else "see --help"
        fault = f"--{error.flagname}: there is no such option; {hint}"
        raise UsageError(fault) from None
    except (absl.flags.Error, ValueError) as error:
        found = re.search(r"--(no)?(\w+)(?:=(.*?))?(?:: | does not|$)", str(error))
        name = found and found.group(2)
        if name not in flags.values:
            raise UsageError(str(error)) from None
        value, permitted = found.group(3), allowed(flags.values[name].parser)
        fault = "a value is missing" if value is None else f"{value!r} is not allowed"
        raise UsageError(f"--{name}: {fault}; allowed: {permitted}") from None


def _shown(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _fail(error, code):
    sys.stdout.flush()
    text = " ".join(str(error).split())  # one line, whatever it holds
    prefix = "" if code == 130 else "error: "
    print(f"{prefix}{text}", file=sys.stderr, flush=True)
    return code
