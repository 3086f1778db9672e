"""An epoch is the unit of saving: whatever ends a run, the same command goes on."""

import random
import resource
import signal
import time

import pytest
import tiny

EPOCHS = 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory, scenes_cache):
    """What an uninterrupted run leaves, and how many seconds it took."""
    root, begun = tmp_path_factory.mktemp("whole"), time.monotonic()
    assert finish(root, scenes_cache) == 0
    return tiny.left(root), time.monotonic() - begun


def start(root, cache, **options):
    return tiny.start(root, "--epochs", EPOCHS, ASR_CACHE=str(cache), **options)


def finish(root, cache):
    process = start(root, cache)
    _, errors = process.communicate(timeout=tiny.LIMIT)
    assert process.returncode == 0, errors
    return process.returncode


def killed(root, cache, moment, number):
    """Ends a run by a signal after so many seconds; its exit code and errors."""
    process = start(root, cache)
    try:
        process.wait(timeout=moment)
    except tiny.subprocess.TimeoutExpired:
        process.send_signal(number)
    _, errors = process.communicate(timeout=tiny.LIMIT)
    return process.returncode, errors


@pytest.mark.parametrize(
    "kills", [2, pytest.param(20, marks=pytest.mark.slow)], ids=["two", "twenty"]
)
def test_killed_at_random_moments_it_ends_bit_for_bit_as_if_uninterrupted(
    kills, whole, tmp_path, scenes_cache
):
    expected, seconds = whole
    moments, random_moment = [], random.Random(kills)
    for _ in range(kills):
        moments.append(random_moment.uniform(0.5, 1.1) * seconds)
        killed(tmp_path, scenes_cache, moments[-1], signal.SIGKILL)
    finish(tmp_path, scenes_cache)
    assert tiny.left(tmp_path) == expected, moments


def test_ctrl_c_says_one_line_and_the_same_command_goes_on(
    whole, tmp_path, scenes_cache
):
    process = start(tmp_path, scenes_cache)
    for line in process.stdout:  # the first epoch has ended
        if "epoch 1/" in line:
            process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=tiny.LIMIT)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("interrupted; run the same command")
    finish(tmp_path, scenes_cache)
    assert tiny.left(tmp_path) == whole[0]


def test_a_full_disk_is_told_in_one_line_and_loses_at_most_an_epoch(
    whole, tmp_path, scenes_cache
):
    def no_large_files():  # writing one fails, as on a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = tiny.subprocess.Popen(
        [tiny.sys.executable, tiny.__file__, *tiny.WORDS, "--epochs", str(EPOCHS)]
        + ["--results", str(tmp_path)],
        stdout=tiny.subprocess.PIPE,
        stderr=tiny.subprocess.PIPE,
        text=True,
        env=tiny.os.environ | {"ASR_CACHE": str(scenes_cache)},
        preexec_fn=no_large_files,
    )
    _, errors = process.communicate(timeout=tiny.LIMIT)
    assert process.returncode == 1
    assert "state.npz: File too large" in errors.splitlines()[-1]
    assert not list(tmp_path.rglob("*.partial"))
    finish(tmp_path, scenes_cache)
    assert tiny.left(tmp_path) == whole[0]


def test_a_reader_that_leaves_ends_the_run_after_its_epoch(
    whole, tmp_path, scenes_cache
):
    process = start(tmp_path, scenes_cache)
    process.stdout.readline()
    process.stdout.close()  # as `| head -1` does
    process.wait(timeout=tiny.LIMIT)
    process.stderr.close()
    assert process.returncode == 141
    assert list(tmp_path.rglob("state.npz"))
    finish(tmp_path, scenes_cache)
    assert tiny.left(tmp_path) == whole[0]
