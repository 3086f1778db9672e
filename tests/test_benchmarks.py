"""The benchmarks run and print what they say; their times are not tested."""

import re
import subprocess
import sys

import pytest
import synthetic

from benchmarks import (
    child,
    early_end,
    epoch,
    exported,
    time_to_published,
    together,
    train_step,
)
from reproduce import command_line, errors, files

TAKERS = (child, early_end, epoch, time_to_published)  # of an --experiment
TARGETS = {"nelbo": 360.2, "acc": 0.96, "miou": 0.61}
NAMES = ("nELBO", "ACC", "mIoU")


def row(epoch, nelbo, acc, miou):
    figures = {"test_nelbo": nelbo, "test_acc": acc, "test_miou": miou}
    return {"epoch": epoch, "seconds": 30.0, **figures}


def when(rows):
    return time_to_published.reached(rows, TARGETS).split("; ")


def test_a_figure_as_good_as_published_is_reached():
    found = when([row(1, 360.2, 0.96, 0.61)])
    assert found == [f"{n} after epoch 1, 0.5 min" for n in (*NAMES, "all")]


def test_the_first_epoch_of_each_published_figure_and_of_all():
    rows = [row(1, 400, 1, 0.7), row(2, 350, 1, 0.6), row(3, 350, 1, 0.7)]
    epochs = [(2, 1.0), (1, 0.5), (1, 0.5), (3, 1.5)]
    names = (*NAMES, "all")
    assert when(rows) == [
        f"{name} after epoch {epoch}, {minutes} min"
        for name, (epoch, minutes) in zip(names, epochs, strict=True)
    ]


def test_a_figure_that_is_not_reached():
    found = when([row(1, 300, 0.9, 0.7)])
    assert found[1] == "ACC not in 1 epochs, 0.5 min"
    assert found[3] == "all not in 1 epochs, 0.5 min"


def test_time_to_published_of_a_record(tmp_path, capsys):
    synthetic.write(tmp_path, "table1/asr-13", epochs=2, nelbo=100.0)
    words = ("--results", str(tmp_path))
    call = time_to_published.define, time_to_published.body, words
    assert command_line.main(*call) in (None, 0)
    head, line = capsys.readouterr().out.splitlines()
    assert head == (
        "table1/asr-13: published nELBO 360.2, ACC 0.96, SE 28.84, mIoU 0.61"
    )
    assert line == (
        "paper-2ep-seed0: nELBO after epoch 1, 0.0 min; ACC after epoch 1, 0.0 min; "
        "SE not in 2 epochs, 0.1 min; mIoU after epoch 1, 0.0 min; "
        "all not in 2 epochs, 0.1 min (CPU, 1 thread(s))"
    )


@pytest.mark.parametrize(
    "benchmark, words, reason",
    [(b, ("--experiment", "table1/foo"), "--experiment: 'table1/foo'") for b in TAKERS]
    + [
        (early_end, ("--experiment", name), f"--experiment: '{name}' is not allowed")
        for name in ("table1/air-13", "table1/pprior-24", "table2/asr-mnist")
    ]
    + [(early_end, ("--experiment", "table1/asr-14", "--steps", "4"), "--steps: 4 is")],
)
def test_an_experiment_that_is_not_there_is_one_line(benchmark, words, reason, capsys):
    assert command_line.main(benchmark.define, benchmark.body, words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error and "allowed: " in error


class Begun(Exception):
    """TensorFlow would be started now."""


@pytest.mark.parametrize("benchmark", (child, early_end, epoch, train_step))
def test_tensorflow_is_started_as_for_training(benchmark, monkeypatch):
    """In the precision of a run's products, with the threads asked for."""
    given = []

    def begin(threads):
        given.append(threads)
        raise Begun

    monkeypatch.setattr(benchmark.start, "tensorflow", begin)
    with pytest.raises(Begun):
        command_line.main(benchmark.define, benchmark.body, ("--threads", "3"))
    assert given == [3]


def test_processes_measure_when_the_last_one_is_ready(tmp_path):
    """The second to come here waits a second before it is ready."""
    program = (
        "import pathlib, time\n"
        "from benchmarks import together\n"
        f"first = pathlib.Path({str(tmp_path / 'first')!r})\n"
        "try:\n"
        "    first.touch(exist_ok=False)\n"
        "except FileExistsError:\n"
        "    time.sleep(1)\n"
        "ready = time.time()\n"
        "together.meet()\n"
        "print([ready, time.time()])\n"
    )
    measured = together.measure(["-c", program], 2)
    assert len(measured) == 2
    assert max(ready for ready, _ in measured) <= min(begun for _, begun in measured)


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(7)",
        "print('ready', flush=True); raise SystemExit(7)",
        "print('ready', flush=True); input(); raise SystemExit(7)",
    ],
)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_fails_is_one_line(program, processes, capsys):
    def body(_):
        together.measure(["-c", program], processes)

    assert command_line.main(lambda _: None, body, ()) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ended with exit code 7 before" in error


def test_one_that_fails_ends_the_others(tmp_path, capsys):
    program = (
        "import pathlib, time\n"
        f"first = pathlib.Path({str(tmp_path / 'first')!r})\n"
        "first.touch(exist_ok=False)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(errors.UsageError, match="exit code 1 before"):
        together.measure(["-c", program], 2)


def test_workers_get_absolute_folders(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(together, "measure", lambda *words, **_: given.append(words))
    monkeypatch.chdir(tmp_path)
    command_line.main(
        exported.define, lambda values: exported.several("one", 2, values), ()
    )
    ((words, processes),) = given
    assert words[words.index("--programs") + 1] == str(tmp_path / "one")
    assert processes == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, printed",
    [
        (("train_step", "--steps", "3", "--rounds", "1"), "step / floor"),
        (("early_end", "--rounds", "1"), "early / K = 6"),
        (
            ("epoch", "--train_images", "128", "--epochs", "1"),
            "evaluation / epoch",
        ),
        (
            ("scaling", "--steps", "3", "--count", "1", "--rounds", "1"),
            "resident, while training",
        ),
        (("start", "--steps", "3"), "again, programs found"),
    ],
)
def test_the_command_prints_its_figures(words, printed):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]],
        capture_output=True,
        text=True,
        cwd=files.REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if printed in line]
    assert float(re.search(r"[\d.]+(?= MB| s|$)", line)[0]) > 0
