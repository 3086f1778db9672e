"""Start-up notices are held back, and let out where they may explain an error."""

import subprocess
import sys
import textwrap

import pytest

from reproduce import files


def run(code):
    """Runs a script; returns the ended process."""
    head = "import os, sys\nfrom reproduce import quiet\n"
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=files.REPOSITORY,
    )


BLOCK = """
    try:
        with quiet.standard_error():
            os.write(2, b"notice\\n")
            print("line", file=sys.stderr)
            {end}
    except BaseException as error:
        print(type(error).__name__, file=sys.stderr)
    os.write(2, b"after\\n")
    print("end", file=sys.stderr)
"""


@pytest.mark.parametrize(
    "end, shown",
    [
        ("pass", ""),
        ("raise ImportError", "notice\nline\nImportError\n"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt\n"),
    ],
)
def test_notices_are_shown_only_with_an_error(end, shown):
    assert run(BLOCK.format(end=end)).stderr == shown + "after\nend\n"


def test_without_standard_error_nothing_is_done():
    """A traceback could not be seen there: only the exit code tells of an error."""
    process = run("""
        os.close(2)
        with quiet.standard_error():
            print("within")
        print("after")
    """)
    assert process.returncode == 0
    assert (process.stdout, process.stderr) == ("within\nafter\n", "")
