"""Where and with what a run was done, for its record."""

import functools
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys

from reproduce import REPOSITORY

PACKAGES = ("tensorflow", "tensorflow-probability", "keras", "numpy", "scipy")
CODE = ("air", "asr", "data", "reproduce", "requirements.txt")


def describe(device, threads, packages=PACKAGES):
    """The run's surroundings.

    Args:
      device: name of the device that computed.
      threads: number of threads the computation was given.
      packages: names of the packages that matter.

    Returns:
      A dict ready for JSON: device, cores, threads, python, platform, peak memory of
      this process in megabytes, and the versions of the packages that matter.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return {
        "device": device,
        "cores": usable_cores(),
        "threads": threads,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "peak_memory_megabytes": round(peak / unit),
        "packages": versions(packages),
    }


def versions(packages=PACKAGES):
    """The versions of packages, None for one that is not installed: a dict."""
    return {name: _version(name) for name in packages}


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
    """The processor's name, or the machine's type where it is not told."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git():
    """The commit of the code, and whether the code differs from it.

    Returns:
      A dict {"commit": 40 hex digits, "dirty": bool}; both None outside git.
    """
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no", "--", *CODE)
    if commit is None or status is None:
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(status)}


def _git(*words):
    try:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except subprocess.CalledProcessError as error:
        if "dubious ownership" in error.stderr:
            _say_refused()
        return None
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@functools.cache  # once a process
def _say_refused():
    print(
        f"git refuses {REPOSITORY}, which another user owns: records will name no "
        f"commit (git config --global --add safe.directory {REPOSITORY})",
        file=sys.stderr,
    )


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
