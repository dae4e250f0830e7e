"""Code digests cover what really runs: the finished study was measured, and digests are held against it.

What is compared with, coverage and bytecode, owes nothing to the walk that makes the digests.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import entered
import pytest
from entered import Definition
from study_copy import StudyCopy

from warmline.lineage import program, reach
from warmline.lineage.program import Module, Program, Statement, Target

# The rest of them is edited by `make soak`.
EDITS = int(os.environ.get("WARMLINE_EDITS", "30"))
FIGURES = ("warmline.figures.warmth_curve", "warmline.figures.changes")


def covered(code: Program, scripts: list[str]) -> dict[str, tuple[str, set[Definition]]]:
    """The digest of each script, and the definitions that it covers."""
    found = {}
    for script in scripts:
        reached = reach.of_script(code, script, *(FIGURES if script == "figures/draw.py" else ()))
        found[script] = (reached.digest, {entered.definition(label) for label in reached.definitions()})
    return found


def all_scripts(folder: Path) -> list[str]:
    paths = (path.relative_to(folder) for path in sorted(folder.glob("*/*.py")))
    return [str(path) for path in paths if path.parts[0] != "warmline"]


@pytest.fixture(scope="module")
def used(finished: StudyCopy, measured: dict[str, dict[str, set[int]]]) -> dict[str, set[Definition]]:
    """What each script of the finished study used of the library, at least."""
    return {script: entered.used(ran, finished.folder / "scripts") for script, ran in measured.items()}


def missed(code: Program, used: Mapping[str, set[Definition]]) -> dict[str, set[Definition]]:
    """What scripts used and their digests do not cover."""
    found = covered(code, list(used))
    return {script: lacking for script, names in used.items() if (lacking := names - found[script][1])}


def test_every_script_of_the_study_was_measured(finished: StudyCopy, used: dict[str, set[Definition]]) -> None:
    rules = {path.parent.name for path in finished.path("audit/jobs").glob("*/*.jsonl")}
    assert len(used) == len(rules) > 35
    assert all(("warmline/lineage/script.py", "_Watch") in names for names in used.values())


def test_whatever_was_entered_is_covered(finished: StudyCopy, used: dict[str, set[Definition]]) -> None:
    scripts = finished.folder / "scripts"
    assert missed(Program(scripts), used) == {}


def no_imports(statement: Statement) -> list[program.Import]:
    return []


def no_marks(writer: program._Writer, node: ast.Import | ast.ImportFrom) -> str:
    return ""


def no_constants(
    code: Program, module: Module, name: str, seen: frozenset[program.Named] = frozenset()
) -> list[Target]:
    targets = RESOLVE(code, module, name, seen)
    return [t for t in targets if not (isinstance(t, program.Named) and t.name.isupper())]


def no_attributes(writer: program._Writer, node: ast.Name | ast.Attribute) -> str | None:
    return REFERENCE(writer, node) if isinstance(node, ast.Name) else ast.unparse(node)


RESOLVE = Program.resolve
REFERENCE = program._Writer._reference

Broken = tuple[type, str, object]
BROKEN: dict[str, list[Broken]] = {
    "imports of functions": [
        (Statement, "imports", property(no_imports)),
        (program._Writer, "_unused_imports", no_marks),
    ],
    "constants": [(Program, "resolve", no_constants)],
    "attributes": [(program._Writer, "_reference", no_attributes)],
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_walk_that_overlooks_something_is_found_out(
    finished: StudyCopy, used: dict[str, set[Definition]], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    for owner, name, broken in BROKEN[what]:
        monkeypatch.setattr(owner, name, broken)
    scripts = finished.folder / "scripts"
    assert missed(Program(scripts), used)


def definitions(library: Path) -> Iterator[tuple[Path, ast.stmt, str]]:
    """Every function, class and constant of the library."""
    for path in sorted(library.rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield path, node, node.name
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield path, node, node.targets[0].id


def behave_otherwise(path: Path, node: ast.stmt) -> str:
    """A module's text in which a definition does something else."""
    text = path.read_text().split("\n")
    if isinstance(node, ast.Assign):
        value = node.value
        line = text[value.lineno - 1].encode()
        text[value.lineno - 1] = (line[: value.col_offset] + b"None and " + line[value.col_offset :]).decode()
    else:
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        documented = isinstance(node.body[0], ast.Expr) and len(node.body) > 1
        first = node.body[1 if documented else 0]
        decorators = getattr(first, "decorator_list", [])
        line_number = min([first.lineno, *(decorator.lineno for decorator in decorators)])
        text.insert(line_number - 1, f"{' ' * first.col_offset}print('otherwise')")
    return "\n".join(text)


def test_an_edit_makes_stale_what_can_reach_it(
    finished: StudyCopy, used: dict[str, set[Definition]], tmp_path: Path
) -> None:
    """Definitions drawn at random: stale is whoever used one, and nobody who cannot import its module."""
    scripts = shutil.copytree(finished.folder / "scripts", tmp_path / "scripts")
    library = scripts / "warmline"
    names = all_scripts(scripts)
    importable = {
        script: entered.imported(scripts, script, *(FIGURES if script == "figures/draw.py" else ())) for script in names
    }
    plain = Program(scripts)
    before = covered(plain, names)
    everything = list(definitions(library))
    drawn = random.Random(652).sample(everything, 200)[:EDITS]
    stale_scripts = 0
    for path, node, name in drawn:
        kept = path.read_text()
        path.write_text(behave_otherwise(path, node))
        edited = Program(scripts)
        # What was not edited is not parsed again.
        module = str(path.relative_to(scripts))
        edited._modules = {key: value for key, value in plain._modules.items() if value is None or value.path != path}
        after = covered(edited, names)
        stale = {script for script in names if after[script][0] != before[script][0]}
        assert stale >= {script for script, found in used.items() if (module, name) in found}, (module, name)
        assert stale <= {script for script in names if module in importable[script]}, (module, name)
        stale_scripts += len(stale)
        path.write_text(kept)
    assert stale_scripts > 0
