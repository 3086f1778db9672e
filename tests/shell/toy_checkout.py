"""A checkout with the real shell files around a project of one line.

Its one package, `tinypin`, is a wheel of a few bytes, so that environments are really
made, by the real pip, in a second. Each command prints what it was started with.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
WRAPPERS = sorted(
    file.stem
    for file in (REPOSITORY / "reproduce").glob("*.sh")
    if file.stem not in ("bootstrap", "slurm")
)
PIN = "tinypin==1.0"
_MODULE = """
import json, os, sys, reproduce, tinypin
print(json.dumps({
    "checkout": os.path.dirname(os.path.dirname(reproduce.__file__)),
    "version": tinypin.VERSION, "prefix": sys.prefix, "folder": os.getcwd(),
    "home": os.environ.get("HOME"), "words": sys.argv[1:],
}))
"""


def module(wrapper):
    """The module that a wrapper runs."""
    text = (REPOSITORY / "reproduce" / f"{wrapper}.sh").read_text()
    return re.search(r"-m reproduce\.(\w+)", text)[1]


def write(folder, text=PIN):
    """Makes the checkout, without an environment; returns its folder."""
    (folder / "reproduce").mkdir(parents=True)
    for file in (REPOSITORY / "reproduce").glob("*.sh"):
        shutil.copy(file, folder / "reproduce")
    shutil.copy(REPOSITORY / "reproduce" / "install.py", folder / "reproduce")
    for name in ("__init__", *map(module, WRAPPERS)):
        text_of_module = "" if name == "__init__" else _MODULE
        (folder / "reproduce" / f"{name}.py").write_text(text_of_module)
    (folder / "requirements.txt").write_text(f"{text}  # why\n")
    return folder


def wheel(folder, name, version, code):
    """Writes a wheel of one module."""
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", code)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        file.writestr(f"{about}/METADATA", head)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{about}/WHEEL", tags)
        names = (f"{name}.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD")
        file.writestr(f"{about}/RECORD", "".join(f"{n},,\n" for n in names))


def call(*words, folder, wheels, home, **variables):
    """Runs a command; returns the ended process.

    Args:
      words: of the command; without a "/" in the first, it is looked up on PATH.
      folder: the current one.
      wheels: folder that pip takes packages from, and nowhere else.
      home: folder of the user.
      variables: more of the process's, None to leave one out.
    """
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "HOME": str(home)}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON", "SLURM", "ASR_"))
    }
    merged = kept | own | {"PYTHON": sys.executable} | variables
    return subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env={name: str(value) for name, value in merged.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def told(process):
    """What the command printed about itself, if it ended well."""
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def error_of(process):
    """The one line of a command that failed, without what it said of its progress."""
    lines = process.stderr.splitlines()
    lines = [line for line in lines if not line.startswith(("Installing", "Waiting"))]
    assert process.returncode != 0 and process.stdout == "" and len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]
