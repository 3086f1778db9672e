"""Commands run their checkout's code with its packages, whatever the surroundings."""

import importlib.util
import shutil
import subprocess

import pytest
import toy_checkout as toy
from processes import python

TABLE = ("bash", "reproduce/table1.sh")


def other_variables(checkout, tmp_path):
    """All at once: each alone would lead to other code, other packages or none."""
    other = toy.write(tmp_path / "other")
    (other / "tinypin.py").write_text("VERSION = '2.0'\n")
    python = {"PYTHONPATH": other, "PYTHONSAFEPATH": "1", "PYTHONHOME": tmp_path}
    return TABLE, {"CDPATH": other, "HOME": None, **python}


def callers_folder(checkout, tmp_path):
    """Its modules are not the command's, though it is the current folder."""
    (tmp_path / "tinypin.py").write_text("VERSION = '2.0'\n")
    (tmp_path / "json.py").write_text("raise ImportError\n")
    return ("bash", checkout / TABLE[1]), {"folder": tmp_path}


def folder_of_scripts(checkout, tmp_path):
    return ("bash", "table1.sh"), {"folder": checkout / "reproduce"}


def shell(name):
    def kind(checkout, tmp_path):
        if shutil.which(name) is None:
            pytest.skip(f"no {name} here")
        return (name, TABLE[1]), {}

    kind.__name__ = name
    return kind


@pytest.mark.parametrize(
    "kind",
    [
        *(other_variables, callers_folder, folder_of_scripts),
        *map(shell, ("sh", "dash", "zsh", "ksh")),
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_command_runs_its_own_code(kind, checkout, call, tmp_path):
    words, variables = kind(checkout, tmp_path)
    found = toy.told(call(*words, "--results", "a folder", **variables))
    assert found.pop("home")  # else Python and pip would make a folder named "~"
    assert found.pop("words")[-2:] == ["--results", "a folder"]
    assert found == {
        "checkout": str(checkout),
        "version": "1.0",
        "prefix": str(checkout / ".venv"),
        "folder": str(variables.get("folder", checkout)),
    }


def test_each_command_runs_its_module(checkout, call):
    for script, module in toy.COMMANDS.items():
        found = toy.told(call("bash", f"reproduce/{script}.sh", "a word", "--smoke"))
        assert found["words"][-2:] == ["a word", "--smoke"]
        assert importlib.util.find_spec(f"reproduce.{module}")


def test_an_array_task_is_one_run(checkout, call, tmp_path):
    """Slurm runs a copy of the script, in the folder where it was submitted."""
    copy = shutil.copy(checkout / "reproduce/slurm.sh", tmp_path / "slurm_script")
    words = ("bash", copy, "table1", "--epochs", 9)
    found = toy.told(call(*words, SLURM_ARRAY_TASK_ID=3))
    assert found["words"][-4:] == ["--epochs", "9", "--index", "3"]
    assert found["checkout"] == str(checkout)


def test_a_folder_without_a_checkout_is_told(checkout, call, tmp_path):
    task = {"SLURM_ARRAY_TASK_ID": 3, "folder": tmp_path}
    process = call("bash", checkout / "reproduce/slurm.sh", "table1", **task)
    assert "is no checkout" in toy.error_of(process) and process.returncode == 2


@pytest.mark.parametrize(
    "words, task, part",
    [
        (["table1"], None, "sbatch --array=0-26 reproduce/slurm.sh table1"),
        (["table7"], 1, "table7 is not one of"),
        ([], 1, "no command is not one of"),
    ],
)
def test_what_an_array_lacks_is_told_in_a_line(words, task, part, call):
    process = call("bash", "reproduce/slurm.sh", *words, SLURM_ARRAY_TASK_ID=task)
    assert part in toy.error_of(process) and process.returncode == 2


def test_line_ends_stay_those_of_unix(made, tmp_path):
    """In a clone by a git that is set to those of Windows."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    checkout = toy.write(tmp_path / "original")
    shutil.copy(toy.REPOSITORY / ".gitattributes", checkout)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=checkout, check=True)
    words = ["clone", "-q", "-c", "core.autocrlf=true", checkout, tmp_path / "clone"]
    subprocess.run([*git, *words], check=True)
    for file in (checkout / "reproduce").iterdir():
        clone = tmp_path / "clone" / "reproduce" / file.name
        assert clone.read_bytes() == file.read_bytes()


def test_tensorflow_says_why_it_ends_the_process():
    code = """from reproduce.run import start; start.tensorflow()
import tensorflow as tf
tf.function(lambda: tf.constant(1), jit_compile=True)()"""
    process = python(code, XLA_FLAGS="--xla_no_such_flag=true")
    assert process.returncode != 0 and "Unknown flag in XLA_FLAGS" in process.stderr
