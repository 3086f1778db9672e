"""A file is whole or not there: two writers, interrupts, kills, permissions."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import textwrap

import pytest

from data import files
from reproduce import REPOSITORY

SIZE = 200_000


def start(code, *words):
    """Starts a script that has `files` and its words in `sys.argv[1:]`."""
    head = "import sys, time\nfrom data import files\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def start_pausing_writer(file, content):
    """Starts a writer that has written half and goes on when told so on its stdin."""
    process = start(
        """
        def write(stream):
            half = len(sys.argv[2]) // 2
            stream.write(sys.argv[2][:half].encode())
            stream.flush()
            print("half", flush=True)
            sys.stdin.readline()
            stream.write(sys.argv[2][half:].encode())
        files.write_atomically(sys.argv[1], write)
        """,
        file,
        content,
    )
    assert process.stdout.readline() == "half\n"
    return process


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"new", "new", lambda s: s.write(b"new")])
def test_what_is_written(content, tmp_path):
    file = tmp_path / "new" / "folder" / "file"
    files.write_atomically(file, "old")
    files.write_atomically(str(file), content)
    assert file.read_bytes() == b"new"
    assert names(file.parent) == ["file"]


def test_two_processes_write_one_file_a_hundred_times_each(tmp_path):
    file = tmp_path / "table.md"
    code = f"""
        for _ in range(100):
            files.write_atomically(sys.argv[1], sys.argv[2] * {SIZE})
    """
    writers = [start(code, file, letter) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if file.exists():
            content = file.read_bytes()
            assert len(content) == SIZE and len(set(content)) == 1
            seen.add(content[:1])
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {b"a", b"b"}  # they did write at the same time
    assert names(tmp_path) == ["table.md"]


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_an_interrupt_leaves_the_old_file_and_nothing_else(
    moment, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    def write(stream):
        stream.write(b"some bytes")
        if moment == "write":
            interrupted()

    file = tmp_path / "file"
    files.write_atomically(file, "old")
    if moment != "write":
        monkeypatch.setattr(os, moment, interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(file, write)
    assert file.read_text() == "old" and names(tmp_path) == ["file"]


def test_the_left_over_of_a_killed_process_goes_with_the_next_writing(tmp_path):
    file, other = tmp_path / "file", tmp_path / "file.json"
    killed = start_pausing_writer(file, "never")
    killed.kill()
    killed.communicate()
    (left,) = names(tmp_path)
    assert left.startswith(".file.") and left.endswith(".partial")
    files.write_atomically(other, "of another file")
    assert names(tmp_path) == [left, "file.json"]
    files.write_atomically(file, "whole")
    assert names(tmp_path) == ["file", "file.json"] and file.read_text() == "whole"


def test_what_another_process_is_writing_is_left_to_it(tmp_path):
    file = tmp_path / "file"
    slow = start_pausing_writer(file, "slow")
    files.write_atomically(file, "quick")
    assert file.read_text() == "quick" and len(names(tmp_path)) == 2
    _, err = slow.communicate("on\n", timeout=30)
    assert (slow.returncode, err) == (0, "")
    assert file.read_text() == "slow" and names(tmp_path) == ["file"]


def test_a_hidden_file_that_is_swept_at_its_birth_is_made_again(tmp_path, monkeypatch):
    lock, swept = files._lock, []

    def sweep_first(stream):
        if not swept:
            swept.append(stream.name)
            files._sweep(tmp_path / "file")
        return lock(stream)

    monkeypatch.setattr(files, "_lock", sweep_first)
    files.write_atomically(tmp_path / "file", "whole")
    assert swept and names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "whole"


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_permissions_are_those_of_a_new_file(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        files.write_atomically(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Files are written all the same; what killed processes left stays."""

    def none(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    (tmp_path / ".file.0.partial").touch()
    monkeypatch.setattr(fcntl, "flock", none)
    files.write_atomically(tmp_path / "file", "whole")
    assert names(tmp_path) == [".file.0.partial", "file"]
