"""Which runs a grid command trains, how it lists them, and how it trains them."""

import shlex
import sys
import time

import pytest

from reproduce import command_line, launch
from reproduce.errors import UsageError
from reproduce.experiments import grid
from reproduce.records import folders, record
from reproduce.run import __main__ as run_command
from reproduce.run import options as run_options

CELLS = ["table1/asr-13", "table2/air-dsprites"]


def values(*words):
    flags = command_line.Flags()
    launch.define(flags)
    assert command_line._parse(flags, list(words)) == []
    return flags.values


def planned(results, *words, seeds=(0, 1)):
    """The flags, their protocol, and the runs of `CELLS`."""
    given = values("--results", str(results), *words)
    return given, launch.protocol_from(given), launch.runs(CELLS, seeds)


def write_record(run, protocol, **changes):
    configuration = launch.configuration(run, protocol)
    content = record.describe(configuration) | {
        **{"status": "complete", "failure": None, "reported_epoch": 1},
        **{"smoke": protocol.smoke, "data_digest": "d", "data_statistics": {}},
        **{"metrics": {"nelbo": 1.0}, "parameters": 1, "wall_seconds": 1.0},
        **{"images_per_second": 800.0, "environment": {}, "git": {}},
    }
    history = [{"epoch": n + 1, "seconds": 1} for n in range(configuration.epochs)]
    folder = record.run_folder(protocol.results, configuration)
    record.write(folder, content | changes, history)


def test_seeds_go_first_so_that_every_cell_has_a_value_early():
    runs = launch.runs(CELLS, (0, 1))
    assert [(run.experiment, run.seed) for run in runs] == [
        *((cell, 0) for cell in CELLS),
        *((cell, 1) for cell in CELLS),
    ]


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
    tmp_path, capsys, words
):
    given, protocol, runs = planned(tmp_path, "--list", *words)
    changes = (("learning_rate", 0.5), ("bounds", protocol.preset != "paper"))
    runs = [*runs, launch.Run(CELLS[0], 3, changes)]
    assert launch.listed_or_run(given, runs, protocol)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(runs)
    for run, line in zip(runs, lines, strict=True):
        change_folder, command = line.split(" && ")
        assert shlex.split(change_folder) == ["cd", str(folders.REPOSITORY)]
        env, path, python, module, name, *flags = shlex.split(command)
        assert (env, path) == ("env", f"PYTHONPATH={folders.REPOSITORY}")
        assert (python, module, name) == (sys.executable, "-m", "reproduce.run")
        parser = command_line.Flags()
        run_command.define(parser)
        command_line._parse(parser, flags)
        asked = parser.values
        identity = {"seed": asked.seed, "epochs": asked.epochs}
        made = run_options.configuration_from(asked, asked.experiment, **identity)
        assert made == launch.configuration(run, protocol)
        assert asked.retrain == protocol.retrain
        assert asked.results == str(protocol.results)


def test_what_is_missing_and_what_is_trained_unasked(tmp_path):
    given, protocol, runs = planned(tmp_path)
    assert launch.to_train(given, runs, protocol) == runs
    write_record(runs[0], protocol)
    # One seed of the first cell has a record: unasked only the other cell is trained.
    assert launch.to_train(given, runs, protocol) == [runs[1], runs[3]]
    for words, expected in (
        (("--notrain",), []),
        (("--train",), runs[1:]),
        (("--epochs", "300"), runs[1:]),
        (("--epochs", "7"), runs),
        (("--retrain",), runs),
    ):
        given, protocol, _ = planned(tmp_path, *words)
        assert launch.to_train(given, runs, protocol) == expected, words


def test_a_record_of_older_code_counts_as_missing_only_where_all_is_asked_for(tmp_path):
    given, protocol, runs = planned(tmp_path)
    for run in runs:
        write_record(run, protocol, numerics=1)
    assert launch.to_train(given, runs, protocol) == []
    assert launch.missing(runs, protocol) == runs


def test_flags_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(UsageError, match="^--notrain: "):
        planned(tmp_path, "--notrain", "--retrain")
    given, protocol, runs = planned(tmp_path, "--index", "4")
    with pytest.raises(UsageError, match="^--index: 4 .* allowed: 0 to 3"):
        launch.listed_or_run(given, runs, protocol)
    with pytest.raises(UsageError, match="^--settings: '13' is not one of table2"):
        grid.table_experiments("table2", settings=("13",))


@pytest.fixture
def commands(monkeypatch):
    """Runs are short Python programs, by seed."""

    def use(*sources):
        monkeypatch.setattr(
            launch, "_command", lambda run, _: (sys.executable, "-c", sources[run.seed])
        )

    return use


def test_every_failure_is_told_and_the_others_go_on(tmp_path, capsys, commands):
    notice = "I0000 00:00:1795 1 port.cc:153] oneDNN custom operations are on."
    commands(
        f"print('table1/asr-13 fine'); print({notice!r})",
        "print('lost'); raise SystemExit(3)",
    )
    words = ("--jobs", "2", "--digits", "rendered")
    given, protocol, runs = planned(tmp_path, *words)
    runs = [run for run in runs if run.experiment == CELLS[0]]
    assert launch.train(given, runs, protocol) == launch.FAILED_RUNS
    captured = capsys.readouterr()
    assert "2 runs of 300 epochs to train, 2 at once" in captured.out
    assert "\ntable1/asr-13 fine\n" in captured.out
    assert "[table1/asr-13 seed 1] lost\n" in captured.out
    assert "2 of 2 runs ended" in captured.out and notice not in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith("error: table1/asr-13 seed 1: exit code 3, see ")
    assert "lost" in open(line.rsplit("see ")[1]).read()


def test_an_interrupt_ends_the_runs_and_starts_no_further_one(
    tmp_path, commands, monkeypatch
):
    commands("import time; time.sleep(600)")
    started, whole = [], launch.subprocess.Popen

    def popen(*arguments, **options):
        started.append(whole(*arguments, **options))
        return started[-1]

    def interrupted(waiting):
        while not started:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(launch.subprocess, "Popen", popen)
    monkeypatch.setattr(launch.concurrent.futures, "as_completed", interrupted)
    given, protocol, runs = planned(tmp_path, "--digits", "rendered", seeds=(0,))
    with pytest.raises(KeyboardInterrupt):
        launch.train(given, runs, protocol)
    number = len(started)
    assert all(process.wait(timeout=60) < 0 for process in started)
    time.sleep(0.1)
    assert len(started) == number
