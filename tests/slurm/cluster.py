"""A Slurm cluster of one node on this machine: munged, slurmctld and slurmd."""

import contextlib
import getpass
import os
import platform
import shutil
import socket
import subprocess
import time

DAEMONS = ("munged", "slurmctld", "slurmd")
_CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """The daemons that this machine does not have."""
    return [name for name in DAEMONS if _program(name) is None]


@contextlib.contextmanager
def running(folder):
    """Starts the daemons; yields the variables with which Slurm's commands find them.

    Args:
      folder: an empty folder for their state and logs, with a short path (sockets).
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host, user = platform.node().split(".")[0], getpass.getuser()
    text = _CONFIGURATION.format(host=host, user=user, folder=folder, ports=_ports(2))
    (folder / "slurm.conf").write_text(text)
    surroundings = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    munge = [f"--{k}-file={folder}/munge.{k}" for k in ("key", "pid", "log", "seed")]
    munge.append(f"--socket={folder}/munge.socket")
    words = {
        "munged": ["--foreground", "--force", *munge],
        "slurmctld": ["-D", "-i"],
        "slurmd": ["-D", "-N", host],
    }
    with contextlib.ExitStack() as stack:
        for name in DAEMONS:
            log = stack.enter_context(open(folder / f"{name}.log", "w"))
            into = {"stdout": log, "stderr": subprocess.STDOUT}
            daemon = subprocess.Popen(
                [_program(name), *words[name]], env=surroundings, **into
            )
            stack.callback(_end, daemon)
            if name == "munged":
                _wait_for((folder / "munge.socket").exists, folder / "munged.log")
        _wait_for(lambda: "idle" in _state(surroundings), folder / "slurmd.log")
        try:
            yield surroundings
        finally:  # jobs would outlive the daemons
            words = ["scancel", "--user", getpass.getuser()]
            subprocess.run(words, env=surroundings, check=True)
            _wait_for(lambda: "idle" in _state(surroundings), folder / "slurmd.log")


def _state(surroundings):
    words = ["sinfo", "--noheader", "--format=%T"]
    ended = subprocess.run(words, env=surroundings, capture_output=True, text=True)
    return ended.stdout


def _wait_for(condition, log, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


def _end(daemon):
    daemon.terminate()
    daemon.wait(60)


def _ports(number):
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


def _program(name):
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
