"""The array script on a real Slurm: run by `bash tests/run.sh --slurm`, in minutes.

Needs munged, slurmctld and slurmd; Debian: apt-get install munge slurmctld slurmd.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

import cluster
import pytest

from reproduce import REPOSITORY

RUNS, CANCELLED = 4, 1  # the first four; of AIR-pPrior-13
SECONDS = 1800  # for all of it

pytestmark = pytest.mark.skipif(
    os.environ.get("ASR_TEST_SLURM") != "1", reason="bash tests/run.sh --slurm runs it"
)


@pytest.fixture
def slurm():
    """Runs a command where Slurm's are; tells it on the terminal (pytest -s)."""
    assert not cluster.missing(), f"not installed: {', '.join(cluster.missing())}"
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        with cluster.running(pathlib.Path(folder)) as surroundings:

            def run(*words, tell=True):
                into = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
                place = {"env": surroundings, "cwd": REPOSITORY}
                ended = subprocess.run(words, text=True, **place, **into)
                if tell:
                    print("$", *words, f"\n{ended.stdout}", flush=True)
                assert ended.returncode == 0, ended.stdout
                return ended.stdout

            yield run


def test_an_array_trains_the_table(slurm, tmp_path):
    """Four runs, one of them cancelled and requeued: all have records at the end."""
    results, logs = tmp_path / "results", [tmp_path / f"{i}.out" for i in range(RUNS)]
    options = ("--smoke", "--results", str(results))
    words = ("--parsable", f"--array=0-{RUNS - 1}", f"--output={tmp_path}/%a.out")
    job = slurm("sbatch", *words, "reproduce/slurm.sh", "table1", *options).strip()
    task, log = f"{job}_{CANCELLED}", logs[CANCELLED]
    wait_for(lambda: text(log), logs)  # it has said that it begins
    slurm("squeue", "--array")
    slurm("scancel", task)
    wait_for(lambda: state(slurm, task) == "CANCELLED", logs)
    assert not list(results.glob("runs/table1/pprior-13/*/record.json"))
    slurm("scontrol", "requeue", task)
    slurm("squeue", "--array")
    wait_for(lambda: slurm("squeue", "--noheader", tell=False) == "", logs)
    for log in logs:
        print(f"--- {log.name}\n{text(log)}")
    assert [state(slurm, f"{job}_{i}") for i in range(RUNS)] == ["COMPLETED"] * RUNS

    slurm("bash", "reproduce/table1.sh", "--notrain", *options)
    rows = json.loads((results / "table1.json").read_text())["rows"]
    trained = [row["metrics"] is not None for row in rows if row["preset"] == "paper"]
    assert trained == [True] * RUNS + [False] * (9 - RUNS)


def state(slurm, task):
    """The state of a task: "RUNNING", "CANCELLED", "COMPLETED", ..."""
    words = ("scontrol", "show", "job", "--oneliner", task)
    return slurm(*words, tell=False).partition("JobState=")[2].split()[0]


def text(log):
    return log.read_text() if log.exists() else ""


def wait_for(condition, logs):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "\n".join(map(text, logs))
        time.sleep(2)
