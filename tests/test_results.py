"""The committed pages are those that the committed records give."""

import pytest

from reproduce import ablations, command_line, files, report, sensitivity, table

COMMANDS = {
    "table1": (table, "--table", "table1", "--notrain"),
    "table2": (table, "--table", "table2", "--notrain"),
    "sensitivity": (sensitivity,),
    "ablations": (ablations,),
    "README": (report,),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_is_what_its_command_writes(name, tmp_path):
    for source in files.RESULTS.iterdir():
        (tmp_path / source.name).symlink_to(source)
    pages = {p.name: p.read_bytes() for p in files.RESULTS.glob(f"{name}.*")}
    assert pages
    for page in pages:
        (tmp_path / page).unlink()
    module, *words = COMMANDS[name]
    words += ["--results", str(tmp_path)]
    assert command_line.main(module.define, module.body, words) == 0
    # A page names the folder in its commands, unless it is the repository's own.
    folder = f" --results {tmp_path}".encode()
    written = {p.name: p.read_bytes() for p in tmp_path.glob(f"{name}.*")}
    assert {p: text.replace(folder, b"") for p, text in written.items()} == pages
