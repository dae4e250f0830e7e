"""The profile for slurm, as Snakemake's reader of profiles sees it under the settings of a site."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from repository import REPOSITORY
from snakemake_executor_plugin_slurm.partitions import read_partition_file
from yte import process_yaml

SITE = Path("profiles/slurm/site.yaml")


def profile(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> dict[str, Any]:
    """The profile of a repository at `folder` whose site has these settings."""
    shutil.copytree(REPOSITORY / "profiles", folder / "profiles")
    site = yaml.safe_load((folder / SITE).read_text())
    assert settings.keys() <= site.keys()
    (folder / SITE).write_text(yaml.safe_dump({**site, **settings}))
    monkeypatch.chdir(folder)
    with open("profiles/slurm/config.yaml") as file:
        read: dict[str, Any] = process_yaml(file, require_use_yte=True)
    return read


def test_what_a_site_leaves_empty_is_left_to_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = profile(tmp_path, monkeypatch)
    assert read["executor"] == "slurm"
    assert not {"slurm-qos", "slurm-status-command", "slurm-partition-config"} & read.keys()
    assert "slurm_account" not in read["default-resources"]


def test_what_a_site_names_reaches_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partitions = {"cpu": {"max_runtime": "1d"}, "gpu": {"max_gpu": 8, "available_gpu_models": ["h100"]}}
    names = {"account": "psych", "qos": "long", "status-command": "squeue", "cpus-per-gpu": 6}
    read = profile(tmp_path, monkeypatch, **names, partitions=partitions)
    assert (read["slurm-qos"], read["slurm-status-command"]) == ("long", "squeue")
    assert read["default-resources"]["slurm_account"] == "psych"
    assert read["default-resources"]["cpus_per_gpu"] == 6
    cpu, gpu = read_partition_file(Path(read["slurm-partition-config"]))
    assert (cpu.name, cpu.limits.max_runtime, cpu.limits.max_gpu) == ("cpu", 24 * 60, 0)
    assert (gpu.name, gpu.limits.max_gpu) == ("gpu", 8)
