"""What ends the worker pool: in each case the runs save what they have."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from pool_support import job, saved, saving, stubborn
from survival_support import start_on_terminal

from reproduce import files, interrupts, pool


@pytest.fixture(autouse=True)
def hangup():
    """SIGHUP as it is without nohup, which these tests themselves may be under."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def is_alive(folder):
    """Whether the `stubborn` worker is."""
    try:
        os.kill(int((folder / "process").read_text()), 0)
    except ProcessLookupError:
        return False
    return True


# The words of a command that runs jobs: the pool as `reproduce.table` has it.
def command(*jobs):
    code = f"""
        import pathlib, sys
        from pathlib import PosixPath
        from reproduce import command_line, pool
        from reproduce.pool import Job
        jobs = {list(jobs)!r}
        def body(values):
            pool.run(jobs, {len(jobs)}, say=lambda line: print(line, flush=True))
        sys.exit(command_line.main(lambda options: None, body, []))
    """
    return [sys.executable, "-c", textwrap.dedent(code)]


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_interrupt_lets_every_worker_save(tmp_path, number):
    jobs = [saving(tmp_path, str(k)) for k in range(3)]
    ready = []

    def say(line):
        if line.endswith("ready"):
            ready.append(line)
            if len(ready) == 2:
                os.kill(os.getpid(), number)

    with pytest.raises(interrupts.Interrupted) as caught:
        pool.run(jobs, 2, say=say)
    assert caught.value.exit_code == 128 + number
    assert caught.value.note.startswith("the runs have saved what they have")
    assert saved(tmp_path) == {"0": number, "1": number}  # the third was never started


def test_a_second_interrupt_kills_a_worker_that_does_not_end(tmp_path):
    def say(line):
        if line.endswith(("ready", "no")):
            os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    with pytest.raises(interrupts.Interrupted) as caught:
        pool.run([stubborn(tmp_path)], 1, say=say)
    assert time.monotonic() - start < 20 and not is_alive(tmp_path)
    assert caught.value.note.startswith("killed before saving: a; ")


def test_under_nohup_the_end_of_the_terminal_changes_nothing(tmp_path):
    """nohup makes a process ignore SIGHUP; without it the workers are asked to save."""
    sends = f"import os; os.kill({os.getpid()}, 1)"
    jobs = [job(tmp_path, "a", sends), job(tmp_path, "b", "print('b trains')")]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lines = []
    assert pool.run(jobs, 1, say=lines.append) == []
    assert "b trains" in lines
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.raises(interrupts.Interrupted) as caught:
        pool.run(jobs, 1, say=lines.append)
    assert caught.value.exit_code == 129


def test_a_second_hangup_kills_no_worker_that_saves(tmp_path):
    """The kernel and the shell both send one when a terminal closes."""
    again = "time.sleep(.3); os.kill(os.getppid(), 1)"

    def say(line):
        if line.endswith("ready"):
            os.kill(os.getpid(), signal.SIGHUP)

    with pytest.raises(interrupts.Interrupted):
        pool.run([saving(tmp_path, meanwhile=again)], 1, say=say)
    assert saved(tmp_path) == {"0": signal.SIGHUP}


def test_a_terminal_that_closes_lets_every_worker_save(tmp_path):
    """The pool cannot say so any more: that is no error that kills them."""
    jobs = [saving(tmp_path, str(k), always="print('line')") for k in range(2)]
    process, terminal = start_on_terminal(command(*jobs))
    shown = b""
    while not (b"[0] line" in shown and b"[1] line" in shown):
        shown += os.read(terminal, 1000)
    os.close(terminal)
    assert process.wait(60) == 129
    assert saved(tmp_path) == {"0": signal.SIGHUP, "1": signal.SIGHUP}


def test_a_reader_that_leaves_ends_the_pool_and_every_worker_saves(tmp_path):
    jobs = [saving(tmp_path, str(k), always="print('line')") for k in range(2)]
    process = subprocess.Popen(
        command(*jobs),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=files.REPOSITORY,
    )
    shown = ""
    while not ("[0] line" in shown and "[1] line" in shown):
        shown += process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 128 + signal.SIGPIPE
    assert saved(tmp_path) == {"0": signal.SIGTERM, "1": signal.SIGTERM}
    assert err == ("stopping: waiting for 2 runs to save; Ctrl-C twice kills them\n")


class Fault(Exception):
    """An error of the pool's own process that nobody expected."""


def fault_when_ready(line):
    if line.endswith("ready"):
        raise Fault


def test_an_unexpected_error_lets_every_worker_save(tmp_path):
    with pytest.raises(Fault):
        pool.run([saving(tmp_path)], 1, say=fault_when_ready)
    assert saved(tmp_path) == {"0": signal.SIGTERM}


def test_after_it_a_worker_that_does_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "SAVE_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.raises(Fault):
        pool.run([stubborn(tmp_path)], 1, say=fault_when_ready)
    assert 1 <= time.monotonic() - start < 20
    assert (tmp_path / "asked15").exists() and not is_alive(tmp_path)


def test_after_it_the_second_ctrl_c_kills(tmp_path):
    """Not the first, which may have been the reason of the error itself."""
    alive = []

    def interrupt_twice():
        asked = tmp_path / "asked15"
        while not asked.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1.0)
        alive.append(is_alive(tmp_path))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt_twice)
    thread.start()
    start = time.monotonic()
    with pytest.raises(Fault):
        pool.run([stubborn(tmp_path)], 1, say=fault_when_ready)
    thread.join()
    assert alive == [True] and not is_alive(tmp_path)
    assert time.monotonic() - start < pool.SAVE_SECONDS / 2


def test_a_killed_pool_leaves_its_worker_to_end(tmp_path):
    """Kill -9 of the pool: no broken pipe ends the training below it."""
    worker = (
        "import pathlib, time; print('ready', flush=True); time.sleep(1); "
        f"print('more', flush=True); pathlib.Path(r'{tmp_path}/done').touch()"
    )
    script = f"""
        import pathlib
        from reproduce import pool
        words = {(sys.executable, "-c", worker)!r}
        job = pool.Job("a", words, pathlib.Path(r"{tmp_path}/a.log"))
        pool.run([job], 1, say=lambda line: print(line, flush=True))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=files.REPOSITORY,
    )
    assert process.stdout.readline() == "[a] ready\n"
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while not (tmp_path / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "done").exists()
