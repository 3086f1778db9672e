"""The folder of exported programs: written, and read back and checked.

manifest.json     what is in it, with the digests of the other files
initial.npz       the runs' state to begin from
<program>.mlir    one program each: train, evaluate, samples, figure
"""

import hashlib
import io
import json
import pathlib

import numpy as np

from reproduce.errors import UsageError
from reproduce.records import folders, record

FORMAT = 2
NAME, INITIAL = "manifest.json", "initial.npz"


class ExportError(UsageError):
    """A folder of programs that cannot be used; one line naming it and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{folders.shown(folder)}: {reason}; python -m reproduce.export makes it"
        )


class Exported:
    """An exported folder.

    Attributes:
      manifest: the content of manifest.json, a dict.
      configurations: the runs' `Configuration`s, in the programs' order.
      initial: the state to begin from, a list of arrays; their first axis is the runs'.
      programs: from a program's name to its bytes.
    """

    def __init__(self, folder):
        """Reads it.

        Raises:
          ExportError: if it is missing, damaged or of another version.
        """
        self.path = pathlib.Path(folder)
        try:
            self.manifest = json.loads((self.path / NAME).read_text("utf-8"))
            versions = self.manifest["format"], self.manifest["numerics"]
            if versions != (FORMAT, record.NUMERICS):
                raise ExportError(folder, f"{NAME} is of another version of the code")
            self.configurations = [
                record.configuration_from(options) for options in self.manifest["runs"]
            ]
            with np.load(io.BytesIO(self._file(INITIAL))) as archive:
                self.initial = [archive[name] for name in sorted(archive.files)]
            self.programs = {
                name: self._file(f"{name}.mlir") for name in self.manifest["programs"]
            }
        except OSError as error:
            name = pathlib.Path(error.filename or NAME).name
            raise ExportError(folder, f"{name}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ExportError(folder, f"{NAME} is damaged") from None

    def _file(self, name):
        content = (self.path / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.manifest["digests"][name]:
            raise ExportError(self.path, f"{name} is damaged")
        return content


def write(folder, described, programs, initial):
    """Writes a folder, the manifest last.

    Args:
      folder: path; files of an earlier export are replaced.
      described: entries of the manifest, "runs" (options) and "programs" (from name
        to arguments and results) among them.
      programs: a dict from a program's name to its bytes.
      initial: the state to begin from, a list of arrays.

    Returns:
      The size of the files in bytes.

    Raises:
      OSError: naming the file that could not be written.
    """
    folder, stream = pathlib.Path(folder), io.BytesIO()
    (folder / NAME).unlink(missing_ok=True)
    arrays = {f"{index:04d}": array for index, array in enumerate(initial)}
    np.savez_compressed(stream, **arrays)
    files = {f"{name}.mlir": content for name, content in programs.items()}
    files[INITIAL] = stream.getvalue()
    for name, content in files.items():
        folders.write_atomically(folder / name, content)
    digests = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
    versions = {"format": FORMAT, "numerics": record.NUMERICS}
    manifest = {**versions, **described, "digests": digests}
    folders.write_atomically(folder / NAME, json.dumps(manifest, indent=1) + "\n")
    return sum(map(len, files.values()))
