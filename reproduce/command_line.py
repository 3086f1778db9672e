"""The frame of every command: flags, errors of one line, exit codes.

A command is a function `define` of `flags.Flags` and a function `body` of the parsed
flags. Exit codes: 0 done, 1 the machine failed (disk full, say), 2 bad input, 130
Ctrl-C, 141 the reader of standard output has left; others belong to the body.
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
      description: the head of its --help, such as the module's docstring.
      argv: the words after the program's name; None takes `sys.argv[1:]`.
      positional: whether words that are no flags go to `body`, too, a list.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if getattr(sys.stdout, "errors", None) == "strict":
        sys.stdout.reconfigure(errors="replace")  # a character must not end a run
    try:
        flags = Flags()
        define(flags)
        flags.group("Help")
        flags.add("help", switch(), False, "show this message and exit")
        words = flags.parse(argv)
        if flags.values.help:
            print(flags.help(description))
            return 0
        if words and not positional:
            raise UsageError(f"unexpected argument {words[0]!r}; see --help")
        code = body(flags.values, words) if positional else body(flags.values)
        sys.stdout.flush()
        return code or 0
    except (UsageError, DataError) as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to resume", 130)
    except BrokenPipeError:  # the reader, `head` say, has left: not our failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.strerror is None:
            raise
        return _fail(f"{error.filename or 'writing a file'}: {error.strerror}", 1)


def _fail(error, code):
    sys.stdout.flush()
    text = " ".join(str(error).split())  # one line, whatever it holds
    prefix = "" if code == 130 else "error: "
    print(f"{prefix}{text}", file=sys.stderr, flush=True)
    return code
