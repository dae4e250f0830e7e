"""The pins of pyproject.toml, of the rules' environments and of the Makefile are those of envs/versions.txt."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from repository import REPOSITORY

VERSIONS = REPOSITORY / "envs" / "versions.txt"
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def normalised(name: str) -> str:
    """A package's name as PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: Iterable[str]) -> dict[str, str]:
    """Versions by normalised name; every line must be an exact pin."""
    found: dict[str, str] = {}
    for line in lines:
        name, separator, version = line.partition("==")
        assert separator and re.fullmatch(r"[0-9][0-9a-z.]*", version), line
        assert normalised(name) not in found, line
        found[normalised(name)] = version
    return found


LISTED = pins(line for line in VERSIONS.read_text().splitlines() if line and not line.startswith("#"))


def imported(tree: ast.Module) -> set[str]:
    """The names of the packages that a file imports when it is itself imported, its own included."""
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = [alias.name for node in statements if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in statements if isinstance(node, ast.ImportFrom)]
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_the_project_pins_the_listed_versions(extra: str | None) -> None:
    pinned = pins(PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"])
    assert pinned
    assert pinned == {name: LISTED.get(name) for name in pinned}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_pins_the_listed_versions(path: Path) -> None:
    pinned = pins(yaml.safe_load(path.read_text())["dependencies"][-1]["pip"])
    assert pinned
    assert pinned == {name: LISTED.get(name) for name in pinned}


def test_the_makefile_installs_the_listed_torch(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "envs/versions.txt").write_text("torchvision==7.7.7\ntorch==9.8.7\nother-torch==1.1.1\n")
    command = ["make", "--dry-run", ".venv/torch"]
    commands = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"torch==([0-9.]+)", commands)) == {"9.8.7"}


def test_every_package_that_is_imported_at_top_level_is_declared() -> None:
    declared = set(pins(PROJECT["dependencies"]))
    owners = importlib.metadata.packages_distributions()
    names: set[str] = set()
    for path in (REPOSITORY / "scripts").rglob("*.py"):
        names |= imported(ast.parse(path.read_bytes()))
    third_party = names - sys.stdlib_module_names - {"warmline"}
    assert {"polars", "torch", "yaml"} <= third_party
    undeclared = {
        name for name in third_party if not declared & {normalised(owner) for owner in owners.get(name, [name])}
    }
    assert not undeclared
