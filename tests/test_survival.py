"""Runs that are killed: the same command goes on, to exactly the same result.

Every process here is the real command with tiny networks, see `tiny_run`.
"""

import random
import shutil
import signal
import time

import pytest
from survival_support import Place, ended, wait_for

from reproduce import checkpoint, interrupts

# Phase, how often it begins in a run, and about how long it takes, in seconds.
PHASES = {
    "import": (1, 3.0),
    "synthesis": (1, 0.3),
    "build": (1, 0.3),
    "first step": (1, 0.4),
    "step": (6, 0.1),
    "checkpoint": (2, 0.12),
    "evaluation": (2, 0.3),
    "record": (1, 0.3),
}
QUICK_KILLS = ("step", "checkpoint", "record")
SLOW_KILLS = (
    *("import", "import", "synthesis", "synthesis", "synthesis", "build"),
    *("first step", "first step", "step", "step", "step", "step", "checkpoint"),
    *("checkpoint", "checkpoint", "evaluation", "evaluation", "evaluation"),
    *("record", "record"),
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A run that nothing disturbed: its place, and its outcome."""
    root = tmp_path_factory.mktemp("reference")
    place = Place(root, root / "cache")
    code, out, err = place.run()
    assert code == 0 and " done: " in out
    # Not one line of TensorFlow's: only the data's own.
    assert len(err.splitlines()) == 1 and err.startswith("synthesising 64 scenes")
    place.expected = place.outcome()
    assert len(place.expected["history"]) == 2
    return place


@pytest.fixture
def place(tmp_path, reference):
    """The folders of a run of its own, with the scenes in the cache."""
    return Place(tmp_path, reference.cache)


def goes_on_to_the_same(place, reference, *words):
    """Runs the command to its end and compares everything that it leaves."""
    code, out, err = place.run(*words)
    assert code == 0, (out, err)
    outcome = place.outcome()
    for part, expected in reference.expected.items():
        assert outcome[part] == expected, part
    left = [path.name for path in place.root.rglob("*.partial")]
    assert left == []


def kill_at_random(place, phase):
    """Kills a run with signal 9 at a random moment of a phase; returns its code."""
    chance = random.SystemRandom()
    times, seconds = PHASES[phase]
    count, delay = chance.randint(1, times), chance.uniform(0, seconds)
    print(f"killed {delay:.4f} s after {phase} {count}")  # shown if the test fails
    process = place.start()
    wait_for(process, phase, count)
    time.sleep(delay)
    process.kill()
    return ended(process)[0]


def check_kill(place, reference, phase):
    if phase == "synthesis":
        place.cache = place.root / "cache"
    assert kill_at_random(place, phase) == -signal.SIGKILL
    place.check_whole()
    goes_on_to_the_same(place, reference)
    if phase == "synthesis":
        # An empty lock file may stay, and blocks nobody; half-written scenes may not.
        left = {file.suffix for file in place.cache.iterdir() if file.stat().st_size}
        assert left == {".npz"} and not list(place.cache.glob(".*"))


@pytest.mark.parametrize("phase", QUICK_KILLS)
def test_a_killed_run_goes_on_to_the_same_result(place, reference, phase):
    check_kill(place, reference, phase)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SLOW_KILLS)))
def test_kills_at_twenty_random_moments(place, reference, number):
    check_kill(place, reference, SLOW_KILLS[number])


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_gets_to_the_same_end(place, reference):
    for phase in ("import", "step", "checkpoint", "evaluation", "record"):
        process = place.start()
        wait_for(process, phase)
        time.sleep(random.SystemRandom().uniform(0, PHASES[phase][1]))
        process.kill()
        assert ended(process)[0] == -signal.SIGKILL
        place.check_whole()
    goes_on_to_the_same(place, reference)


# Two processes on one run.


def test_a_second_process_waits_and_writes_nothing(place, reference):
    go = place.root / "go"
    first = place.start(TINY_PAUSE=f"step:2:{go}")
    wait_for(first, "step", 2)
    second, third = place.start(), place.start()
    lines = [process.stdout.readline() for process in (second, third)]
    waiting = "table1/asr-13 seed 0: another process trains this run; waiting for it\n"
    assert lines == [waiting, waiting]
    third.send_signal(signal.SIGTERM)  # who waits can be told not to
    code, out, err = ended(third)
    assert (code, out) == (143, "") and err.startswith("interrupted: ")
    go.touch()
    assert ended(first)[0] == 0
    content = (place.record / "record.json").read_bytes()
    code, out, err = ended(second)
    assert (code, err) == (0, "")
    assert out == (
        "table1/asr-13 seed 0: its record is there already; --retrain trains it again\n"
    )
    assert not second.phases.exists()  # it did not even load TensorFlow
    assert (place.record / "record.json").read_bytes() == content
    goes_on_to_the_same(place, reference)


def test_the_lock_of_a_dead_process_blocks_nobody(place, reference):
    """Who waits for a process that is killed takes over from its last checkpoint."""
    first = place.start(TINY_PAUSE=f"step:5:{place.root / 'never'}")
    wait_for(first, "step", 5)
    second = place.start()
    assert "waiting" in second.stdout.readline()
    first.kill()
    ended(first)
    assert (place.kept / "lock").exists()
    code, out, err = ended(second)
    assert code == 0, err
    assert "resumed" in out and "epoch 1/2" not in out and "epoch 2/2" in out
    assert place.outcome() == reference.expected


# Ctrl-C, SIGTERM and SIGHUP.


def check_interrupt(place, reference, number, phase, count):
    process = place.start(TINY_PAUSE=f"{phase}:{count}:{place.root / 'never'}")
    wait_for(process, phase, count)
    process.send_signal(number)
    code, _, err = ended(process)
    assert code == 128 + number
    (line,) = [line for line in err.splitlines() if not line.startswith("synthesising")]
    assert line.startswith("interrupted: ") and "the same command goes on" in line
    place.check_whole()
    return line


@pytest.mark.parametrize(
    "number, phase, count, step",
    [
        (signal.SIGINT, "step", 4, 4),
        (signal.SIGTERM, "evaluation", 1, 3),
        (signal.SIGHUP, "step", 5, 5),
    ],
)
def test_an_interrupted_run_saves_its_step(
    place, reference, number, phase, count, step
):
    line = check_interrupt(place, reference, number, phase, count)
    assert line == (
        f"interrupted: table1/asr-13 seed 0: saved at step {step}; the same command "
        "goes on from there"
    )
    assert (place.kept / checkpoint.NAME).exists()
    goes_on_to_the_same(place, reference)


def test_under_nohup_a_run_outlives_its_terminal(place, reference):
    go = place.root / "go"
    process = place.start(TINY_PAUSE=f"step:2:{go}", hangup=signal.SIG_IGN)
    wait_for(process, "step", 2)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    go.touch()
    code, _, err = ended(process)
    assert (code, err) == (0, "")
    assert place.outcome() == reference.expected


@pytest.mark.slow
@pytest.mark.parametrize("number", interrupts.SIGNALS)
@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupt_at_a_random_moment(place, reference, number, phase):
    if phase == "synthesis":
        place.cache = place.root / "cache"
    delay = random.SystemRandom().uniform(0, PHASES[phase][1])
    print(f"interrupted {delay:.4f} s after {phase}")
    process = place.start()
    wait_for(process, phase)
    time.sleep(delay)
    process.send_signal(number)
    code, _, err = ended(process)
    assert code == 128 + number, err
    lines = [line for line in err.splitlines() if not line.startswith("synthesising")]
    assert len(lines) == 1 and "the same command goes on" in lines[0], err
    place.check_whole()
    goes_on_to_the_same(place, reference)


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_disturb_the_saving_of_the_first(place, reference):
    go, never = place.root / "go", place.root / "never"
    process = place.start(TINY_PAUSE=f"step:2:{never},checkpoint:1:{go}")
    wait_for(process, "step", 2)
    process.send_signal(signal.SIGINT)
    wait_for(process, "checkpoint")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    go.touch()
    code, _, err = ended(process)
    assert code == 130 and "saved at step 2;" in err
    assert checkpoint.load(place.kept / checkpoint.NAME)[1]["history"] == []


@pytest.mark.slow
def test_retrain_begins_anew_and_says_how_an_interrupted_one_goes_on(place, reference):
    shutil.copytree(reference.root / "checkpoints", place.root / "checkpoints")
    shutil.copytree(reference.results, place.results)
    process = place.start("--retrain", TINY_PAUSE=f"step:2:{place.root / 'never'}")
    wait_for(process, "step", 2)
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)
    assert code == 130 and "begins" in out
    assert "saved at step 2; without --retrain it goes on" in err
    assert not (place.record / "record.json").exists()
    goes_on_to_the_same(place, reference)
