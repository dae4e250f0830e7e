"""What a script can reach: the definitions that its digest covers, and no others (lineage rule 2).

A script covers its own statements, the definitions that they name, those that these name, and so on; a class counts
whole. The digest is taken over the graph of these definitions: where they stand, in which order, and how modules are
called is no part of it.

Where names do not show what is reached, more counts. A module counts whole if it is used other than by its attributes,
if a string names it (for `import_module` or `python -m`), or if one of its definitions looks names up by itself.
Annotations count where something may read them. Statements with effects count wherever their module is imported.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from warmline.lineage import digests
from warmline.lineage.program import LIBRARY, External, Module, Named, Program, Statement, Target


@dataclasses.dataclass(frozen=True)
class Reach:
    """What a script covers: one digest for all of it, and the digest of each statement by itself."""

    digest: str
    statements: Mapping[Statement, str]

    def definitions(self) -> dict[str, str]:
        """The digest of each definition that is covered, by its module and name."""
        return _together((label, digest) for statement, digest in self.statements.items() for label in statement.labels)

    def modules(self) -> dict[str, str]:
        """The digest of what is covered of each module, by the module's name."""
        return _together((statement.module.name, digest) for statement, digest in self.statements.items())


def _together(parts: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, digest in parts:
        found.setdefault(name, []).append(digest)
    return {name: digests.of_value(sorted(several)) for name, several in sorted(found.items())}


def of_script(program: Program, script: str, *found: str) -> Reach:
    """What a script covers, given by its path in the folder of scripts, such as `answers/ask.py`.

    `found` are modules, such as `warmline.figures.changes`, that the script finds by a name that it is given: of the
    package that it looks in, these count and no others. A module named in place of a script counts whole.
    """
    reached = _Walk(program, found, annotations=False).run(script)
    if any(statement.reads_annotations for statement in reached.statements):
        return _Walk(program, found, annotations=True).run(script)
    return reached


class _Walk:
    """One walk over what is reached, which numbers statements in the order in which it meets them."""

    def __init__(self, program: Program, found: Iterable[str], annotations: bool) -> None:
        self.program = program
        self.found = list(found)
        self.annotations = annotations
        self.numbers: dict[Statement, int] = {}
        self.imported: dict[Module, None] = {}
        """Every module that is imported, in the order of the walk."""

    def run(self, script: str) -> Reach:
        for start in map(self.program.start, [script, *self.found]):
            self._import(start)
            self._visit([*start.effects, *start.guarded] if start.name.endswith(".py") else self._whole(start))
        while waiting := list(filter(None, map(self._effects, self.imported))):
            # In an order that does not hang on the names of modules.
            self._visit(min(waiting, key=lambda effects: [self._digest(statement) for statement in effects]))
        while any("__subclasses__" in statement.mentioned for statement in self.numbers) and (
            classes := self._classes()
        ):
            self._visit(classes)
        entries = [self._entry(statement) for statement in self.numbers]
        return Reach(digests.of_value(entries), {statement: self._digest(statement) for statement in self.numbers})

    def _effects(self, module: Module) -> list[Statement]:
        """What a module does when it is imported, as far as it has not been walked."""
        return [statement for statement in self.program.acts_when_imported(module) if statement not in self.numbers]

    def _classes(self) -> list[Statement]:
        """The classes of all modules that are imported, as far as they have not been walked."""
        found = [s for module in self.imported for s in module.statements if isinstance(s.node, ast.ClassDef)]
        return sorted((s for s in found if s not in self.numbers), key=self._digest)

    def _digest(self, statement: Statement) -> str:
        return self.program.reduced(statement, self.annotations).digest

    def _whole(self, module: Module) -> list[Statement]:
        """All statements of a module, of the modules below it, and what it imports by name."""
        modules = [module, *(self.program.modules_below(module.name) if module.is_package else [])]
        statements = [statement for part in modules for statement in part.statements]
        for part in modules:
            for imported in (
                imported for several in part.imports.values() for imported in several if imported.bound != "*"
            ):
                for target in self.program.resolve_import(imported):
                    statements += target.module.bindings[target.name] if isinstance(target, Named) else []
            for star in filter(None, map(self.program.module, part.stars)):
                statements += star.statements
        return sorted(dict.fromkeys(statements), key=self._digest)

    def _import(self, module: Module) -> None:
        """Note a module as imported, with the packages above it and what it imports itself."""
        waiting = [module]
        while waiting:
            module = waiting.pop()
            if module in self.imported:
                continue
            self.imported[module] = None
            parts = module.name.split(".")
            names = [".".join(parts[:depth]) for depth in range(1, len(parts))]
            for imported in (imported for several in module.imports.values() for imported in several):
                names += [imported.module, imported.loaded]
            waiting += filter(None, map(self.program.module, names))

    def _visit(self, statements: Iterable[Statement]) -> None:
        """Number these statements and all that they reach, depth first; without recursion, as chains may be long."""
        stack = [iter(list(statements))]
        while stack:
            statement = next(stack[-1], None)
            if statement is None:
                stack.pop()
            elif statement not in self.numbers:
                self.numbers[statement] = len(self.numbers)
                stack.append(self._reached_from(statement))

    def _reached_from(self, statement: Statement) -> Iterator[Statement]:
        for imported in statement.imports:
            for module in filter(None, map(self.program.module, (imported.module, imported.loaded))):
                self._import(module)
        for target in self._targets(statement):
            yield from self._statements(target)

    def _targets(self, statement: Statement) -> Iterator[Target]:
        yield from self.program.reduced(statement, self.annotations).targets
        if statement.looks_names_up:
            yield statement.module
        package = statement.module.package
        if statement.finds_modules and not any(name.startswith(f"{package}.") for name in self.found):
            yield from filter(None, [self.program.module(package)])
        if {"-m", LIBRARY} <= {*statement.strings}:
            yield from filter(None, [self.program.module(f"{LIBRARY}.__main__")])
        for text in statement.strings:
            if text.startswith(f"{LIBRARY}."):
                package = text.rstrip(".")
                if package == text or not any(name.startswith(text) for name in self.found):
                    yield from filter(None, [self.program.module(package)])

    def _statements(self, target: Target) -> list[Statement]:
        if isinstance(target, External):
            return []
        if isinstance(target, Named):
            self._import(target.module)
            return target.module.bindings[target.name]
        self._import(target)
        return self._whole(target)

    def _entry(self, statement: Statement) -> list[Any]:
        """A statement's own digest and what its marks stand for: names of other packages, numbers of statements."""
        references = [
            [
                # One statement may bind several names.
                "" if isinstance(target, Module) else target.name,
                *(self.numbers[found] for found in self._statements(target)),
            ]
            for target in self._targets(statement)
        ]
        return [self._digest(statement), *references]
