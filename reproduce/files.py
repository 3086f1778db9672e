"""Folders of the project, and writing a file so that it is whole or not there."""

import errno
import os
import pathlib

from reproduce.errors import UsageError

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "results"  # committed: run records, tables, figures
OUTPUTS = REPOSITORY / "outputs"  # ignored by git: smoke runs, parts of a table
SMOKE_RESULTS = OUTPUTS / "smoke"


def write_atomically(file, content):
    """Replaces `file` by `content` (bytes or str) in one step.

    A reader sees the old file or the new one, never a part of it, even if this
    process is killed or the disk is full: the content goes to `<file>.partial`
    beside it, is forced to the disk and then renamed. One writer at a time.

    Raises:
      OSError: naming `file`, with the old file intact.
    """
    file = pathlib.Path(file)
    content = content.encode() if isinstance(content, str) else content
    partial = file.with_name(file.name + ".partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
        _force_folder(file.parent)
    except OSError as error:
        _remove(partial)
        raise OSError(error.errno, error.strerror, str(file)) from error
    except BaseException:  # Ctrl-C
        _remove(partial)
        raise


def require_writable(folder, flag):
    """Makes sure, before hours of work, that files can be written below a folder.

    Creates nothing: of a folder that is not there yet, the nearest one above it
    that is there has to be writable.

    Args:
      folder: path of the folder.
      flag: the option that names it, with its dashes.

    Raises:
      UsageError: naming the flag.
    """
    nearest = pathlib.Path(folder).absolute()
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        is_folder = nearest.is_dir()
    except OSError as error:
        raise UsageError(f"{flag}: {folder}: {error.strerror}") from None
    if not is_folder:
        raise UsageError(f"{flag}: {nearest} is a file; allowed: a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(
            f"{flag}: {nearest} cannot be written to; allowed: a folder that can"
        )


def require_folder(folder, flag):
    """Makes sure that a folder to read from is there: its name may be mistyped.

    Raises:
      UsageError: naming the flag.
    """
    if not pathlib.Path(folder).is_dir():
        raise UsageError(f"{flag}: there is no folder {folder}; train runs first")


def shown(path):
    """`path` as text, relative to the repository's root when it is inside."""
    path = pathlib.Path(path)
    try:
        return str(path.resolve().relative_to(REPOSITORY))
    except ValueError:
        return str(path)


def _remove(partial):
    if partial.is_file():
        partial.unlink(missing_ok=True)


def _force_folder(folder):
    """Forces the renaming itself to the disk, where the file system can do so."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of network folders
            raise
    finally:
        os.close(descriptor)
