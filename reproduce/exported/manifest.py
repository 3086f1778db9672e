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

from reproduce import files, records
from reproduce.errors import UsageError
from reproduce.exported.initialisation import glorot_uniform

FORMAT = 1
NAME = "manifest.json"
INITIAL = "initial.npz"
# What those read that run or time an export.
KEYS = (
    *("versions", "git", "precision", "smoke", "parameters", "trainable", "steps"),
    *("batch", "parts", "shown", "evaluation_seeds", "state", "programs", "initial"),
    "runs",
)
PROGRAMS = ("train", "evaluate", "samples", "figure")
FILE_KEYS = ("file", "sha256")
PROGRAM_KEYS = (*FILE_KEYS, "arguments", "results")
STATE_KEYS = ("name", "shape", "dtype", "glorot_uniform")
RUN_KEYS = ("configuration", "parts")


class ExportError(UsageError):
    """A folder of programs that cannot be used; one line naming it and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{files.shown(folder)}: {reason}; python -m reproduce.export makes it"
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
          ExportError: if it is missing, damaged, incomplete, of another format or
            of options that are unknown here.
        """
        self.folder = pathlib.Path(folder)
        try:
            self.manifest = json.loads((self.folder / NAME).read_text("utf-8"))
            found = self.manifest["format"]
            if found == FORMAT:  # another format may have other keys
                _require_keys(self.manifest)
                self.configurations = [
                    records.configuration_from(run["configuration"])
                    for run in self.manifest["runs"]
                ]
        except OSError as error:
            raise ExportError(folder, f"{NAME}: {error.strerror}") from None
        except UsageError as error:
            raise ExportError(folder, f"{NAME}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ExportError(folder, f"{NAME} is damaged") from None
        if found != FORMAT:
            raise ExportError(folder, f"format {found} is unknown, known is {FORMAT}")

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


def _require_keys(manifest):
    """Raises UsageError naming what the manifest lacks."""
    _require("it", manifest, KEYS)
    _require("its list of programs", manifest["programs"], PROGRAMS)
    for name in PROGRAMS:
        _require(f"program {name}", manifest["programs"][name], PROGRAM_KEYS)
    _require(INITIAL, manifest["initial"], FILE_KEYS)
    for number, entry in enumerate(manifest["state"]):
        _require(f"state {number}", entry, STATE_KEYS)
    for number, run in enumerate(manifest["runs"]):
        _require(f"run {number}", run, RUN_KEYS)
    if not manifest["runs"]:
        raise UsageError("it has no runs")


def _require(what, entry, keys):
    if missing := [key for key in keys if key not in entry]:
        raise UsageError(f"{what} lacks {', '.join(missing)}")


def _write(folder, name, content):
    files.write_atomically(folder / name, content)
    return {
        "file": name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
