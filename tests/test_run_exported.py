"""The command that runs an export: its words, and what it needs installed."""

import subprocess
import sys

import manifest_support
import pytest

from reproduce import run_exported


@pytest.mark.parametrize(
    "words, reason",
    [
        ([], "the export's folder is missing; it comes first"),
        (["--epochs", "1"], "the export's folder is missing; it comes first"),
        (["--programs", "DIR"], "--programs: there is no such option"),
        (["DIR", "OTHER"], "'OTHER' is not an option"),
    ],
)
def test_the_folder_comes_first_and_only_there(words, reason, capsys):
    assert run_exported.main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error


def test_without_jax_one_line_says_what_to_install(tmp_path):
    folder = manifest_support.made_up(tmp_path / "export")
    others = {"--results": tmp_path / "results", "--checkpoints": tmp_path / "kept"}
    words = [str(folder), *(str(w) for pair in others.items() for w in pair)]
    code = f"""
import sys
sys.modules["jax"] = None  # importing it fails
from reproduce import run_exported
sys.exit(run_exported.main({words}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "pip install -r requirements-accelerator.txt" in done.stderr
    assert list(tmp_path.iterdir()) == [folder]  # no lock either


def test_running_needs_no_tensorflow():
    code = """
import sys
for name in ("tensorflow", "keras", "tensorflow_probability"):
    sys.modules[name] = None  # importing it fails
import benchmarks.exported, reproduce.outcome, reproduce.run_exported
import reproduce.exported.runtime, reproduce.exported.training
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
