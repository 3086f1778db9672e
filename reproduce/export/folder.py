"""The folder of an export: one archive, written whole, read back and checked.

programs.npz holds `manifest` (JSON), the programs (StableHLO) by name, and the state
that each run starts from, `0000-0000` (run and variable) and so on; zip's CRC-32
reveals damage.
"""

import json
import pathlib

import numpy as np

from reproduce.errors import UsageError
from reproduce.experiments.configuration import from_json
from reproduce.records import folders, versions

FORMAT = 4
NAME = "programs.npz"


class ExportError(UsageError):
    """A folder of programs that cannot be used; one line naming it and why."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{folders.shown(folder)}: {reason}; python -m reproduce.export makes it"
        )


class Exported:
    """An exported folder.

    Attributes:
      manifest: what is in it, a dict; "runs" are the runs' options.
      configurations: the runs' `Configuration`s.
      initial: the state that each of them starts from, a list of arrays.
      programs: from a program's name to its bytes.
    """

    def __init__(self, folder):
        """Reads it; ExportError if it is missing, damaged or of another version."""
        self.path = pathlib.Path(folder)
        content = folders.read_arrays(
            self.path / NAME, lambda reason: ExportError(folder, f"{NAME}: {reason}")
        )
        self.manifest = manifest = json.loads(content["manifest"].tobytes())
        if (manifest["format"], manifest["numerics"]) != (FORMAT, versions.NUMERICS):
            raise ExportError(folder, f"{NAME}: of another version of the code")
        self.configurations = list(map(from_json, manifest["runs"]))
        self.programs = {name: content[name].tobytes() for name in manifest["programs"]}
        self.initial = [[] for _ in self.configurations]
        for name in sorted(content.keys() - {"manifest", *self.programs}):
            self.initial[int(name.partition("-")[0])].append(content[name])


def write(folder, described, programs, initial):
    """Writes a folder, replacing an earlier export; returns its size in bytes.

    Args:
      folder: path.
      described: entries of the manifest: "runs" (options), "programs" (from a name to
        its arguments' shapes, indices of the variables it reads and names of its
        results) and more.
      programs: a dict from a program's name to its bytes.
      initial: the state that each run starts from, a list of arrays.
    """
    manifest = {"format": FORMAT, "numerics": versions.NUMERICS, **described}
    entries = {"manifest": json.dumps(manifest).encode(), **programs}
    arrays = {name: np.frombuffer(entry, np.uint8) for name, entry in entries.items()}
    for run, state in enumerate(initial):
        arrays |= {f"{run:04d}-{index:04d}": array for index, array in enumerate(state)}
    file = pathlib.Path(folder) / NAME
    folders.write_atomically(file, lambda out: np.savez_compressed(out, **arrays))
    return file.stat().st_size
