"""A Slurm cluster of one node, this machine, for as long as a test needs it; on the loopback address alone.

The daemons run in the foreground as children of the test, with their own key, ports and folders, and end with it.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000
PartitionName=test Nodes={host} Default=YES State=UP
"""


def why_not():
    """Why no cluster can be started here, or None."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=search_path())]
    if missing:
        return f"not installed: {', '.join(missing)} (scripts/setup.sh --tests)"
    if os.geteuid() != 0:
        return "the daemons of Slurm need root"
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return f"Slurm needs this machine's own name, {socket.gethostname()}, to resolve (/etc/hosts)"
    return None


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def kill_all_of(configuration: Path):
    """Ends what the cluster started and left: job steps leave the process tree, but keep the environment."""
    mark = f"SLURM_CONF={configuration}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def wait_until(condition, what: str, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


class Cluster:
    def __init__(self, folder: Path):
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration), "PATH": search_path()}
        self.environment.pop("SLURM_CPUS_PER_TASK", None)  # of the test run, not of the jobs
        self.daemons = []

    def start(self):
        self.folder.chmod(0o755)  # munged wants its socket within reach of all
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for name in ("spool", "state"):
            (self.folder / name).mkdir()
        names = {"folder": self.folder, "host": socket.gethostname().split(".")[0], "cpus": min(2, os.cpu_count())}
        self.configuration.write_text(CONFIGURATION.format(**names, controller_port=free_port(), node_port=free_port()))
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        files = {"key-file": key, "socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log", "seed-file": "munged.seed"}
        self.run_daemon("munged", "--foreground", *(f"--{option}={self.folder / file}" for option, file in files.items()))
        self.wait_for((self.folder / "munge.socket").exists)
        self.run_daemon("slurmctld", "-D")
        self.run_daemon("slurmd", "-D")
        self.wait_for(lambda: "idle" in self.command("sinfo", "--noheader", "--format=%T", check=False))

    def run_daemon(self, *command):
        with open(self.folder / f"{command[0]}.txt", "wb") as messages:
            daemon = subprocess.Popen(command, env=self.environment, stdout=messages, stderr=messages, preexec_fn=die_with_parent)
        self.daemons.append(daemon)

    def wait_for(self, condition):
        """Until `condition` holds; fails with what the daemons said if it does not, or if one of them has ended."""

        def holds_or_lost():
            return condition() or any(daemon.poll() is not None for daemon in self.daemons)

        with contextlib.suppress(AssertionError):
            wait_until(holds_or_lost, "the cluster")
        messages = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.txt"))
        assert condition(), messages

    def command(self, *command, check=True):
        done = subprocess.run([*map(str, command)], env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done
        return done.stdout

    def jobs(self):
        return self.command("squeue", "--noheader").splitlines()

    def stop(self):
        with contextlib.suppress(Exception):
            self.command("scancel", "--user=root", check=False)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(timeout=5)
        kill_all_of(self.configuration)
        for daemon in self.daemons:
            daemon.wait(timeout=10)


@contextlib.contextmanager
def slurm_node():
    """with slurm_node() as cluster: ... Nothing of it is left afterwards."""
    # Below /run: munged trusts no socket below a folder that others may write to, as /tmp.
    with tempfile.TemporaryDirectory(prefix="cordlesion-slurm-", dir="/run") as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
