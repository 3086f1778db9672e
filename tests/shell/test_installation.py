"""What is pinned is installed into the environment, whatever pip is told elsewhere."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import threading

import pytest
import toy_checkout as toy

TABLE = ("bash", "reproduce/table1.sh")
COPY = ".venv/installed-requirements.txt"
PARTS = ("air", "asr", "data", "reproduce")


@pytest.fixture(scope="module")
def install():
    path = toy.REPOSITORY / "reproduce" / "install.py"
    specification = importlib.util.spec_from_file_location("install", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def missing(checkout):
    """The package of the requirements, and the note of it, are gone."""
    for file in checkout.glob(".venv/lib/*/site-packages/tinypin*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    (checkout / COPY).write_text("")


def test_settings_that_lead_elsewhere_do_not_matter(checkout, call, tmp_path):
    """All at once, in variables and in pip's file: each alone would lead astray."""
    missing(checkout)
    elsewhere = tmp_path / "elsewhere"
    settings = dict.fromkeys(("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"), elsewhere)
    settings |= dict.fromkeys(("PIP_USER", "PIP_DRY_RUN"), "1")
    (tmp_path / "home/.config/pip").mkdir(parents=True)
    text = "[install]\nuser = yes\ndry-run = yes\n"
    (tmp_path / "home/.config/pip/pip.conf").write_text(text)
    assert toy.told(call(*TABLE, **settings))["version"] == "1.0"
    assert not elsewhere.exists()


def test_what_cannot_be_imported_is_not_installed(checkout, call):
    """pip ends well; the package does not."""
    (checkout / "requirements.txt").write_text("tinypin==1.0\nbroken==1.0\n")
    line = toy.error_of(call(*TABLE))
    assert "broken cannot be imported: ImportError: no library" in line
    assert not (checkout / COPY).exists()  # the next call tries again


def test_a_failure_of_pip_leaves_what_was_there(checkout, call):
    """Offline, say, the tests cannot be run; the commands still can."""
    (checkout / "more.txt").write_text("nowhere==1.0\n")
    line = toy.error_of(call(*TABLE, ASR_REQUIREMENTS="more.txt"))
    assert "No matching distribution found for nowhere==1.0" in line
    again = call(*TABLE)
    assert toy.told(again)["version"] == "1.0" and again.stderr == ""


def test_an_interrupted_installation_begins_again(checkout, call):
    (checkout / COPY).unlink()
    half = checkout / ".venv/bin/half"
    half.touch()
    assert toy.told(call(*TABLE))["version"] == "1.0"
    assert not half.exists()


def test_a_folder_of_others_is_left_alone(checkout, call, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/work").touch()
    line = toy.error_of(call(*TABLE, ASR_ENVIRONMENT=tmp_path / "precious"))
    assert "precious was not made by this project" in line
    assert (tmp_path / "precious/work").exists()


def test_of_two_commands_one_installs(checkout, call):
    missing(checkout)
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


def test_every_import_is_pinned(install):
    files = [f for part in PARTS for f in (toy.REPOSITORY / part).rglob("*.py")]
    nodes = [node for f in files for node in ast.walk(ast.parse(f.read_text()))]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    text = (toy.REPOSITORY / "requirements.txt").read_text()
    pins = [name.replace("-", "_") for name, _ in install.PIN.findall(text)]
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
