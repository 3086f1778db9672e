"""Which runs a grid command trains, how it lists them, and how it trains them."""

import asyncio
import os
import shlex
import signal
import sys
import threading
import time

import made_up
import pytest

from reproduce import REPOSITORY, launch, processes
from reproduce.errors import UsageError
from reproduce.experiments import configuration
from reproduce.flags import Flags
from reproduce.run import __main__ as run_command

CELLS = ["table1/asr-13", "table2/air-dsprites"]


def planned(results, *words, seeds=(0, 1)):
    """The call with these flags, and its runs of `CELLS`."""
    flags = Flags()
    launch.define(flags)
    assert flags.parse(["--results", str(results), *words]) == []
    call = launch.Call(flags.values, "table1", ())
    return call, call.runs(CELLS, seeds)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--preset", "released"),
        ("--digits", "rendered", "--epochs", "7"),
        ("--smoke",),
        ("--retrain", "--mnist", "file.npz"),
    ],
)
def test_a_listed_command_makes_the_configuration_it_was_listed_for(
    tmp_path, capsys, monkeypatch, words
):
    monkeypatch.setenv("MNIST_NPZ", "mnist.npz")  # in the caller's folder
    monkeypatch.delenv("PYTHONPATH", raising=False)
    paths = {"MNIST_NPZ": os.path.abspath("mnist.npz"), "PYTHONPATH": str(REPOSITORY)}
    call, runs = planned(tmp_path, "--list", *words)
    bounds = call.values.preset != "paper"
    changes = {"learning_rate": 0.5, "bounds": bounds, "init_seed": 7}
    runs += [call.run(CELLS[0], 3, changes)]
    own = {"constraint": "examples/left_to_right.py:left_to_right"}
    runs += [call.run(CELLS[1], 0, own)]
    assert call.lists_or_is_one(runs)
    lines = capsys.readouterr().out.splitlines()
    for run, line in zip(runs, lines, strict=True):
        change_folder, command = line.split(" && ")
        assert shlex.split(change_folder) == ["cd", str(REPOSITORY)]
        words = shlex.split(command)
        python = words.index(sys.executable)
        env, *variables = words[:python]
        named = dict(variable.split("=", 1) for variable in variables)
        assert env == "env" and named.items() >= paths.items()
        assert words[python + 1 : python + 3] == ["-m", "reproduce.run"]
        flags = Flags()
        run_command.define(flags)
        assert flags.parse(words[python + 3 :]) == []
        asked = flags.values
        identity = {"seed": asked.seed, "epochs": asked.epochs}
        assert configuration.from_flags(asked, **identity) == run
        assert asked.retrain == call.retrains and asked.smoke == call.values.smoke
        assert asked.results == str(call.results)


def test_what_is_missing_and_what_is_untouched(tmp_path):
    call, runs = planned(tmp_path)
    assert call.untouched(runs) == call.missing(runs) == runs
    made_up.write(tmp_path, CELLS[0], epochs=20)
    # One seed of the first cell has a record: unasked only the other cell is trained.
    assert call.untouched(runs) == [runs[1], runs[3]]
    assert call.missing(runs) == runs
    made_up.write(tmp_path, CELLS[1], fields={"numerics": 1})  # of older code
    assert call.untouched(runs) == [] and call.missing(runs) == runs
    made_up.write(tmp_path, CELLS[1])
    assert call.missing(runs) == [runs[0], runs[2], runs[3]]
    short, runs = planned(tmp_path, "--epochs", "10")
    assert short.missing(runs) == runs
    assert short.missing(runs, longer=True) == runs[2:]
    for words, expected in (
        ([], []),
        (["--notrain"], []),
        (["--train"], runs),
        (["--retrain"], runs),
        (["--smoke"], runs),
        (["--smoke", "--notrain"], []),
    ):
        call, _ = planned(tmp_path, "--epochs", "10", *words)
        assert call.to_train(runs) == expected, words


def test_an_index_becomes_the_command_of_its_line(tmp_path, capsys, monkeypatch):
    (listing, runs), started = planned(tmp_path, "--list"), []
    assert listing.lists_or_is_one(runs)
    line = capsys.readouterr().out.splitlines()[2]
    monkeypatch.setattr(os, "chdir", started.append)
    monkeypatch.setattr(os, "execve", lambda *command: started.append(command))
    planned(tmp_path, "--index", "2")[0].lists_or_is_one(runs)
    folder, (file, words, environment) = started
    paths = processes.path_variables()
    assert file == words[0] and environment.items() >= paths.items()
    paths = [f"{name}={path}" for name, path in paths.items()]
    assert shlex.split(line) == ["cd", str(folder), "&&", "env", *paths, *words]


def test_an_index_beyond_the_runs_is_refused(tmp_path):
    call, runs = planned(tmp_path, "--index", "4")
    with pytest.raises(UsageError, match="^--index: 4 .* allowed: 0 to 3"):
        call.lists_or_is_one(runs)


def commands(tmp_path, *sources):
    """Runs of rendered digits, as short Python programs."""
    words = ("--digits", "rendered")
    _, runs = planned(tmp_path, *words, seeds=range(len(sources)))
    runs = [run for run in runs if run.experiment == CELLS[0]]
    each = zip(runs, sources, strict=True)
    return {run: [sys.executable, "-c", source] for run, source in each}


def test_every_failure_is_told_and_the_others_go_on(tmp_path, capsys):
    notice = "I0000 00:00:1795 1 port.cc:153] oneDNN custom operations are on."
    wanted = commands(
        tmp_path,
        f"print('table1/asr-13 seed 0 fine'); print({notice!r})",
        "print('x' * 100_000, 'long'); print('lost'); raise SystemExit(3)",
    )
    assert processes.train(wanted, tmp_path, jobs=2) == processes.FAILED_RUNS
    captured = capsys.readouterr()
    assert "2 runs of 300 epochs to train, 2 at once" in captured.out
    assert "\ntable1/asr-13 seed 0 fine\n" in captured.out
    assert " long\n[table1/asr-13 seed 1] lost\n" in captured.out
    assert "2 of 2 runs ended" in captured.out and notice not in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith("error: table1/asr-13 seed 1: exit code 3,")
    assert "lost" in open(line.rsplit("see ")[1]).read()


def test_an_interrupt_ends_the_runs_and_starts_no_further_one(tmp_path, monkeypatch):
    wanted = commands(tmp_path, *["import time; time.sleep(600)"] * 2)
    started, whole = [], asyncio.create_subprocess_exec

    async def start(*arguments, **options):
        started.append(await whole(*arguments, **options))
        return started[-1]

    def interrupt():
        while not started:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        processes.train(wanted, tmp_path, jobs=1)
    (process,) = started
    assert process.returncode == -signal.SIGTERM
