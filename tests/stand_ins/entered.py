"""What each script of a study really used of the library: measured with coverage, and read off the bytecode.

Nothing here asks warmline.lineage.reach, which is tested against it.
"""

from __future__ import annotations

import ast
import dis
import functools
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from coverage import CoverageData

MEASURED = "WARMLINE_MEASURED"
"""The variable that names the folder for what is measured."""

# What a job does begins after its imports, with warmline.lineage.script.run.
HOOK = f"""
import os, sys, uuid

if folder := os.environ.get("{MEASURED}"):
    import coverage
    from warmline.lineage import script as library

    script = next((word for word in sys.orig_argv[1:] if word.endswith(".py")), "none")
    name = "+".join(script.rpartition("scripts/")[2].split("/"))
    scripts = os.path.dirname(os.path.abspath(__file__))
    data = f"{{folder}}/{{name}}+{{uuid.uuid4().hex}}"
    # The process that a job was forked from is no part of its program.
    parts = {{"include": [f"{{scripts}}/warmline/*"], "omit": [f"{{scripts}}/warmline/forkserver/*"]}}
    measured = coverage.Coverage(data, config_file=False, **parts)
    run = library.run

    def measured_run(*arguments, **options):
        measured.start()
        try:
            run(*arguments, **options)
        finally:
            measured.stop()
            measured.save()

    library.run = measured_run
"""


def install(scripts: Path) -> None:
    """Have every job measure itself where the environment asks for it: python reads this file when it starts."""
    (scripts / "sitecustomize.py").write_text(HOOK)


def lines(folder: Path, scripts: Path) -> dict[str, dict[str, set[int]]]:
    """The lines that ran of each module, by script and the module's path within the folder of scripts."""
    found: dict[str, dict[str, set[int]]] = {}
    for path in folder.iterdir():
        data = CoverageData(str(path))
        data.read()
        script = "/".join(path.name.split("+")[:-1])
        for file in data.measured_files():
            name = str(Path(file).relative_to(scripts.resolve()))
            found.setdefault(script, {}).setdefault(name, set()).update(data.lines(file) or ())
    return found


Definition = tuple[str, str]
"""A module's path within the folder of scripts, and a top-level name in it."""


def definition(label: str) -> Definition:
    """The definition that warmline.lineage.reach labels so."""
    module, _, name = label.partition(":")
    return module if module.endswith(".py") else f"{module.replace('.', '/')}.py", name


def definitions(scripts: Path) -> Iterator[Definition]:
    """Every function and class of the library."""
    for path in sorted((scripts / "warmline").rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield str(path.relative_to(scripts)), node.name


def entered(ran: dict[str, set[int]], scripts: Path) -> set[Definition]:
    """The definitions of which a function was entered."""
    return {
        (name, top)
        for name, numbers in ran.items()
        for top, code in functions(scripts / name)
        if numbers & _own_lines(code)
    }


def used(ran: dict[str, set[int]], scripts: Path) -> set[Definition]:
    """The definitions of which a function was entered, and those whose names such a function loads."""
    codes = [
        (name, code)
        for name, numbers in ran.items()
        for _, code in functions(scripts / name)
        if numbers & _own_lines(code)
    ]
    return entered(ran, scripts) | {loaded for name, code in codes for loaded in _loaded(code, scripts, name)}


@functools.cache
def functions(path: Path) -> list[tuple[str, CodeType]]:
    """Every function of a module, methods and functions in functions too, by the top-level name that it belongs to."""
    tree = ast.parse(path.read_bytes())
    spans = [(n.name, n.lineno, n.end_lineno) for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    code = compile(tree, str(path), "exec")
    return [
        (name, inner)
        for inner in _below(code)
        for name, first, last in spans
        if first <= max(_own_lines(inner), default=0) <= (last or first) and inner.co_flags & 0x1
    ]


def _below(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _below(constant)


def _own_lines(code: CodeType) -> set[int]:
    """The lines of a function's body; that of `def` runs when its module is imported."""
    return {line for _, _, line in code.co_lines() if line and line > code.co_firstlineno}


def _loaded(code: CodeType, scripts: Path, name: str) -> Iterator[Definition]:
    """What a function loads by global names, or as attributes of modules."""
    bound, imported = _names(scripts / name, scripts)
    instructions = list(dis.get_instructions(code))
    for this, after in zip(instructions, [*instructions[1:], None], strict=True):
        if this.opname != "LOAD_GLOBAL":
            continue
        if this.argval in bound:
            yield name, this.argval
        elif this.argval in imported:
            module, attribute = imported[this.argval]
            if attribute is None and after and after.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                attribute = after.argval
            path = _path(scripts, module)
            if path and attribute in _names(scripts / path, scripts)[0]:
                yield path, attribute


@functools.cache
def _names(path: Path, scripts: Path) -> tuple[frozenset[str], dict[str, tuple[str, str | None]]]:
    """The names that a module binds itself, and those that it imports from the library."""
    bound: set[str] = set()
    imported: dict[str, tuple[str, str | None]] = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "warmline":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = _path(scripts, whole) is not None
                imported[alias.asname or alias.name] = (whole, None) if is_module else (node.module, alias.name)
    return frozenset(bound), imported


def _path(scripts: Path, module: str) -> str | None:
    stem = "/".join(module.split("."))
    return next((name for name in (f"{stem}.py", f"{stem}/__init__.py") if (scripts / name).is_file()), None)


def imported(scripts: Path, script: str, *named: str) -> set[str]:
    """The paths of all modules that a script can import, whatever it uses of them.

    `named` are modules that it finds by names that it is given.
    """
    found = {f"{name.replace('.', '/')}.py" for name in named}
    waiting = [script, *found]
    while waiting:
        for node in ast.walk(ast.parse((scripts / waiting.pop()).read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            new = {path for name in names if (path := _path(scripts, name))} - found
            found |= new
            waiting += new
    return found
