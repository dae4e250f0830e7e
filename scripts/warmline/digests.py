"""Identities by content: of values, of files, and of the code that a script can reach.

The code digest follows rule 2 of the lineage: it is taken over the parsed program without docstrings, so that a
comment, a line break or a better explanation rebuilds nothing, and over every local module that the script can reach
by import, so that a changed function rebuilds whatever can call it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LIBRARY = "warmline"


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no blanks, UTF-8 kept; NaN and infinities are refused (ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def of_value(value: Any) -> str:
    """SHA-256, as 64 hexadecimal digits, of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def of_file(path: str | Path) -> str:
    """SHA-256, as 64 hexadecimal digits, of a file's bytes; memory does not grow with the file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_files(paths: Iterable[str | Path]) -> str:
    """One SHA-256 for several files of one folder: their names and contents, in the order of the names."""
    return of_value({Path(path).name: of_file(path) for path in paths})


def of_code(scripts: Path, script: str) -> str:
    """SHA-256 over a script and each local module it can reach.

    `scripts` is the folder that holds the stage folders and the library; `script` is a path in it, such as
    `screening/screen.py`.
    """
    return of_value(code_files(scripts, script))


def code_files(scripts: Path, *starts: str) -> dict[str, str]:
    """The digests of files and of each local module that they can reach by import, by path within `scripts`."""
    reached: dict[Path, str] = {}
    waiting = [scripts / start for start in starts]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached[path], imports = _parsed(path, scripts, path.stat().st_mtime_ns)
            waiting.extend(imports)
    return {str(path.relative_to(scripts)): reached[path] for path in sorted(reached)}


@functools.cache
def _parsed(path: Path, scripts: Path, _modified: int) -> tuple[str, tuple[Path, ...]]:
    """A file's own digest and the local files it imports; its modification time only guards the cache."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    imports = sorted(_imports(tree, scripts))
    program = ast.unparse(_WithoutDocstrings().visit(tree))
    return hashlib.sha256(program.encode()).hexdigest(), tuple(imports)


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops every string that stands alone: the docstrings of modules, classes and functions, and of constants."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        alone = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if alone else node


def _imports(tree: ast.AST, scripts: Path) -> set[Path]:
    found: set[Path] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            found |= _module_files(name, scripts)
    return found


def _module_files(name: str, scripts: Path) -> set[Path]:
    """The files that importing `name` runs: the packages above it and the module itself. Empty for other libraries."""
    parts = name.split(".")
    if parts[0] != LIBRARY:
        return set()
    packages = {scripts.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)}
    module = scripts.joinpath(*parts).with_suffix(".py")
    return {path for path in packages | {module} if path.is_file()}
