"""What every test runs under: quiet TensorFlow, steady Hypothesis, no user's cache."""

import os
import pathlib
import shutil
import signal

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests of Ctrl-C send it; a shell has background commands ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No deadline: the first example of a test may compile or trace.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")
LONG = (  # the files that take longest
    *("test_model", "test_interruptions", "test_export", "test_keras_surroundings"),
    *("test_run_command", "test_parity"),
)


def pytest_collection_modifyitems(items):
    """Long files first: one that came last would have a single process at work."""
    items.sort(key=lambda item: (*LONG, item.path.stem).index(item.path.stem))


@pytest.fixture
def float64():
    """Keras in double precision, for comparisons with finite differences."""
    from reproduce.run import build

    with build.precision("float64"):
        yield


@pytest.fixture(scope="session")
def scenes_cache(tmp_path_factory):
    """A folder of scenes that all tiny runs of a session share."""
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture(scope="module")
def tiny_networks(scenes_cache):
    """Runs in this process have tiny networks."""
    import tiny

    with tiny.networks(scenes_cache):
        yield


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, scenes_cache):
    import tiny

    root = tmp_path_factory.mktemp("finished")
    with tiny.networks(scenes_cache):
        assert tiny.run(root) == 0
    return root


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of what a tiny run has left: its folder of results."""
    return pathlib.Path(shutil.copytree(finished_run, tmp_path / "finished"))
