"""The machine, packages and code of a run, for its record."""

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
    """The run's environment, a dict ready for JSON."""
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
    """The versions of packages, a dict; None for one that is not installed."""
    installed = dict.fromkeys(packages)
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[name] = importlib.metadata.version(name)
    return installed


def usable_cores():
    """The number of processor cores that this process may use.

    A Slurm job may be bound to its cores, or only be given their number per task.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(cores, int(allotted))) if allotted.isdecimal() else cores


def processor():
    """The processor's name and vector extension, or else the type of the machine.

    The length of vectors sets the order of summation, and so a seed's exact numbers.
    """
    file = pathlib.Path("/proc/cpuinfo")
    cpuinfo = file.read_text("utf-8") if file.exists() else ""
    name = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    if name is None:
        return platform.processor() or platform.machine()
    extensions = {"avx512f": ", AVX-512", "avx2": ", AVX2"}
    present = [title for flag, title in extensions.items() if f" {flag} " in cpuinfo]
    return name[1].strip() + "".join(present[:1])


@functools.cache  # once a process, since later commits are not the code that runs
def git():
    """The commit of the code, and whether the code differs from it; or None twice."""

    def output(*words):
        command = ["git", "-C", REPOSITORY, *words]
        return subprocess.check_output(command, stderr=subprocess.PIPE, text=True)

    try:
        commit = output("rev-parse", "HEAD").strip()
        changes = output("status", "--porcelain", "-uno", "--", *CODE)
    except (OSError, subprocess.CalledProcessError) as error:  # no git, no repository
        said = getattr(error, "stderr", None) or str(error)
        line = said.strip().split("\n")[0]
        print(f"git: {line}; the record will not name a commit", file=sys.stderr)
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(changes)}
