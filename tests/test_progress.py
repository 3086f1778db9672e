"""What a run prints while it trains: the moving line, an epoch's line, time left."""

import io

import pytest

from reproduce import progress

ROW = {"epoch": 2, "train_loss": 400.25, "seconds": 61.4, "test_nelbo": 350.06}
ROW |= {"test_acc": 0.97, "test_se": 30.0, "test_miou": 0.7}
LINE = (
    "run  epoch 2/2  loss 400.2  test: nELBO 350.1  ACC 0.970  SE 30.00  mIoU 0.700"
    "  61 s  "
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A list whose only number is the time in seconds."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def moving(stream):
    """The moving lines, the last one first cleared."""
    return stream.getvalue().split("\r\033[K")[1:]


@pytest.mark.parametrize(
    "taken, place",
    [
        (1, "epoch 1/2  step 1/625"),
        (625, "epoch 1/2  step 625/625"),
        (626, "epoch 2/2  step 1/625"),
        (1250, "epoch 2/2  step 625/625"),  # it stays during the evaluation
    ],
)
def test_the_moving_line_names_the_step_that_is_done(taken, place, clock):
    stream = Terminal()
    progress.Progress("run", 2, 625, stream=stream).step(taken)
    assert moving(stream) == [f"run  {place}  time left unknown"]


def test_the_moving_line_moves_twice_a_second_at_most(clock):
    stream = Terminal()
    shown = progress.Progress("run", 2, 625, stream=stream)
    for taken in (1, 2, 3):
        shown.step(taken)
        clock[0] += 0.3
    steps = [line.split("step ")[1].split("/")[0] for line in moving(stream)]
    assert steps == ["1", "3"]


def test_time_left_is_that_of_the_steps_after_the_first_one(clock):
    """The first step compiles; steps of earlier processes are no measure either."""
    stream = Terminal()
    shown = progress.Progress("run", 2, 625, done=625, stream=stream)
    clock[0] += 40
    shown.step(626)
    clock[0] += 10
    shown.step(726)  # 100 steps in 10 seconds, and 524 are left
    assert moving(stream)[-1] == "run  epoch 2/2  step 101/625  52 s left"


def test_an_epochs_line_replaces_the_moving_one(clock):
    stream = Terminal()
    shown = progress.Progress("run", 2, 625, stream=stream)
    shown.step(1)
    shown.epoch(ROW, 1250)
    assert moving(stream)[-1] == LINE + "1 s left\n"


def test_in_a_file_there_are_only_the_epochs_lines(clock):
    stream = io.StringIO()
    shown = progress.Progress("run", 2, 625, stream=stream)
    shown.step(1)
    clock[0] += 10
    shown.step(1250)
    shown.epoch(ROW, 1250)
    assert stream.getvalue() == LINE + "1 s left\n"


def test_the_line_of_one_of_several_runs_has_its_own_name(clock):
    stream = Terminal()
    shown = progress.Progress("3 runs", 2, 625, stream=stream)
    shown.epoch(ROW, 625, "one of them")
    shown.step(626)
    line, after = moving(stream)
    assert line.startswith("one of them  epoch 2/2") and after.startswith("3 runs  ")
