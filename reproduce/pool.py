"""Runs commands in a few worker processes and loses no failure.

Every worker is the leader of its own session, so that Ctrl-C reaches it once
(from here) and its children with it. It writes straight to its log file: should
this process be killed, the worker trains on and its record is found next time.

Whatever else ends the pool asks the workers to save. That is so too when the reader
of its lines leaves, as in `... | head`: as other commands do it ends with its reader,
rather than to train for hours unseen, and the same command goes on.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from reproduce import files, interrupts
from reproduce.interrupts import Interrupted
from reproduce.words import count_of, duration

POLL_SECONDS = 0.1
# How long workers may take to save after an unexpected error. Saving takes a second,
# but a worker hears of it between two steps only, and XLA compiles a step for half a
# minute, for minutes on a machine that is busy.
SAVE_SECONDS = 300
# TensorFlow's notices about processors and drivers: kept in the log only.
_LIBRARY_NOTICE = re.compile(
    r"[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl::InitializeLog"
)


class Job(NamedTuple):
    """A command to run; its lines appear with its name, and at the end of `log`."""

    name: str
    words: tuple
    log: pathlib.Path


class Failure(NamedTuple):
    """A job that did not end with exit code 0."""

    name: str
    reason: str  # "exit code 3", "killed by SIGKILL"
    log: pathlib.Path

    def __str__(self):
        return f"{self.name}: {self.reason}, see {files.shown(self.log)}"


def run(jobs, workers, threads=1, say=print):
    """Runs all jobs, at most `workers` at a time, whatever happens to some.

    Args:
      jobs: list of `Job`, started in this order.
      workers: how many may run at once.
      threads: processor threads of a worker, for libraries that read
        `OMP_NUM_THREADS`.
      say: function of one line of text.

    Returns:
      A list of `Failure`, empty if all jobs ended with exit code 0.

    Raises:
      Interrupted: on Ctrl-C, SIGTERM or SIGHUP, after it was passed to the
        workers and all of them have ended. A second Ctrl-C or SIGTERM kills them.
      Any error of `say`, such as BrokenPipeError, after the workers were asked to
        save by SIGTERM and have ended, or were killed after `SAVE_SECONDS`.
    """
    pool = _Pool(list(jobs), workers, threads, say)
    restore = pool.catch_signals()
    try:
        return pool.run()
    finally:
        pool.stop()  # only after an unexpected error are any left
        restore()


class _Worker:
    """A started job and how far its log has been shown."""

    def __init__(self, job, environment, say):
        self.job = job
        self._say = say
        job.log.parent.mkdir(parents=True, exist_ok=True)
        # Another command may have a worker on the same run, and then on this log.
        with open(job.log, "ab") as log:
            self._shown = log.seek(0, os.SEEK_END)  # bytes: what was there before
            self.process = subprocess.Popen(
                job.words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=files.REPOSITORY,
                env=environment,
            )

    def show(self, ended=False):
        """Says the log's new whole lines; after the end, the last one too."""
        with open(self.job.log, "rb") as log:
            log.seek(self._shown)
            new = log.read()
        if not ended:
            new = new[: new.rfind(b"\n") + 1]
        self._shown += len(new)
        for line in new.decode(errors="replace").splitlines():
            if _LIBRARY_NOTICE.match(line):
                continue
            named = line.startswith(self.job.name)  # a run's own lines are
            self._say(line if named else f"[{self.job.name}] {line}")

    def send(self, signal_number):
        """Signals the worker and its children."""
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal_number)
            except ProcessLookupError:
                pass  # it has just ended


class _Pool:
    def __init__(self, jobs, workers, threads, say):
        self._waiting = jobs
        self._total = len(jobs)
        self._workers = workers
        self._say_line = say
        self._active = []
        self._failures = []
        self._killed = []  # names of jobs that a signal ended unsaved
        self._caught = []  # signals, in the order of their arrival
        self._passed_on = False
        self._started = time.monotonic()
        self._environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": str(threads),
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # workers share a GPU
        }

    def catch_signals(self):
        """Notes signals instead of raising, so that no worker is ever lost."""
        before = {
            number: signal.signal(number, lambda n, _: self._caught.append(n))
            for number in interrupts.caught_signals()
        }
        return lambda: [signal.signal(*item) for item in before.items()]

    def run(self):
        while self._active or (self._waiting and not self._caught):
            self._pass_signals_on()
            while self._waiting and not self._caught and self._has_room():
                self._start(self._waiting.pop(0))
            for worker in list(self._active):
                code = worker.process.poll()
                worker.show(ended=code is not None)
                if code is not None:
                    self._active.remove(worker)
                    self._end(worker.job, code)
            time.sleep(POLL_SECONDS)
        if self._caught:
            note = "the runs have saved what they have; the same command goes on"
            if self._killed:
                note = (
                    f"killed before saving: {', '.join(self._killed)}; the same "
                    "command goes on from what was saved before"
                )
            raise Interrupted(self._caught[0], note)
        return self._failures

    def stop(self):
        """Lets what still runs after an unexpected error save, and waits for it."""
        if not self._active:
            return
        if not self._passed_on:
            self._send(signal.SIGTERM)
        with contextlib.suppress(OSError):  # not by `say`, which may be the error
            print(
                f"stopping: waiting for {count_of(len(self._active), 'run')} to save; "
                "Ctrl-C twice kills them",
                file=sys.stderr,
                flush=True,
            )
        deadline = time.monotonic() + SAVE_SECONDS
        while any(worker.process.poll() is None for worker in self._active):
            if self._insists() or time.monotonic() > deadline:
                self._send(signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def _say(self, line):
        """Says a line; that a closed terminal takes none is no error of its own."""
        try:
            self._say_line(line)
        except OSError:
            if not self._caught:
                raise

    def _has_room(self):
        return len(self._active) < self._workers

    def _start(self, job):
        try:
            self._active.append(_Worker(job, self._environment, self._say))
        except OSError as error:
            failure = Failure(job.name, f"did not start ({error.strerror})", job.log)
            self._failures.append(failure)
            self._say(f"[{job.name}] FAILED: {failure.reason}")

    def _end(self, job, code):
        if self._caught:  # interrupted, not failed
            if code < 0:
                self._killed.append(job.name)
            return
        if code != 0:
            failure = Failure(job.name, _reason(code), job.log)
            self._failures.append(failure)
            self._say(f"[{job.name}] FAILED: {failure.reason}")
        done = self._total - len(self._waiting) - len(self._active)
        line = f"{done} of {count_of(self._total, 'run')} ended"
        if self._failures:
            line += f", {len(self._failures)} failed"
        if done < self._total:
            spent = time.monotonic() - self._started
            left = spent * (self._total - done) / done
            line += f"; about {duration(left)} left"
        self._say(line)

    def _pass_signals_on(self):
        if self._passed_on:
            if self._insists():
                self._send(signal.SIGKILL)
        elif self._caught:
            del self._caught[1:]  # at once with the first: the same interrupt
            self._passed_on = True
            self._send(self._caught[0])
            self._say(
                f"interrupted: waiting for {count_of(len(self._active), 'run')} to "
                "save; once more kills them"
            )

    def _insists(self):
        """Whether a signal after the first says not to wait for the saving.

        The end of a terminal does not: it sends SIGHUP twice, and nobody is there.
        """
        return any(number != signal.SIGHUP for number in self._caught[1:])

    def _send(self, number):
        for worker in self._active:
            worker.send(number)


def _reason(code):
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:  # Linux has more signals than names
        return f"killed by signal {-code}"
