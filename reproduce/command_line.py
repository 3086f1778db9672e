"""Command lines of this project: flags, help, one-line errors, exit codes.

A command is two functions, `define(options)` and `body(values)`, run by `main`:

    def define(options):
        options.group("What to run")
        options.integer("epochs", 300, "passes over the training images", lower=1)

    def body(values):
        print(values.epochs)

    if __name__ == "__main__":
        sys.exit(command_line.main(define, body, description="Runs something."))

Every command has a private `absl.flags.FlagValues`, so importing one defines no
global flag. Exit codes: 0 done, 1 the machine failed (disk full, say), 2 bad
input, 129 the terminal was closed (SIGHUP), 130 Ctrl-C, 141 the reader of standard
output has left, 143 SIGTERM; others belong to the body.
"""

import contextlib
import difflib
import errno
import os
import re
import signal
import sys
import textwrap

from absl import flags

from reproduce import interrupts, parsers
from reproduce.errors import UsageError

BAD_INPUT = 2
_LEFT_COLUMN = 26  # width of the help's left column, in characters


class Options:
    """Builds a command's flags and the text of its `--help`.

    Each method defines one flag. `optional=True` also admits the word `none`,
    which becomes None.
    """

    def __init__(self):
        self.values = flags.FlagValues()
        self.values.set_gnu_getopt(True)  # positionals are found anywhere
        self._lines = []  # (left column or None for a group's title, text)
        self._switches = set()

    def group(self, title):
        """Begins a group of flags in the help."""
        self._lines.append((None, title))

    def integer(self, name, default, text, lower=None, upper=None, optional=False):
        """An integer within [lower, upper]; either bound may be None."""
        parser = parsers.Integer(name, lower, upper, optional)
        self._define(parser, name, default, text, "N")

    def number(self, name, default, text, lower=None, upper=None, optional=False):
        """A finite decimal number within [lower, upper]."""
        parser = parsers.Number(name, lower, upper, optional)
        self._define(parser, name, default, text, "X")

    def choice(self, name, default, text, allowed, optional=False):
        """One word out of `allowed`."""
        parser = parsers.Choice(name, allowed, optional)
        self._define(parser, name, default, text, "|".join(parser.words))

    def choices(self, name, default, text, allowed):
        """Words out of `allowed` joined by commas: a tuple in the given order."""
        parser = parsers.Sequence(name, parsers.Choice(name, allowed))
        self._define(parser, name, default, text, "A,B,..")

    def integers(self, name, default, text, lower=None, upper=None):
        """Integers joined by commas: a tuple of distinct integers."""
        parser = parsers.Sequence(name, parsers.Integer(name, lower, upper))
        self._define(parser, name, default, text, "N,N,..")

    def text(self, name, default, text, placeholder="TEXT"):
        """Any non-empty text, such as a file's name."""
        self._define(parsers.Text(name), name, default, text, placeholder)

    def switch(self, name, default, text):
        """Either on, `--name`, or off, `--noname`."""
        flags.DEFINE_boolean(name, default, text, flag_values=self.values)
        self._switches.add(name)
        # With the default None the command tells "off" from "not given".
        left = f"--{name}" if default is False else f"--[no]{name}"
        self._lines.append((left, text))

    def help(self, description):
        """The text of `--help`: one line a flag unless its text is long."""
        lines = [textwrap.fill(description, 88)]
        for left, text in self._lines:
            if left is None:
                lines.extend(["", f"{text}:"])
                continue
            indent = " " * (_LEFT_COLUMN + 2)
            wrapped = textwrap.wrap(text, 88 - len(indent))
            if len(left) < _LEFT_COLUMN:
                lines.append(f"  {left}".ljust(len(indent)) + wrapped.pop(0))
            else:
                lines.append(f"  {left}")
            lines.extend(indent + line for line in wrapped)
        return "\n".join(lines)

    def _define(self, parser, name, default, text, placeholder):
        flags.DEFINE(parser, name, default, text, flag_values=self.values)
        if default is not None:
            text += f" (default {_shown(default)})"
        self._lines.append((f"--{name} {placeholder}", text))


def main(define, body, argv=None, description="", errors=()):
    """Parses `argv`, runs `body` and returns the process's exit code.

    Args:
      define: function of an `Options`, defines the command's flags.
      body: function of the parsed `absl.flags.FlagValues`; its return value is
        the exit code, None meaning 0. `values["epochs"].present` tells whether
        the user passed `--epochs`.
      argv: the words after the program's name; None takes `sys.argv[1:]`.
      description: what the command does, the head of its `--help`.
      errors: more exception types that mean bad input and whose text is the
        one line to print (`UsageError` and its subclasses always do).

    Returns:
      An integer, see the module's docstring.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    restore = interrupts.catch_signals()
    try:
        options = Options()
        define(options)
        options.group("Help")
        options.switch("help", False, "print this and end")
        values = _parse(options, argv)
        if values.help:
            print(options.help(description))
            return 0
        code = body(values)
        sys.stdout.flush()
        return 0 if code is None else code
    except (UsageError, *errors) as error:
        _print_error(error)
        return BAD_INPUT
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except BrokenPipeError:  # the reader, `head` say, has left: not our failure
        _flush_or_drop()
        return 128 + signal.SIGPIPE
    except OSError as error:
        full = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        if error.filename is None and error.errno not in full:
            raise
        _print_error(f"{error.filename or 'writing a file'}: {error.strerror}")
        return 1
    finally:
        restore()


def _parse(options, argv):
    """Parses the words into `options.values`; every fault is a UsageError."""
    known = sorted(options.values)
    # absl would read these two itself: they are no flags of this project.
    for word in argv:
        name = word.lstrip("-").split("=")[0]
        if word.startswith("-") and name in ("undefok", "flagfile"):
            raise UsageError(_unknown(name, known))
    try:
        rest = options.values(["command", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise UsageError(_unknown(error.flagname, known)) from None
    except (flags.Error, ValueError) as error:  # a ValueError is of --noname=value
        raise UsageError(_reworded(str(error))) from None
    if rest:
        raise UsageError(
            f"{rest[0]!r} is not an option; options look like --name VALUE, see --help"
        )
    return options.values


def _unknown(name, known):
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean --{near[0]}?" if near else "see --help"
    return f"--{name}: there is no such option; {hint}"


def _reworded(message):
    """absl's own messages (switches, missing values) in this project's form."""
    switch = re.match(r"flag --(\w+)=(.*?): .*boolean", message, re.DOTALL)
    if switch:
        name, value = switch.groups()
        return f"--{name}: {value!r} is not allowed; allowed: --{name}, --no{name}"
    off = re.match(r"--no(\w+)=(.*) does not take an argument", message, re.DOTALL)
    if off:
        name, value = off.groups()
        return f"--no{name}: {value!r} is not allowed; allowed: --{name}, --no{name}"
    missing = re.match(r"Missing value for flag --(\w+)", message)
    if missing:
        return f"--{missing.group(1)}: a value is missing; allowed: see --help"
    return message


def _shown(value):
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def _print_error(error):
    sys.stdout.flush()
    line = " ".join(str(error).split())  # one line, whatever the text holds
    print(f"error: {line}", file=sys.stderr, flush=True)


def _interrupted(error):
    if not isinstance(error, interrupts.Interrupted):
        error = interrupts.Interrupted()
    note = error.note or "nothing that was saved is lost; the same command goes on"
    with contextlib.suppress(OSError):  # the terminal is gone
        print(f"interrupted: {note}", file=sys.stderr, flush=True)
    _flush_or_drop()
    return error.exit_code


def _flush_or_drop():
    """Writes what is left of the output, or drops it if nobody can read it.

    Otherwise Python would try again at its end, and change the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
