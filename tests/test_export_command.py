"""The flags of the command that exports, and how it starts TensorFlow."""

from dataclasses import replace

import pytest

from reproduce import command_line, export
from reproduce.configuration import preset_configuration, smoke


class Begun(Exception):
    """TensorFlow would be started now."""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A function that calls the command up to its use of TensorFlow."""
    begun = []

    def begin(*arguments):
        begun.append(arguments)
        raise Begun

    monkeypatch.setattr(export.start, "tensorflow", begin)

    def run(*words):
        words = ("--out", str(tmp_path / "programs"), *words)
        try:
            return command_line.main(export.define, export.body, words)
        except Begun:
            assert begun == [()]
            return None

    return run


def configurations_of(*words):
    """The configurations that the flags ask for."""
    found = []
    words = ("--experiment", "table1/asr-13,table1/pprior-13", "--seeds", "4,5", *words)

    def body(values):
        found.extend(export.configurations_from(values))

    assert command_line.main(export.define, body, words) == 0
    return found


def expected(**changes):
    return [
        preset_configuration(experiment, seed=seed, **changes)
        for experiment in ("table1/asr-13", "table1/pprior-13")
        for seed in (4, 5)
    ]


def test_tensorflow_is_started_as_for_training(call):
    assert call("--experiment", "table1/asr-13") is None


def test_every_option_of_a_run_can_be_changed():
    assert configurations_of() == expected()
    changes = {"scale_prior": "learned", "learning_rate": 1e-4, "digits": "rendered"}
    words = [word for name in changes for word in (f"--{name}", str(changes[name]))]
    assert configurations_of(*words) == expected(**changes)
    toy = configurations_of("--smoke", "--train_images", "64")
    assert toy == [replace(smoke(c), train_images=64) for c in expected()]


@pytest.mark.parametrize(
    "words, reason",
    [
        (("--experiment", "table1/air-13", "--scale_prior", "learned"), "reads it"),
        (("--experiment", "table1/asr-13", "--learning_rate", "2"), "--learning_rate"),
        (("--experiment", "table1/asr-13", "--epochs", "2"), "--epochs: there is no"),
        ((), "--experiment: a value is missing"),
    ],
)
def test_bad_input_is_one_line_before_anything_starts(words, reason, call, capsys):
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error
