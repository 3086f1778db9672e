"""What all commands share: flags, one-line error messages and exit codes.

A command is a function `define`, which adds its flags to a `flags.Flags`, and a
function `body` of the parsed flags. Exit codes: 0 success, 1 system error (disk full,
say), 2 bad input, 130 Ctrl-C, 141 standard output was closed; others are the body's.
"""

import os
import sys

from data import DataError
from reproduce.errors import UsageError
from reproduce.flags import Flags, switch


def main(define, body, description="", argv=None, positional=False):
    """Parses the flags, runs `body` and returns the process's exit code.

    Args:
      define: adds the command's flags.
      body: returns the exit code, or None for 0.
      description: the beginning of its --help, such as the module's docstring.
      argv: the command-line arguments; None for `sys.argv[1:]`.
      positional: whether positional arguments are allowed; `body` takes their list as
        its second argument.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if getattr(sys.stdout, "errors", None) == "strict":
        sys.stdout.reconfigure(errors="replace")  # unprintable text must not end a run
    try:
        flags = Flags()
        define(flags)
        flags.group("Help")
        flags.add("help", switch(), False, "show this message and exit")
        arguments = flags.parse(argv)
        if flags.values.help:
            print(flags.help(description))
            return 0
        if arguments and not positional:
            raise UsageError(f"unexpected argument {arguments[0]!r}; see --help")
        code = body(flags.values, arguments) if positional else body(flags.values)
        sys.stdout.flush()
        return code or 0
    except (UsageError, DataError) as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to resume", 130)
    except BrokenPipeError:  # the reader, such as `head`, is done: no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.strerror is None:
            raise
        return _fail(f"{error.filename or 'writing a file'}: {error.strerror}", 1)


def _fail(error, code):
    """Prints an error as one line; returns the exit code."""
    sys.stdout.flush()
    message = " ".join(str(error).split())
    prefix = "" if code == 130 else "error: "
    print(f"{prefix}{message}", file=sys.stderr, flush=True)
    return code
