"""A checkout with the real shell files around a project of one line.

Its one package, `tinypin`, is a wheel of a few bytes, so that environments are really
made, by the real pip, in seconds. Each command prints what it was started with.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

from reproduce import REPOSITORY

COMMANDS = {  # the module that each script runs
    file.stem: re.search(r"sh\" reproduce\.(\w+)", file.read_text())[1]
    for file in sorted((REPOSITORY / "reproduce").glob("*.sh"))
    if file.stem not in ("bootstrap", "slurm")
}
_MODULE = """
import json, os, sys, reproduce, tinypin
print(json.dumps({
    "checkout": os.path.dirname(os.path.dirname(reproduce.__file__)),
    "version": tinypin.VERSION, "prefix": sys.prefix, "folder": os.getcwd(),
    "home": os.environ.get("HOME"), "words": sys.argv[1:],
}))
"""


def write(folder):
    """Makes the checkout, without an environment; returns its folder."""
    (folder / "reproduce").mkdir(parents=True)
    for file in (REPOSITORY / "reproduce").glob("*.sh"):
        shutil.copy(file, folder / "reproduce")
    (folder / "reproduce/__init__.py").touch()
    for module in COMMANDS.values():
        (folder / "reproduce" / f"{module}.py").write_text(_MODULE)
    (folder / "requirements.txt").write_text("tinypin==1.0  # why\n")
    return folder


def wheel(folder, name, version, code):
    """Writes a wheel of one module."""
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": f"{name}.py,,\n",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", code)
        for part, text in texts.items():
            file.writestr(f"{name}-{version}.dist-info/{part}", text)


def call(*words, folder, wheels, home, **variables):
    """Runs a command; returns the ended process.

    Args:
      words: of the command.
      folder: the current one.
      wheels: folder that pip takes packages from, and nowhere else.
      home: folder of the user.
      variables: more of the process's, None to leave one out.
    """
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "HOME": home}
    foreign = ("PIP_", "PYTHON", "SLURM", "ASR_", "XDG_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
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
    lines = [line for line in lines if not line.startswith("Installing")]
    assert process.returncode != 0 and process.stdout == "" and len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]
