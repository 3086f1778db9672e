"""An epoch is the unit of saving: whatever ends a run, the same command goes on."""

import random
import resource
import signal
import time

import pytest
import tiny

EPOCHS = 3
pytestmark = pytest.mark.usefixtures("tiny_networks")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_networks):
    """What an uninterrupted run leaves."""
    root = tmp_path_factory.mktemp("whole")
    assert tiny.run(root, "--epochs", EPOCHS) == 0
    return tiny.left(root)


def goes_on_to(whole, root):
    """The same command ends with all that an uninterrupted one leaves, bit for bit."""
    assert tiny.run(root, "--epochs", EPOCHS) == 0
    left = tiny.left(root)
    assert {name: left[name] for name in whole} == whole


def test_a_longer_run_goes_on_from_a_shorter_one(whole, finished):
    goes_on_to(whole, finished)


@pytest.mark.parametrize(
    "kills", [1, pytest.param(20, marks=pytest.mark.slow)], ids=["one", "twenty"]
)
def test_killed_at_random_moments_it_goes_on(kills, whole, tmp_path):
    moments = random.Random(7)
    for _ in range(kills):
        process = tiny.start(tmp_path, "--epochs", EPOCHS)
        for _ in range(moments.randint(1, EPOCHS)):  # it begins, an epoch has ended
            process.stdout.readline()
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.communicate()
    goes_on_to(whole, tmp_path)


def test_ctrl_c_says_one_line(whole, tmp_path):
    process = tiny.start(tmp_path, "--epochs", EPOCHS)
    for line in process.stdout:  # the first epoch has ended
        if "epoch 1/" in line:
            process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=tiny.LIMIT)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("interrupted; run the same command")
    goes_on_to(whole, tmp_path)


def test_a_full_disk_is_told_in_one_line_and_loses_at_most_an_epoch(
    whole, tmp_path, capsys
):
    """A limit on the size of files stands in for it."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        assert tiny.run(tmp_path, "--epochs", EPOCHS) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "state.npz: File too large" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.partial"))
    goes_on_to(whole, tmp_path)


def test_a_reader_that_leaves_ends_the_run_after_its_epoch(whole, tmp_path):
    process = tiny.start(tmp_path, "--epochs", EPOCHS)
    for _ in range(2):  # until it starts to train
        process.stdout.readline()
    process.stdout.close()  # as `| head -2` does
    process.wait(timeout=tiny.LIMIT)
    process.stderr.close()
    assert process.returncode == 141
    assert list(tmp_path.rglob("state.npz"))
    goes_on_to(whole, tmp_path)
