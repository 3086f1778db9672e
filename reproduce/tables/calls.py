"""What a page's command reads, where it writes, and the call that completes it."""

import json
import shlex
import sys

from reproduce import launch
from reproduce.errors import UsageError
from reproduce.records import folders, frame

# The flags that say which runs a call is about and where they are; not every command
# has all of them.
SAME_RUNS = (
    *("comparisons", "methods", "settings", "seeds", "epochs"),
    *("preset", "digits", "mnist", "smoke", "results"),
)


def call_of(values, script, without=()):
    """The command that asks for the same runs, `bash reproduce/<script>.sh` with flags
    but for some."""
    words = ["bash", f"reproduce/{script}.sh"]
    for flag in SAME_RUNS:
        if flag in values and values[flag].present and flag not in without:
            words += launch.option_words(flag, values[flag].value)
    return shlex.join(words)


def given(values, flag):
    """A flag's value; None where the call leaves it at its default."""
    return values[flag].value if values[flag].present else None


def selects(values, flags):
    """Whether a call selects by one of these flags, even by its usual value."""
    return any(values[flag].present for flag in flags)


def file_of(values, protocol, name, flags):
    """Where a page or a picture goes, a path without suffix.

    A call that selects a part never replaces what the plain call has written: it writes
    to `outputs/`. Substitute digits have files of their own.

    Args:
      values: the parsed flags.
      protocol: their `launch.Protocol`.
      name: such as "table1" or "figures/figure3".
      flags: those that select a part.
    """
    if protocol.smoke:
        return protocol.results / name
    folder = folders.OUTPUTS if selects(values, flags) else protocol.results
    return folder / (f"{name}-rendered" if protocol.digits == "rendered" else name)


def frames_of(protocol):
    """The `frame.Frames` of the results folder.

    Raises:
      UsageError: if there is none, whose name may be mistyped.
      RecordError: if a record cannot be read.
    """
    if not protocol.results.is_dir():
        raise UsageError(
            f"--results: there is no folder {protocol.results}; train runs first"
        )
    return frame.load(protocol.results)


def write(file, shown, page, content):
    """Prints what is shown and writes `<file>.md` and `<file>.json`.

    Args:
      file: the path without its suffix.
      shown: text for the terminal, whose encoding may lack some characters.
      page: the Markdown.
      content: plain JSON values.

    Raises:
      OSError: naming the file that could not be written.
    """
    sys.stdout.reconfigure(errors="replace")
    print(shown, flush=True)
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    folders.write_atomically(f"{file}.json", text + "\n")
    folders.write_atomically(f"{file}.md", page)
    print(f"written: {folders.shown(file)}.md and .json", flush=True)
