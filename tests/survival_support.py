"""What the tests of killed and interrupted runs share: processes and comparisons."""

import dataclasses
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import termios
import time
import unittest.mock

import numpy as np
import tiny_run

from reproduce import checkpoint, files, history, records

DRIVER = str(files.REPOSITORY / "tests" / "tiny_run.py")
WORDS = (
    *("--experiment", "table1/asr-13", "--epochs", "2", "--steps", "3"),
    *("--digits", "rendered", "--train_images", "48", "--test_images", "16"),
    *("--batch_size", "16", "--threads", "1"),
)
STEPS = 3  # an epoch
LIMIT = 120  # seconds, of any process here
# Of a record: what depends on the clock, on the commit, or on such fields.
TIMING = ("wall_seconds", "images_per_second", "git", "history_digest", "record_digest")


@dataclasses.dataclass
class Place:
    """One run's folders, its processes and their results.

    Attributes:
      root: folder of all that the run writes.
      cache: folder of the scenes' cache.
    """

    root: pathlib.Path
    cache: pathlib.Path

    @property
    def results(self):
        return self.root / "results"

    @property
    def kept(self):
        """The folder of the run's checkpoint."""
        return self._only(self.root / "checkpoints")

    @property
    def record(self):
        """The folder of the run's record."""
        return self._only(self.results / "runs")

    def _only(self, folder):
        (found,) = folder.glob("table1/asr-13/*")
        return found

    def start(self, *words, limit=None, hangup=signal.SIG_DFL, **environment):
        """Starts the command; its phases are added to `phases`.

        Args:
          words: further flags.
          limit: largest file that it may write, in bytes.
          hangup: what SIGHUP does to it; these tests themselves may be under nohup.
          environment: variables for `tiny_run`.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self.phases = self.root / f"phases{time.monotonic_ns()}"
        folders = ("--results", str(self.results))
        folders += ("--checkpoints", str(self.root / "checkpoints"))

        def prepare():
            signal.signal(signal.SIGHUP, hangup)
            if limit is not None:
                limit_files(limit)

        process = subprocess.Popen(
            [sys.executable, DRIVER, *WORDS, *folders, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"ASR_CACHE": str(self.cache), "TINY_PHASES": str(self.phases)}
            | environment,
            preexec_fn=prepare,
        )
        process.phases = self.phases
        return process

    def run(self, *words, **options):
        """Runs the command to its end; returns (exit code, stdout, stderr)."""
        return ended(self.start(*words, **options))

    def outcome(self):
        """All that a finished run has left, less what depends on the clock."""
        arrays, state = checkpoint.load(self.kept / checkpoint.NAME)
        record = records.read_record(self.record)
        with np.load(self.record / "figure.npz") as archive:
            figures = {f"figure.npz {k}": archive[k] for k in archive.files}
        arrays |= figures
        rows = history.parse((self.record / "history.csv").read_bytes())
        for name in TIMING:
            del record[name]
        del record["environment"]["peak_memory_megabytes"]
        for row in [*rows, *state["history"]]:
            del row["seconds"]
        del state["seconds"], state["step_seconds"]
        return {
            "arrays": {
                k: (a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items()
            },
            "state": json.dumps(state),
            "history": rows,
            "record": record,
        }

    def check_whole(self):
        """Whatever is there of the run's checkpoint and record is whole."""
        for file in self.root.glob(f"checkpoints/*/*/*/{checkpoint.NAME}"):
            checkpoint.load(file)
        for file in self.root.glob("results/runs/*/*/*/record.json"):
            records.read_record(file.parent)


def ended(process):
    """Waits for a process; returns (exit code, stdout, stderr)."""
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err


def wait_for(process, phase, count=1):
    """Waits until a phase of a process has begun `count` times."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if process.phases.exists():
            if process.phases.read_text().splitlines().count(phase) >= count:
                return
        assert process.poll() is None, (phase, count, *ended(process))
        time.sleep(0.002)
    raise AssertionError(f"{phase} {count} never began")


def limit_files(size):
    """Limits the size of files that this process may write, in bytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def start_on_terminal(words, **options):
    """Starts a command as the leader of a terminal of its own, as a shell is.

    Returns:
      The process, and the terminal's other end: a file descriptor that gives what
      is shown, and whose closing closes the terminal.
    """

    def lead():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    terminal, inner = os.openpty()
    try:
        process = subprocess.Popen(
            words,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            preexec_fn=lead,
            cwd=files.REPOSITORY,
            **options,
        )
    finally:
        os.close(inner)
    return process, terminal


def fill_disk(file):
    """Makes every attempt to write `file` end with a full disk; returns the undoing.

    Not of this process itself, unless within `heeding_full_disks`; see `tiny_run`.
    """
    mark = pathlib.Path(f"{file}.full")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return mark.unlink


def heeding_full_disks():
    """A context in which `fill_disk` has its effect on this process."""
    return unittest.mock.patch("os.fsync", tiny_run.full_where_marked(os.fsync))
