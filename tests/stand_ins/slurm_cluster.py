"""A real slurm for tests: munged, slurmctld and slurmd on the loopback, a cluster of one node with two pretended GPUs.

With `accounts` it keeps them: slurmdbd, over a MariaDB of its own.

All programs of slurm read /etc/slurm, so a cluster needs root and a machine that belongs to no other cluster; one runs
at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

DAEMONS = ("munged", "slurmctld", "slurmd")
ACCOUNTS_DAEMONS = ("mariadbd", "slurmdbd")
SETTINGS = Path("/etc/slurm")
MARK = "# For the tests of Warmline: "
GPUS = 2
MEMORY = 1_000_000

# No control groups, for systemd is not at hand. A requeued job waits until its old credential has expired, here after
# the least that slurm takes. In the second partition jobs are cancelled where those of the first want their place.
CLUSTER = """\
{mark}{folder}
ClusterName=warmline
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters={consumed}
SchedulerParameters=batch_sched_delay=0,sched_interval=1
{accounting}
MpiDefault=none
MinJobAge=300
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
PartitionName=spare Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=CANCEL
"""
NO_ACCOUNTS = """\
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none"""
ACCOUNTS = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounts_port}
AccountingStoragePass={folder}/munge.socket
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill"""
DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={accounts_port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass=slurm
"""


def missing(accounts: bool = False) -> str | None:
    """Why no cluster, or none that keeps accounts, can be started here; None where one can."""
    needed = (*DAEMONS, "sbatch", "srun", "squeue", "scontrol", *(ACCOUNTS_DAEMONS if accounts else ()))
    programs = [name for name in needed if not shutil.which(name)]
    if programs:
        return f"slurm is not installed ({', '.join(programs)}): make slurm"
    if os.getuid():
        return "slurm needs root to start here"
    if _foreign_settings():
        return f"{SETTINGS}/slurm.conf belongs to another cluster"
    return None


@dataclasses.dataclass
class Cluster:
    """A running cluster and its folder."""

    folder: Path

    def jobs(self) -> list[dict[str, str]]:
        """What slurm says of every job that was ever submitted, in that order."""
        command = ["scontrol", "show", "jobs", "--oneliner", "--all"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return sorted((job for job in jobs if "JobId" in job), key=lambda job: int(job["JobId"]))

    def running(self, rule: str) -> str | None:
        """The id of the running job of a rule."""
        for job in self.jobs():
            if job["JobState"] == "RUNNING" and job["Comment"].startswith(f"rule_{rule}_"):
                return job["JobId"]
        return None


@contextlib.contextmanager
def started(accounts: bool = False) -> Iterator[Cluster]:
    """A cluster that has no jobs yet, stopped at the end with all that it runs."""
    folder = Path(tempfile.mkdtemp(prefix="warmline-slurm-"))
    with FileLock("/tmp/warmline-slurm.lock"):
        _remove_left_over()
        try:
            ports = _configure(folder, accounts)
            _start(folder, ports if accounts else None)
            yield Cluster(folder)
        finally:
            _stop(folder)
            for name in ("slurm.conf", "gres.conf", "slurmdbd.conf"):
                (SETTINGS / name).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)


def _foreign_settings() -> bool:
    path = SETTINGS / "slurm.conf"
    return path.exists() and not path.read_text().startswith(MARK)


def _remove_left_over() -> None:
    """Stop the cluster of a test run that was killed."""
    path = SETTINGS / "slurm.conf"
    if path.exists():
        assert not _foreign_settings()
        _stop(Path(path.read_text().split("\n", 1)[0].removeprefix(MARK)))


@dataclasses.dataclass(frozen=True)
class _Ports:
    controller: int
    node: int
    accounts: int
    database: int


def _configure(folder: Path, accounts: bool) -> _Ports:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    for number in range(GPUS):
        (folder / f"gpu{number}").touch()
    host = socket.gethostname().split(".")[0]
    ports = _Ports(*_free_ports(4))
    SETTINGS.mkdir(exist_ok=True)
    values = {"mark": MARK, "folder": folder, "host": host, "cpus": os.cpu_count() or 1, "gpus": GPUS, "memory": MEMORY}
    accounting = ACCOUNTS.format(folder=folder, accounts_port=ports.accounts) if accounts else NO_ACCOUNTS
    # Only memory that is handed out is watched.
    values |= {"consumed": "CR_Core_Memory" if accounts else "CR_Core"}
    text = CLUSTER.format(**values, controller_port=ports.controller, node_port=ports.node, accounting=accounting)
    (SETTINGS / "slurm.conf").write_text(text)
    if accounts:
        path = SETTINGS / "slurmdbd.conf"
        path.touch(mode=0o600)
        path.write_text(DATABASE.format(folder=folder, accounts_port=ports.accounts, database_port=ports.database))
    (SETTINGS / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n")
    return ports


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


def _start(folder: Path, accounts: _Ports | None) -> None:
    munge = [f"--socket={folder}/munge.socket", f"--seed-file={folder}/munge.seed", f"--key-file={folder}/munge.key"]
    files = [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log"]
    subprocess.run(["munged", "--force", *munge, *files], check=True, capture_output=True, timeout=30)
    if accounts:
        _start_accounts(folder, accounts)
    for command in (["slurmctld", "-c"], ["slurmd"]):
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    deadline = time.monotonic() + 30
    while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout:
        logs = [path.read_text() for path in sorted(folder.glob("slurm*.log"))]
        assert time.monotonic() < deadline, "\n".join(["slurm does not start", *logs])
        time.sleep(0.1)


def _start_accounts(folder: Path, ports: _Ports) -> None:
    data, server = f"--datadir={folder}/database", f"--socket={folder}/database.socket"
    install = ["mariadb-install-db", data, "--user=root", "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, capture_output=True, timeout=60)
    network = [f"--port={ports.database}", "--bind-address=127.0.0.1", f"--pid-file={folder}/mariadbd.pid"]
    with open(folder / "database.log", "w") as log:
        command = ["mariadbd", "--no-defaults", data, "--user=root", server, *network, "--innodb-buffer-pool-size=64M"]
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    grant = "CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm'; GRANT ALL ON *.* TO slurm@'127.0.0.1';"
    _repeat(["mariadb", "--no-defaults", server, "-e", grant])
    subprocess.run(["slurmdbd"], check=True, capture_output=True, timeout=30)
    _repeat(["sacctmgr", "--immediate", "add", "cluster", "warmline"])


def _repeat(command: list[str]) -> None:
    """Run a command until what it talks to is there."""
    deadline = time.monotonic() + 30
    while (result := subprocess.run(command, capture_output=True, text=True)).returncode:
        assert time.monotonic() < deadline, result.stderr
        time.sleep(0.2)


def _stop(folder: Path) -> None:
    if (folder / "slurmctld.pid").exists():
        subprocess.run(["scancel", f"--user={os.getuid()}", "--full"], capture_output=True, timeout=30)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and subprocess.run(["squeue", "-h"], capture_output=True).stdout:
            time.sleep(0.2)
    for name in (*reversed(DAEMONS[1:]), *reversed(ACCOUNTS_DAEMONS), DAEMONS[0]):
        path = folder / f"{name}.pid"
        if path.exists() and name in _command(number := int(path.read_text())):
            os.kill(number, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while name in _command(number) and time.monotonic() < deadline:
                time.sleep(0.05)


def _command(number: int) -> str:
    """The command line of a process; nothing where there is none, or where it has ended."""
    try:
        return Path(f"/proc/{number}/cmdline").read_text()
    except OSError:
        return ""
