"""What is pinned is installed into the environment, whatever pip is told elsewhere."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time

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
    words = [checkout / ".venv/bin/python", "-m", "pip", "uninstall", "-qy", "tinypin"]
    subprocess.run(words, check=True, capture_output=True)
    (checkout / COPY).write_text("")


@pytest.mark.parametrize("place", ["variable", "file"])
@pytest.mark.parametrize(
    "settings",
    [
        ["user=yes"],
        ["target={}"],
        ["prefix={}", "report={}/report", "constraint={}/other.txt"],
        ["dry-run=yes", "no-binary=:all:", "require-hashes=yes"],
    ],
    ids=lambda settings: settings[0],
)
def test_pip_s_settings_do_not_matter(settings, place, checkout, call, tmp_path):
    missing(checkout)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.txt").write_text("tinypin==2.0\n")
    settings = dict(one.format(elsewhere).split("=", 1) for one in settings)
    variables = {f"PIP_{k.upper().replace('-', '_')}": v for k, v in settings.items()}
    if place == "file":
        lines = ["[install]", *(f"{name} = {settings[name]}" for name in settings)]
        (tmp_path / "home/.config/pip").mkdir(parents=True)
        (tmp_path / "home/.config/pip/pip.conf").write_text("\n".join(lines))
        variables = {}
    found = toy.told(call(*TABLE, **variables))
    assert found["version"] == "1.0"
    assert [path.name for path in elsewhere.iterdir()] == ["other.txt"]


def test_ways_to_the_packages_are_the_user_s(made, checkout, call, tmp_path):
    missing(checkout)
    (tmp_path / "pip.conf").write_text(
        f"[global]\nno-index = true\n[install]\nfind-links =\n    /nowhere\n"
        f"    {made / 'wheels'}\n"
    )
    own = {"PIP_CONFIG_FILE": tmp_path / "pip.conf"}
    none = {"PIP_FIND_LINKS": None, "PIP_NO_INDEX": None}
    assert toy.told(call(*TABLE, **own, **none))["version"] == "1.0"


def test_what_cannot_be_imported_is_not_installed(checkout, call):
    """pip ends well; the package does not."""
    (checkout / "requirements.txt").write_text("tinypin==1.0\nbroken==1.0\n")
    line = toy.error_of(call(*TABLE))
    assert "broken cannot be imported: ImportError: no library" in line
    assert not (checkout / COPY).exists()  # the next call tries again


def test_another_version_is_told(checkout, install):
    assert install.check(["pytest==0.1"]).endswith("is installed in place of 0.1")


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


def test_only_a_lock_without_life_is_taken_over(install, tmp_path, monkeypatch):
    monkeypatch.setattr(install, "TOUCH_SECONDS", 0.05)
    monkeypatch.setattr(install, "STALE_SECONDS", 1)
    (tmp_path / "lock").touch()  # left by a process that was killed
    held = threading.Event()

    def hold():
        with install.lock(tmp_path / "lock"):
            held.set()
            time.sleep(3)
            ended.append(time.monotonic())

    ended = []
    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    with install.lock(tmp_path / "lock"):
        assert ended and time.monotonic() >= ended[0]
    thread.join()
    assert not list(tmp_path.iterdir())


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
