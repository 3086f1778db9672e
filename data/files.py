"""Writing a file so that it is whole or not there, whatever happens meanwhile."""

import contextlib
import errno
import fcntl
import os
import pathlib
import secrets


def write_atomically(file, content):
    """Replaces `file` by new content in one step.

    A reader sees the old file or the new one, never a part of it, even if this
    process is killed or the disk is full: the content goes to a hidden file beside
    it, `.<name>.<random>.partial`, is forced to the disk and then renamed. Of
    several processes that write one file at once each succeeds, and the last one's
    content stays. The file gets the permissions that `open` gives to a new one.

    What fails or is interrupted leaves nothing behind. A process that is killed can
    leave its hidden file: nobody reads it, and the next writing of the same file
    removes it (where the file system has no locks, it stays until removed by hand).

    Args:
      file: path; folders that are missing above it are made.
      content: bytes, str (as UTF-8), or a function of a binary stream that writes
        the content to it.

    Raises:
      OSError: naming `file`, with the old file intact.
    """
    file = pathlib.Path(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _sweep(file)
        while not _replace(file, content):
            pass
        _force_folder(file.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error


def _replace(file, content):
    """One attempt; False if another process swept up the hidden file at its birth.

    The file is not made by `tempfile`: `open` gives the permissions wanted in the end.
    """
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb") as stream:
            if _lock(stream) is False or not partial.exists():
                return False
            if callable(content):
                content(stream)
            else:
                stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(partial, file)  # still locked: no sweep takes it before
        return True
    except BaseException:  # Ctrl-C too
        partial.unlink(missing_ok=True)
        raise


def _sweep(file):
    """Removes what killed processes left of writing `file`: nobody has its lock."""
    start, end = f".{file.name}.", ".partial"
    for name in os.listdir(file.parent):
        if not (name.startswith(start) and name.endswith(end)):
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            with open(file.with_name(name), "r+b") as stream:
                if _lock(stream):
                    os.unlink(stream.name)


def _lock(stream):
    """Locks an open file: True, False if another has it, None if there are no locks."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _force_folder(folder):
    """Forces the renaming itself to the disk, where the file system can do so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of network folders
            raise
    finally:
        os.close(descriptor)
