"""What every test runs under: quiet TensorFlow, few threads, steady Hypothesis."""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# No deadline: the first example of a test may compile or trace.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


@pytest.fixture
def float64():
    """Keras in double precision, for comparisons with finite differences."""
    import keras

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


@pytest.fixture(scope="module")
def compiled_once():
    """Tiny runs of a module share one model and its compiled functions."""
    import training_support

    with training_support.compiled_once():
        yield


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Three toy runs of two experiments in one program."""
    import export_support as support

    with pytest.MonkeyPatch.context() as patch:
        support.tiny_models(patch)
        return support.export(tmp_path_factory.mktemp("export"), *support.RUNS)


@pytest.fixture(scope="module")
def tiny_exports():
    """Models of a module are tiny; its exported programs are compiled once."""
    import export_support as support

    with pytest.MonkeyPatch.context() as patch:
        support.tiny_models(patch)
        support.quick_programs(patch)
        yield


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty folder of results; what belongs to outputs/ goes beside it."""
    from reproduce import files

    monkeypatch.setattr(files, "OUTPUTS", tmp_path / "outputs")
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.fixture
def folders(tmp_path):
    """Flags that put all that a run writes under tmp_path."""
    return (
        *("--results", str(tmp_path / "results")),
        *("--checkpoints", str(tmp_path / "checkpoints")),
    )
