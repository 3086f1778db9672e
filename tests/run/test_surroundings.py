"""What the user's machine, shell and variables may be: told, or worked with."""

import errno
import fcntl
import os
import pathlib
import pwd
import subprocess
import sys
import threading

import pytest
from data_support import SMALL
from processes import printed

import data
from data import mnist
from reproduce import REPOSITORY
from reproduce.errors import UsageError
from reproduce.records import environment, folders
from reproduce.run import start
from reproduce.run.one import Run

NUMBERS = ("ENOLCK", "EBADF", "EOPNOTSUPP", "EIO", "ESTALE")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("fails", ["locking", "unlocking"])
def test_file_locks_that_fail(number, fails, tmp_path, monkeypatch):
    """Scenes are made all the same; a run without a lock names folder and option."""
    whole, failed = fcntl.flock, getattr(errno, number)

    def flock(descriptor, operation):
        if (operation == fcntl.LOCK_UN) == (fails == "unlocking"):
            raise OSError(failed, os.strerror(failed))
        whole(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    lines, kept = [], tmp_path / "kept"
    run = Run(None, None, kept / "state.npz")
    made = data.load(SMALL, folder=tmp_path / "cache", progress=lines.append)
    assert len(made.train.images) == SMALL.train_images
    assert any("ASR_CACHE" in line for line in lines) == (fails == "locking")
    if fails == "locking":
        with pytest.raises(UsageError, match=f"^--checkpoints: {kept} cannot be lock"):
            run.lock().__enter__()
    else:
        with run.lock():
            pass


def test_a_run_that_another_process_trains_is_waited_for(tmp_path, monkeypatch):
    events, run = [], Run(None, None, tmp_path / "state.npz")
    other = (tmp_path / "lock").open("w")
    fcntl.flock(other, fcntl.LOCK_EX)

    def release():
        events.append("released")
        other.close()

    def say(message):
        events.append(message)
        threading.Timer(0.1, release).start()

    monkeypatch.setattr(run, "say", say)
    with run.lock():
        events.append("trained")
    told = "another process is training this run; waiting"
    assert events == [told, "released", "trained"]


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME and without an entry in the list of users."""

    def entry(*_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", entry)
    for name in ("HOME", "ASR_CACHE", "KERAS_HOME", "MNIST_NPZ"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_home_folder_nothing_is_kept(homeless, monkeypatch, capsys):
    lines = []
    assert len(data.load(SMALL, progress=lines.append).train.images)
    assert "no home folder" in lines[0] and "ASR_CACHE" in lines[0]
    monkeypatch.setattr(mnist, "_download", lambda: b"")
    monkeypatch.setattr(mnist, "_checked", lambda content, name: content)
    assert mnist.load_mnist() == b"" and "not kept" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["~/out", "~nobody-has-this-name/out"])
def test_a_home_folder_that_is_not_there_is_told(place, homeless):
    with pytest.raises(UsageError, match=f"^{place}: no such home folder"):
        folders.given_path(place)


def test_paths_are_those_of_the_home_folder_and_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.results_folder("~/out", smoke=False) == tmp_path / "out"
    (tmp_path / "caller").mkdir()
    monkeypatch.chdir(tmp_path / "caller")
    expected = tmp_path / "caller" / "out"
    assert folders.results_folder("out", smoke=False) == expected
    assert folders.checkpoints_folder("out", None) == expected
    code = "from reproduce.processes import path_variables as found; "
    code += "print(found()['MNIST_NPZ'])"
    found = printed(code, folder=tmp_path / "caller", MNIST_NPZ="mnist.npz")
    assert pathlib.Path(found.strip()) == tmp_path / "caller" / "mnist.npz"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds so")
def test_cores_are_those_of_the_job(monkeypatch):
    """Those that the process is bound to, and no more than Slurm says."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert environment.usable_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "")
    os.sched_setaffinity(0, [min(cores)])
    try:
        assert environment.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert environment.usable_cores() == len(cores)


def test_tensorflow_has_a_thread_for_each_of_the_jobs_cores(monkeypatch):
    import tensorflow as tf

    given = []
    for name in ("intra", "inter"):
        name = f"set_{name}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, given.append)
    monkeypatch.setattr(environment, "usable_cores", lambda: 7)
    start.tensorflow()
    start.tensorflow(threads=5)
    assert given == [7, 7, 5, 5]


def test_a_terminal_of_few_letters_gets_plain_ones():
    code = """import sys; from reproduce import command_line
sys.exit(command_line.main(lambda f: None, lambda v: print('λ 1.0 ± 0.1'), argv=[]))"""
    assert printed(code, PYTHONIOENCODING="ascii") == "? 1.0 ? 0.1\n"


def test_a_notebooks_backend_of_matplotlib_is_no_matter():
    code = """import data.rendered_digits, reproduce.figures.panels
print(data.rendered_digits.render_digits(3)[0].sum())"""
    usual = printed(code)
    assert printed(code, MPLBACKEND="module://matplotlib_inline.backend_in") == usual


def test_git_that_refuses_is_told_once(tmp_path, monkeypatch, capsys):
    script = "#!/bin/sh\necho fatal: detected dubious ownership >&2; exit 128\n"
    (tmp_path / "git").write_text(script)
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    environment.git.cache_clear()
    assert environment.git() == environment.git() == {"commit": None, "dirty": None}
    assert capsys.readouterr().err.count("dubious ownership") == 1
    environment.git.cache_clear()


def test_a_listed_line_runs_this_code_whatever_pythons_variables(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError\n")
    words = [sys.executable, "-m", "reproduce.tables", "--list", "--smoke"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    first = listed.stdout.splitlines()[0].partition("reproduce.run ")
    line = f"{first[0]}{first[1]}--help"
    foreign = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(tmp_path)}
    into = {"cwd": tmp_path, "capture_output": True, "text": True}
    ended = subprocess.run(["sh", "-c", line], env=os.environ | foreign, **into)
    assert ended.returncode == 0 and "--experiment" in ended.stdout, ended.stderr
