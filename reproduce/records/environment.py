"""Where and with what a run was done, for its record."""

import contextlib
import functools
import importlib.metadata
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys

from reproduce import REPOSITORY

PACKAGES = ("tensorflow", "tensorflow-probability", "keras", "numpy", "scipy")
CODE = ("air", "asr", "data", "reproduce", "requirements.txt")


def describe(device, threads, packages=PACKAGES):
    """The run's surroundings, a dict ready for JSON."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return {
        "device": device,
        "cores": usable_cores(),
        "threads": threads,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "peak_memory_megabytes": round(peak / unit),  # of this process
        "packages": versions(packages),
    }


def versions(packages=PACKAGES):
    """The versions of packages, None for one that is not installed: a dict."""
    found = dict.fromkeys(packages)
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def usable_cores():
    """The processor cores that this process may use, a number.

    A Slurm job may be bound to them, or only told how many each task has.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    told = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(cores, int(told))) if told.isdecimal() else cores


def processor():
    """The processor's name and vectors, or the machine's type where they are not told.

    The length of vectors sets the order of sums, and so the numbers of a seed.
    """
    file = pathlib.Path("/proc/cpuinfo")
    text = file.read_text("utf-8") if file.exists() else ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    if name is None:
        return platform.processor() or platform.machine()
    known = {"avx512f": ", AVX-512", "avx2": ", AVX2"}
    vectors = [told for flag, told in known.items() if f" {flag} " in text]
    return name[1].strip() + "".join(vectors[:1])


@functools.cache  # once a process, and before another commit may follow
def git():
    """The commit of the code, and whether the code differs from it; or None twice."""
    words = ["rev-parse", "HEAD"], ["status", "--porcelain", "-uno", "--", *CODE]
    found = []
    for each in words:
        try:
            command, pipe = ["git", "-C", REPOSITORY, *each], subprocess.PIPE
            git = subprocess.run(command, stdout=pipe, stderr=pipe, text=True)
            fault = git.stderr.strip() if git.returncode else None
        except OSError as error:  # there is no git
            fault = error.strerror
        if fault:
            told = fault.split("\n")[0]
            print(f"git: {told}; the record will not name a commit", file=sys.stderr)
            return {"commit": None, "dirty": None}
        found.append(git.stdout.strip())
    return {"commit": found[0], "dirty": bool(found[1])}
