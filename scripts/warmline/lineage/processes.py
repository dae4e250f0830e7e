"""What runs a process, for job records and the files of the ledger."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def this() -> dict[str, Any]:
    """The host, the device, and the versions of Python and of the packages that this process has imported."""
    return {
        "packages": _package_versions(),
        "python": platform.python_version(),
        "device": _device(),
        "host": socket.gethostname(),
    }


def _package_versions() -> dict[str, str]:
    imported = {name.partition(".")[0] for name in sys.modules}
    wanted = [
        "snakemake",
        "polars",
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "detoxify",
        "statsmodels",
        "altair",
        "jinja2",
    ]
    # Looking a version up among the installed packages takes milliseconds.
    told = {name: getattr(sys.modules.get(name), "__version__", None) for name in wanted if name in imported}
    return {name: version or importlib.metadata.version(name) for name, version in told.items()}


def _device() -> str:
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({platform.machine()})"


def identity() -> dict[str, Any]:
    """What tells this process from all others, for `has_ended`."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "place": place(), "born": born(os.getpid())}


def has_ended(said: Mapping[str, Any]) -> bool:
    """Whether the process of an `identity` is one of this machine that has ended. False where that cannot be known."""
    if said.get("place") is None or said["place"] != place():
        return False
    try:
        os.kill(said["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # Another user's. It is there, though we may not see since when.
        return False
    return bool(born(said["pid"]) != said["born"])


def place() -> str | None:
    """Where the number of a process means the same one: this start of the machine, this container. None if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def born(pid: int) -> str | None:
    """When a process began, in ticks since the machine's start; None if that cannot be seen, or if it has ended."""
    try:
        # The name in brackets may hold anything. State and begin are the 3rd and the 22nd field.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
