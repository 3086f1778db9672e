"""The folder of exported programs: what is in it, written and read back.

    manifest.json     all that follows, and the digests of the other files
    initial.npz       initial values that are neither 0 nor drawn
    <program>.mlir    one program each: train, evaluate, samples, figure

Nothing here needs TensorFlow or JAX.
"""

import hashlib
import io
import json
import pathlib

import numpy as np

from reproduce import configuration as configurations
from reproduce import files
from reproduce.errors import UsageError
from reproduce.exported.initialisation import glorot_uniform

FORMAT = 1
NAME = "manifest.json"
INITIAL = "initial.npz"


class ExportError(UsageError):
    """A folder of programs that cannot be used; one line naming it and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"--programs: {files.shown(folder)}: {reason}; python -m reproduce.export "
            "makes it"
        )


class Exported:
    """An exported folder, read and checked.

    Attributes:
      folder: its path.
      manifest: the content of manifest.json, a dict.
      configurations: the runs' `Configuration`s, in the programs' order.
    """

    def __init__(self, folder):
        """Reads the manifest.

        Args:
          folder: path.

        Raises:
          ExportError: if it is missing, damaged or of another format.
        """
        self.folder = pathlib.Path(folder)
        try:
            self.manifest = json.loads((self.folder / NAME).read_text("utf-8"))
            found = self.manifest["format"]
        except OSError as error:
            raise ExportError(folder, f"{NAME}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise ExportError(folder, f"{NAME} is damaged") from None
        if found != FORMAT:
            raise ExportError(folder, f"format {found} is unknown, known is {FORMAT}")
        self.configurations = [
            configurations.from_json(run["configuration"])
            for run in self.manifest["runs"]
        ]

    def program(self, name):
        """The bytes of one program."""
        return self._file(self.manifest["programs"][name])

    def initial(self, run):
        """The initial state of a run: a list of arrays, in the programs' order.

        Args:
          run: its number.
        """
        with np.load(io.BytesIO(self._file(self.manifest["initial"]))) as archive:
            given = dict(archive)
        values = []
        for entry in self.manifest["state"]:
            if seeds := entry["glorot_uniform"]:
                values.append(glorot_uniform(seeds[run], entry["shape"]))
            elif entry["name"] in given:
                values.append(given[entry["name"]])
            else:
                values.append(np.zeros(entry["shape"], entry["dtype"]))
        return values

    def _file(self, entry):
        """The content of a file, checked against its digest."""
        try:
            content = (self.folder / entry["file"]).read_bytes()
        except OSError as error:
            reason = f"{entry['file']}: {error.strerror}"
            raise ExportError(self.folder, reason) from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise ExportError(self.folder, f"{entry['file']} is damaged")
        return content


def write(folder, described, programs, initial, runs):
    """Writes a folder, the manifest last.

    Args:
      folder: path.
      described: further entries of the manifest.
      programs: a dict from a program's name to (bytes, its interface).
      initial: a dict from a state's name to its initial value.
      runs: a list of dicts, one a run.

    Returns:
      The manifest.

    Raises:
      OSError: naming the file that could not be written.
    """
    folder = pathlib.Path(folder)
    (folder / NAME).unlink(missing_ok=True)
    stream = io.BytesIO()
    np.savez_compressed(stream, **initial)
    entries = {
        name: {**_write(folder, f"{name}.mlir", content), **interface}
        for name, (content, interface) in programs.items()
    }
    manifest = {
        "format": FORMAT,
        **described,
        "programs": entries,
        "initial": _write(folder, INITIAL, stream.getvalue()),
        "runs": runs,
    }
    files.write_atomically(folder / NAME, json.dumps(manifest, indent=1) + "\n")
    return manifest


def _write(folder, name, content):
    files.write_atomically(folder / name, content)
    return {
        "file": name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
