"""The manifest of an export: whole, or refused in one line that names its folder."""

import json

import pytest
from manifest_support import RUN, made_up

from reproduce import files
from reproduce.exported import manifest


@pytest.fixture
def folder(tmp_path):
    return made_up(tmp_path / "one")


def edit(folder, change):
    """Rewrites the manifest; returns the error of reading it."""
    file = folder / manifest.NAME
    content = json.loads(file.read_text())
    file.write_text(json.dumps(change(content) or content))
    with pytest.raises(manifest.ExportError) as caught:
        manifest.Exported(folder)
    line = str(caught.value)
    assert line.startswith(f"{files.shown(folder)}: ") and "\n" not in line
    assert "python -m reproduce.export makes it" in line
    return line


def without(*path):
    """A change that takes away one entry."""

    def change(content):
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


def test_a_whole_manifest_is_read_back(folder):
    exported = manifest.Exported(folder)
    assert exported.configurations == [RUN]
    assert exported.program("train") == b"program"
    (value,) = exported.initial(0)
    assert value.shape == (3,) and not value.any()


@pytest.mark.parametrize("key", manifest.KEYS)
def test_a_missing_entry_is_named(key, folder):
    assert f"it lacks {key}; " in edit(folder, without(key))


def test_all_missing_entries_are_named_at_once(folder):
    line = edit(folder, lambda content: {"format": manifest.FORMAT})
    assert ", ".join(manifest.KEYS) in line


@pytest.mark.parametrize(
    "path, reason",
    [
        (("format",), "manifest.json is damaged"),
        (("programs", "figure"), "its list of programs lacks figure"),
        (("programs", "train", "sha256"), "program train lacks sha256"),
        (("initial", "file"), "initial.npz lacks file"),
        (("state", 0, "glorot_uniform"), "state 0 lacks glorot_uniform"),
        (("runs", 0, "parts"), "run 0 lacks parts"),
        (("runs", 0), "it has no runs"),
        (("runs", 0, "configuration", "experiment"), "manifest.json is damaged"),
    ],
)
def test_a_missing_part_of_an_entry_is_named(path, reason, folder):
    assert reason in edit(folder, without(*path))


@pytest.mark.parametrize("entry", [None, 3, "text", [3]])
@pytest.mark.parametrize("key", ["programs", "initial", "runs", "state"])
def test_an_entry_of_another_kind_is_no_traceback(key, entry, folder):
    edit(folder, lambda content: content.update({key: entry}))


@pytest.mark.parametrize("content", [[], 3, "text", {}])
def test_json_that_is_no_manifest(content, folder):
    (folder / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(manifest.ExportError, match="manifest.json is damaged"):
        manifest.Exported(folder)


def test_an_unknown_format_is_named_whatever_it_holds(folder):
    line = edit(folder, lambda content: {"format": 7})
    assert "format 7 is unknown, known is 1" in line


def test_an_option_added_since_takes_its_presets_value(folder):
    file = folder / manifest.NAME
    content = json.loads(file.read_text())
    del content["runs"][0]["configuration"]["early_end"]
    file.write_text(json.dumps(content))
    assert manifest.Exported(folder).configurations == [RUN]


def test_an_unknown_option_is_named_with_the_folder(folder):
    def change(content):
        content["runs"][0]["configuration"]["later"] = 1

    assert "options ['later'] are unknown" in edit(folder, change)
