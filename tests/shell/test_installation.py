"""What is pinned is installed into the environment, whatever pip is told elsewhere."""

import ast
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
import toy_checkout as toy

TABLE = ("bash", "reproduce/table1.sh")
PARTS = ("air", "asr", "data", "reproduce")


def test_what_changed_is_installed_wherever_pip_is_told_to(checkout, call, tmp_path):
    """All at once, in variables and in pip's file: each alone would lead astray."""
    (checkout / "requirements.txt").write_text("tinypin==2.0\n")
    elsewhere = tmp_path / "elsewhere"
    settings = dict.fromkeys(("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"), elsewhere)
    (tmp_path / "home/.config/pip").mkdir(parents=True)
    (tmp_path / "home/.config/pip/pip.conf").write_text("[install]\nuser = yes\n")
    assert toy.told(call(*TABLE, PIP_USER="1", **settings))["version"] == "2.0"
    assert not elsewhere.exists()


def test_a_failure_of_pip_leaves_what_was_there(checkout, call):
    """Offline, say, the tests cannot be run; the commands still can."""
    (checkout / "more.txt").write_text("nowhere==1.0\n")
    line = toy.error_of(call(*TABLE, ASR_REQUIREMENTS="more.txt"))
    assert "No matching distribution found for nowhere==1.0" in line
    assert str(checkout / ".venv/install.log") in line
    again = call(*TABLE)
    assert toy.told(again)["version"] == "1.0" and again.stderr == ""


def test_an_environment_whose_python_is_gone_is_made_anew(checkout, call):
    """The system's has been replaced by another version."""
    for file in checkout.glob(".venv/bin/python*"):
        file.unlink()
        file.symlink_to("/usr/bin/gone")
    assert toy.told(call(*TABLE))["version"] == "1.0"


def test_a_folder_of_others_is_left_alone(checkout, call, tmp_path):
    (tmp_path / "precious/bin").mkdir(parents=True)
    line = toy.error_of(call(*TABLE, ASR_ENVIRONMENT=tmp_path / "precious"))
    assert "precious was not made by this project" in line
    assert (tmp_path / "precious/bin").exists()


@pytest.mark.skipif(shutil.which("flock") is None, reason="no flock here")
def test_of_two_commands_one_begins_an_interrupted_installation_again(checkout, call):
    (checkout / ".venv/installed-requirements.txt").unlink()
    (checkout / ".venv/bin/half").touch()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(call(*TABLE))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [toy.told(process)["version"] for process in found] == ["1.0"] * 2
    said = "".join(process.stderr for process in found)
    assert said.count("Installing") == 1
    assert not (checkout / ".venv/bin/half").exists()


def test_every_import_is_pinned():
    files = [f for part in PARTS for f in (toy.REPOSITORY / part).rglob("*.py")]
    nodes = [node for f in files for node in ast.walk(ast.parse(f.read_text()))]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    text = (toy.REPOSITORY / "requirements.txt").read_text()
    pins = [name.replace("-", "_") for name in re.findall(r"^([\w-]+)==", text, re.M)]
    used = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {*PARTS}
    # JAX is what the other machine has; Matplotlib's, absl-py's and Pillow's are there.
    assert used - {"jax", "mpl_toolkits", "absl", "PIL"} <= {*pins}


@pytest.mark.slow
def test_the_real_packages(tmp_path):
    """The one real installation, for a user with other settings of everything."""
    words = ["git", "clone", "-q", toy.REPOSITORY, tmp_path / "clone"]
    subprocess.run(words, check=True)
    settings = {"PIP_USER": "1", "PYTHONPATH": "/", "KERAS_BACKEND": "jax"}
    process = subprocess.run(
        ["sh", tmp_path / "clone/reproduce/table1.sh", "--notrain"],
        env=os.environ | {"PYTHON": sys.executable} | settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert "AIR-ASR-13" in process.stdout
    shutil.rmtree(tmp_path / "clone")  # gigabytes
