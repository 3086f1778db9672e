"""The worker pool: every failure is told, and an interrupt loses nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from reproduce import command_line, files, pool


def job(folder, name, code):
    words = (sys.executable, "-c", textwrap.dedent(code))
    return pool.Job(name, words, folder / "logs" / f"{name}.log")


def test_lines_are_shown_with_the_name_and_kept_in_the_log(tmp_path):
    lines = []
    code = "import sys; print('one'); print('two', file=sys.stderr, end='')"
    assert pool.run([job(tmp_path, "a", code)], 1, say=lines.append) == []
    assert lines == ["[a] one", "[a] two", "1 of 1 run ended"]
    assert (tmp_path / "logs/a.log").read_text() == "one\ntwo"


def test_names_are_not_said_twice_and_library_notices_only_logged(tmp_path):
    code = """
        print("WARNING: All log messages before absl::InitializeLog() is called")
        print("I0000 00:00:1795427178.3 7464 port.cc:153] notice")
        print("a epoch 1/2")
    """
    lines = []
    pool.run([job(tmp_path, "a", code)], 1, say=lines.append)
    assert lines == ["a epoch 1/2", "1 of 1 run ended"]
    assert "notice" in (tmp_path / "logs/a.log").read_text()


def test_one_of_six_dies_by_a_signal_and_the_rest_finish(tmp_path):
    jobs = [
        job(tmp_path, f"run{k}", f"open(r'{tmp_path}/done{k}', 'w')") for k in range(5)
    ]
    dying = "import os, time; time.sleep(.2); os.kill(os.getpid(), 9)"
    jobs.insert(2, job(tmp_path, "dying", dying))
    failures = pool.run(jobs, 6, say=lambda line: None)
    assert [(f.name, f.reason) for f in failures] == [("dying", "killed by SIGKILL")]
    assert str(failures[0]).endswith("dying.log")
    assert all((tmp_path / f"done{k}").exists() for k in range(5))


def test_a_signal_without_a_name_is_told_by_its_number(tmp_path):
    unnamed = signal.SIGRTMIN + 1
    dying = f"import os; os.kill(os.getpid(), {unnamed})"
    failures = pool.run([job(tmp_path, "dying", dying)], 1, say=lambda line: None)
    assert [f.reason for f in failures] == [f"killed by signal {unnamed}"]


def test_under_nohup_the_end_of_the_terminal_changes_nothing(tmp_path):
    """nohup makes a process ignore SIGHUP; without it the workers are asked to save."""
    sends = f"import os; os.kill({os.getpid()}, 1)"
    jobs = [job(tmp_path, "a", sends), job(tmp_path, "b", "print('b trains')")]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lines = []
    try:
        assert pool.run(jobs, 1, say=lines.append) == []
        assert "b trains" in lines
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may be under nohup
        with pytest.raises(command_line.Interrupted) as caught:
            pool.run(jobs, 1, say=lines.append)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert caught.value.exit_code == 129


def test_exit_codes_and_commands_that_do_not_start_are_failures(tmp_path):
    missing = pool.Job("missing", (str(tmp_path / "none"),), tmp_path / "m.log")
    jobs = [job(tmp_path, "three", "raise SystemExit(3)"), missing]
    failures = pool.run(jobs, 1, say=lambda line: None)
    assert [f.name for f in failures] == ["three", "missing"]
    assert failures[0].reason == "exit code 3"
    assert "No such file" in failures[1].reason


def test_at_most_so_many_at_once(tmp_path):
    code = """
        import pathlib, time
        here = pathlib.Path(r'{folder}')
        (here / 'running{k}').touch()
        time.sleep(0.3)
        count = len(list(here.glob('running*')))
        (here / 'running{k}').unlink()
        print('at once', count)
    """
    jobs = [job(tmp_path, str(k), code.format(folder=tmp_path, k=k)) for k in range(5)]
    lines = []
    assert pool.run(jobs, 2, say=lines.append) == []
    counts = [int(line.split()[-1]) for line in lines if "at once" in line]
    assert len(counts) == 5 and max(counts) == 2


def test_workers_get_their_threads(tmp_path):
    lines = []
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    pool.run([job(tmp_path, "a", code)], 1, threads=3, say=lines.append)
    assert lines[0] == "[a] 3"


SAVES = """
    import pathlib, signal, sys, time
    def save(number, _):
        time.sleep(.3)
        pathlib.Path(r'{folder}/saved{k}').write_text(str(number))
        sys.exit(128 + number)
    signal.signal(signal.SIGINT, save)
    signal.signal(signal.SIGTERM, save)
    print('ready', flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_every_worker_save(tmp_path, number):
    jobs = [job(tmp_path, str(k), SAVES.format(folder=tmp_path, k=k)) for k in range(3)]
    ready = []

    def say(line):
        if line.endswith("ready"):
            ready.append(line)
            if len(ready) == 2:
                os.kill(os.getpid(), number)

    with pytest.raises(command_line.Interrupted) as caught:
        pool.run(jobs, 2, say=say)
    assert caught.value.exit_code == 128 + number
    saved = sorted(path.name for path in tmp_path.glob("saved*"))
    assert saved == ["saved0", "saved1"]  # the third was never started
    assert (tmp_path / "saved0").read_text() == str(int(number))


def test_a_second_interrupt_kills_a_worker_that_does_not_end(tmp_path):
    code = """
        import signal, time
        signal.signal(signal.SIGINT, lambda *_: print('no', flush=True))
        print('ready', flush=True)
        while True: time.sleep(1)
    """

    def say(line):
        if line.endswith(("ready", "no")):
            os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    with pytest.raises(command_line.Interrupted):
        pool.run([job(tmp_path, "a", code)], 1, say=say)
    assert time.monotonic() - start < 20


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


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (7140, "119 min")]
    + [(12_000, "3 h 20 min"), (200_000, "2 d 7 h")],
)
def test_durations_in_words(seconds, words):
    assert pool.duration(seconds) == words
