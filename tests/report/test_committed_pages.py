"""The committed pages are, byte for byte, those that the committed records give."""

import functools

import pytest

from reproduce import command_line
from reproduce.comparisons import __main__ as comparisons
from reproduce.comparisons import declared
from reproduce.figures import __main__ as figures
from reproduce.records import folders
from reproduce.report import __main__ as report
from reproduce.tables import __main__ as tables


def page(name):
    """A page's command of comparisons."""
    found = declared.pages()[name]
    return [
        functools.partial(f, found, name)
        for f in (comparisons.define, comparisons.body)
    ]


COMMANDS = {
    "table1.*": ((tables.define, tables.body), "--table", "table1", "--notrain"),
    "table2.*": ((tables.define, tables.body), "--table", "table2", "--notrain"),
    "figures/figure4.png": ((figures.define, figures.body), "--figure", "4"),
    **{f"{name}.*": (page(name),) for name in declared.pages()},
    **{name: ((report.define, report.body),) for name in report.PAGES.values()},
}


@pytest.mark.parametrize("pattern", COMMANDS)
def test_a_page_is_what_its_command_writes(pattern, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "runs").symlink_to(folders.RESULTS / "runs")
    for source in folders.RESULTS.glob("figures/*"):  # which pages ask for
        (tmp_path / "figures" / source.name).write_bytes(source.read_bytes())
    committed = {p.name: p.read_bytes() for p in folders.RESULTS.glob(pattern)}
    assert committed
    functions, *words = COMMANDS[pattern]
    words += ["--results", str(tmp_path)]
    assert command_line.main(*functions, "", words) == 0
    # A page names the folder in its commands, unless it is the repository's own.
    folder = f" --results {tmp_path}".encode()
    for name, content in committed.items():
        file = tmp_path / pattern.rpartition("/")[0] / name
        assert file.read_bytes().replace(folder, b"") == content


def test_every_page_of_the_report_is_compared():
    pages = {file.name for file in folders.RESULTS.glob("*.md")} - {"observations.md"}
    compared = {
        file.name for pattern in COMMANDS for file in folders.RESULTS.glob(pattern)
    }
    assert pages <= compared


def test_a_folder_without_records_is_told(tmp_path, capsys):
    words = ["--results", str(tmp_path)]
    assert command_line.main(report.define, report.body, "", words) == 2
    error = capsys.readouterr().err
    assert "--results: there are no records in" in error and error.count("\n") == 1
