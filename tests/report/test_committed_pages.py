"""The committed pages are, byte for byte, those that the committed records give."""

import functools
import shutil

import pytest

from reproduce import command_line
from reproduce.comparisons import __main__ as comparisons
from reproduce.comparisons import rows
from reproduce.experiments import grid
from reproduce.figures import __main__ as figures
from reproduce.records import folders
from reproduce.report import __main__ as report
from reproduce.tables import __main__ as tables


def page(name):
    """A page's command of comparisons."""
    found, parts = rows.PAGES[name], (comparisons.define, comparisons.body)
    return [functools.partial(part, found, name) for part in parts]


TABLE, FIGURE = (tables.define, tables.body), (figures.define, figures.body)
# By page: the command's functions, its words, and the files that it writes.
COMMANDS = {
    **{n: (TABLE, ["--table", n, "--notrain"], [f"{n}.*"]) for n in grid.TITLES},
    **{n: (page(n), [], [f"{n}.*"]) for n in rows.PAGES},
    **{
        f"figure{n}": (FIGURE, ["--figure", n], [f"figures/figure{n}.*"]) for n in "345"
    },
    "curves": (FIGURE, ["--figure", "curves"], ["figures/curves-*"]),
    "report": ((report.define, report.body), [], list(report.PAGES.values())),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_is_what_its_command_writes(name, tmp_path):
    functions, words, patterns = COMMANDS[name]
    (tmp_path / "figures").mkdir()
    for part in ("runs", "unfinished"):
        (tmp_path / part).symlink_to(folders.RESULTS / part)
    for source in folders.RESULTS.glob("figures/*"):  # which pages ask for
        (tmp_path / "figures" / source.name).touch()
    if name == "report":  # it counts the comparisons' rows
        for source in folders.RESULTS.glob("*.json"):
            shutil.copy(source, tmp_path)
    committed = [file for p in patterns for file in folders.RESULTS.glob(p)]
    assert len(committed) >= len(patterns)
    words = [*words, "--results", str(tmp_path)]
    assert command_line.main(*functions, "", words) == 0
    # A page names the folder in its commands, unless it is the repository's own.
    folder = f" --results {tmp_path}".encode()
    for file in committed:
        written = (tmp_path / file.relative_to(folders.RESULTS)).read_bytes()
        assert written.replace(folder, b"") == file.read_bytes()


def test_every_page_of_the_report_is_compared():
    pages = {file.name for file in folders.RESULTS.glob("*.md")} - {"observations.md"}
    patterns = [p for _, _, found in COMMANDS.values() for p in found]
    assert pages <= {file.name for p in patterns for file in folders.RESULTS.glob(p)}


def test_a_folder_without_records_is_told(tmp_path, capsys):
    words = ["--results", str(tmp_path)]
    assert command_line.main(report.define, report.body, "", words) == 2
    error = capsys.readouterr().err
    assert "--results: there are no records in" in error and error.count("\n") == 1
