"""What runs a process, for job records and the files of the ledger."""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import sys
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
    return {name: importlib.metadata.version(name) for name in wanted if name in imported}


def _device() -> str:
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({platform.machine()})"
