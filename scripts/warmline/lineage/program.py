"""Scripts and library as they are written: modules, their top-level statements, and what names in them stand for.

A statement (a function, a class, a constant) is reduced to its program: comments, docstrings, line breaks and
annotations are left out, and each name that stands for something elsewhere is a mark. So neither the place of a
statement nor the name of a module is part of it.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warmline.lineage import digests
from warmline.lineage.errors import UserError

LIBRARY = "warmline"

# Who calls these finds definitions by names that only the running program knows; the last two, if called with nothing.
_LOOKS_NAMES_UP = {"globals", "eval", "exec", "__import__"}
_LISTS_NAMES = {"locals", "vars"}
_MENTIONS_NAMES = {"__globals__", "builtins"}

# Who mentions these runs modules by names or paths.
_FINDS_MODULES = {"import_module", "run_module", "run_path", "find_spec"}

# Who mentions these may read annotations.
_READS_ANNOTATIONS = {
    *("get_type_hints", "get_annotations", "__annotations__", "signature", "getfullargspec"),
    *("singledispatch", "singledispatchmethod", "validate_call", "BaseModel", "TypeAdapter"),
    *("TypedDict", "HfArgumentParser"),
}

# Who mentions these may read a file that lies in the library.
_READS_DATA = {"__file__", "__path__", "files", "resources", "PackageLoader", "get_data"}

# Packages whose decorators keep no list of what they decorate.
_PLAIN_DECORATORS = {"dataclasses", "functools", "contextlib", "typing", "abc", "enum"}

# What may be the path of such a file, or of its folder.
_PATH = re.compile(r"\w[\w./-]*")

# What the module dataclasses looks for in annotations.
_FIELD_KINDS = re.compile(r"\b(ClassVar|InitVar|KW_ONLY)\b")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclasses.dataclass(frozen=True)
class External:
    """A module of another package, or a name in it: `polars`, `collections.abc:Mapping`."""

    name: str


@dataclasses.dataclass(frozen=True)
class Named:
    """A name that statements of a module bind."""

    module: Module
    name: str


@dataclasses.dataclass(frozen=True)
class Import:
    """A name that an import statement binds to a module, or to `attribute` of it; `loaded` is what it imports."""

    bound: str
    module: str
    attribute: str | None
    loaded: str


class Module:
    """A parsed file: which statements bind which name, what it imports, and what it does when it is imported.

    `name` is a module's dotted name, or the path of a script.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.statements: list[Statement] = []
        self.bindings: dict[str, list[Statement]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.effects: list[Statement] = []
        """Statements that do more than bind a name."""
        self.guarded: list[Statement] = []
        """What runs only where the file is the program."""
        for node in ast.parse(path.read_bytes(), filename=str(path)).body:
            self._add(node)

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that it stands in; of a package its own name."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def stars(self) -> list[str]:
        """The modules of which it imports all names."""
        return [imported.module for imported in self.imports.get("*", [])]

    def _add(self, node: ast.stmt) -> None:
        if _is_string(node) or _tests(node, "TYPE_CHECKING"):
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            for imported in _imports(node, self):
                self.imports.setdefault(imported.bound, []).append(imported)
            return
        statement = Statement(self, node)
        self.statements.append(statement)
        if _tests(node, "__name__"):
            self.guarded.append(statement)
            return
        names = set(_bound(node))
        owner = _changed_object(node)
        owned = owner in self.bindings and all(_makes(bound.node) for bound in self.bindings[owner])
        if owner in self.bindings:
            names.add(owner)
        grows = isinstance(node, ast.AugAssign) and not names & {*self.bindings}
        for name in names:
            self.bindings.setdefault(name, []).append(statement)
        if grows or names == {"_"} or not (owned if owner else names and _only_binds(node)):
            self.effects.append(statement)


Target = External | Named | Module


class Statement:
    """A top-level statement of a module."""

    def __init__(self, module: Module, node: ast.stmt) -> None:
        self.module = module
        self.node = node

    @property
    def labels(self) -> list[str]:
        """Where it stands, for people: its module and each name that it binds, or the line."""
        names = sorted(set(_bound(self.node))) or [f"line {self.node.lineno}"]
        return [f"{self.module.name}:{name}" for name in names]

    @functools.cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.node))

    @functools.cached_property
    def imports(self) -> list[Import]:
        """What it imports when it runs."""
        found = [node for node in self._nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        return [imported for node in found for imported in _imports(node, self.module)]

    @functools.cached_property
    def global_names(self) -> set[str]:
        """The names in it that some scope of it looks up in the module, those that it imports itself among them."""
        text = ast.unparse(self.node)
        if self.imports:
            text = ast.unparse(_WithoutImports().visit(ast.parse(text)))
        return set(_global_names(symtable.symtable(text, self.labels[0], "exec")))

    @functools.cached_property
    def _attributes(self) -> set[str]:
        return {node.attr for node in self._nodes if isinstance(node, ast.Attribute)}

    @functools.cached_property
    def mentioned(self) -> set[str]:
        """Every name in it, of variables and of attributes."""
        return {node.id for node in self._nodes if isinstance(node, ast.Name)} | self._attributes

    @functools.cached_property
    def strings(self) -> list[str]:
        """Every string in it but for docstrings; of a string with blanks to fill, its parts."""
        alone = {id(node.value) for node in self._nodes if isinstance(node, ast.Expr)}
        constants = [node for node in self._nodes if isinstance(node, ast.Constant) and id(node) not in alone]
        return [node.value for node in constants if isinstance(node.value, str)]

    @functools.cached_property
    def looks_names_up(self) -> bool:
        calls = [node.func for node in self._nodes if isinstance(node, ast.Call) and not node.args]
        lists = any(isinstance(called, ast.Name) and called.id in _LISTS_NAMES for called in calls)
        by_module = {"modules", "getattr"} <= self.mentioned
        return bool(_LOOKS_NAMES_UP & self.global_names or _MENTIONS_NAMES & self.mentioned) or lists or by_module

    @property
    def finds_modules(self) -> bool:
        """Whether it runs modules whose names do not stand in it."""
        named = any(text.startswith(f"{LIBRARY}.") for text in self.strings)
        return bool(self.mentioned & _FINDS_MODULES) and not named

    @functools.cached_property
    def reads_annotations(self) -> bool:
        names_fields = "fields" in self.mentioned and "type" in self._attributes
        return bool(self.mentioned & _READS_ANNOTATIONS) or names_fields

    @functools.cached_property
    def reads_data(self) -> bool:
        return bool(self.mentioned & _READS_DATA)


@dataclasses.dataclass(frozen=True)
class Reduced:
    """A statement's program with marks in place of references, as a digest, and what the marks stand for, in order."""

    digest: str
    targets: tuple[Target, ...]


class Program:
    """Scripts and library, parsed as far as they are asked for.

    `scripts` is the folder that holds the folders of the stages and the library.
    """

    def __init__(self, scripts: Path) -> None:
        self.scripts = scripts
        self.library = scripts / LIBRARY
        self._modules: dict[str, Module | None] = {}
        self._reduced: dict[tuple[Statement, bool], Reduced] = {}
        self._acting: dict[Module, list[Statement]] = {}

    def start(self, name: str) -> Module:
        """A script by its path in the folder of scripts, or a module by its dotted name.

        Raises UserError if it is not there.
        """
        if name in self._modules or not name.endswith(".py"):
            if module := self.module(name):
                return module
            raise UserError(
                f"{name}: there is no such module in {self.library}. Expected a name like warmline.calls.ledger."
            )
        path = self.scripts / name
        if not path.is_file():
            raise UserError(f"{path} does not exist. Name a script by its path in {self.scripts}, like answers/ask.py.")
        module = self._modules[name] = Module(name, path)
        return module

    def module(self, name: str) -> Module | None:
        """A module or package of the library by its dotted name; None if there is none."""
        if name not in self._modules:
            first, *rest = name.split(".")
            stem = self.library.joinpath(*rest)
            paths = [stem / "__init__.py", *([stem.with_suffix(".py")] if rest else [])]
            path = next((path for path in paths if path.is_file()), None) if first == LIBRARY else None
            self._modules[name] = Module(name, path) if path else None
        return self._modules[name]

    def modules_below(self, package: str) -> list[Module]:
        """The modules of a package and of those below it, without the package's own file."""
        folder = self.library.joinpath(*package.split(".")[1:])
        stems = (path.relative_to(self.library).with_suffix("").parts for path in sorted(folder.rglob("*.py")))
        names = (".".join([LIBRARY, *(parts[:-1] if parts[-1] == "__init__" else parts)]) for parts in stems)
        return [module for name in names if name != package and (module := self.module(name))]

    def resolve(self, module: Module, name: str, seen: frozenset[Named] = frozenset()) -> list[Target]:
        """What a global name of a module stands for: several if it is bound in several ways, none if it is built in."""
        here = Named(module, name)
        if here in seen:
            return []
        targets: list[Target] = [here] if name in module.bindings else []
        for imported in module.imports.get(name, []):
            targets += self.resolve_import(imported, seen | {here})
        for star in filter(None, map(self.module, module.stars)):
            targets += self.resolve(star, name, seen | {here})
        if not targets and module.is_package and (below := self.module(f"{module.name}.{name}")):
            targets = [below]
        return list(dict.fromkeys(targets))

    def resolve_import(self, imported: Import, seen: frozenset[Named] = frozenset()) -> list[Target]:
        """What an imported name stands for."""
        module = self.module(imported.module)
        if module and imported.attribute:
            # A name that is not found may come from the module's own __getattr__.
            return self.resolve(module, imported.attribute, seen) or [module]
        if module:
            return [module]
        return [External(f"{imported.module}:{imported.attribute}" if imported.attribute else imported.module)]

    def reduced(self, statement: Statement, annotations: bool) -> Reduced:
        """A statement's program and what it refers to; with its annotations, if they count."""
        key = (statement, annotations)
        if key not in self._reduced:
            writer = _Writer(self, statement, annotations)
            text = writer.text(statement.node)
            named = [target for target in writer.targets if isinstance(target, Named)]
            bound = [found for target in named for found in target.module.bindings[target.name]]
            folders = [found for found in bound if found.reads_data]
            data = map(digests.of_file, self._data(statement)) if statement.reads_data or folders else []
            self._reduced[key] = Reduced(digests.of_value([text, *data]), tuple(writer.targets))
        return self._reduced[key]

    def _data(self, statement: Statement) -> Iterator[Path]:
        """The files that strings in a statement name, in its module's folder or in the library's."""
        beside = statement.module.path.parent
        named = [
            folder / text for text in filter(_PATH.fullmatch, statement.strings) for folder in (beside, self.library)
        ]
        # The folder itself counts where its path is made: elsewhere a word may be alike by chance.
        folders = _data_below if statement.reads_data else lambda _: []
        found = [file for path in dict.fromkeys(named) for file in ([path] if path.is_file() else folders(path))]
        # Whoever puts a name together may read any file beside the module.
        yield from found or (_data_below(beside) if statement.reads_data else [])

    def acts_when_imported(self, module: Module) -> list[Statement]:
        """The statements of a module that do something where it is imported, whatever is used of it.

        A definition does if a decorator of the library sees it, or a class of the library that wants to know what is
        derived from it.
        """
        if module not in self._acting:
            seen = [s for s in module.statements if s not in module.effects and self._is_seen(s)]
            self._acting[module] = [*module.effects, *seen]
        return self._acting[module]

    def _is_seen(self, statement: Statement) -> bool:
        node = statement.node
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        decorators = [target for expression in node.decorator_list for target in self._targets(statement, expression)]
        plain = [isinstance(t, External) and re.split("[.:]", t.name)[0] in _PLAIN_DECORATORS for t in decorators]
        return not all(plain) or (isinstance(node, ast.ClassDef) and self._has_hook(statement, frozenset()))

    def _has_hook(self, statement: Statement, seen: frozenset[Statement]) -> bool:
        """Whether a class of the library that this one derives from, however far, runs code for it."""
        node = statement.node
        if not isinstance(node, ast.ClassDef) or statement in seen:
            return False
        if node.keywords or (seen and _methods(node) & {"__init_subclass__", "__new__", "__set_name__"}):
            return True
        targets = [target for base in node.bases for target in self._targets(statement, base)]
        parents = [bound for t in targets if isinstance(t, Named) for bound in t.module.bindings[t.name]]
        return any(self._has_hook(parent, seen | {statement}) for parent in parents)

    def _targets(self, statement: Statement, expression: ast.expr) -> list[Target]:
        writer = _Writer(self, statement, annotations=False)
        writer.text(expression)
        return writer.targets


class _Writer:
    """Writes a statement's program as text, with a mark in place of each name that stands for something elsewhere."""

    def __init__(self, program: Program, statement: Statement, annotations: bool) -> None:
        self.program = program
        self.statement = statement
        self.annotations = annotations
        self.targets: list[Target] = []
        self.imports: dict[str, list[Import]] = {}
        self.in_class = False
        for imported in statement.imports:
            self.imports.setdefault(imported.bound, []).append(imported)

    def text(self, node: Any) -> str:
        if isinstance(node, list):
            return "[" + ",".join(filter(None, map(self.text, node))) + "]"
        if not isinstance(node, ast.AST):
            return f"{type(node).__name__}:{node!r}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self._unused_imports(node)
        if _is_string(node):
            return ""
        if isinstance(node, ast.AnnAssign) and not self.in_class and not self.annotations:
            value = node.value
            return f"Assign(targets=[{self.text(node.target)}],value={self.text(value)})" if value else ""
        if isinstance(node, ast.Name | ast.Attribute) and (marked := self._reference(node)):
            return marked
        outside, self.in_class = self.in_class, isinstance(node, ast.ClassDef)
        fields = [f"{name}={self.text(value)}" for name, value in self._fields(node)]
        self.in_class = outside
        return f"{type(node).__name__}({','.join(fields)})"

    def _fields(self, node: ast.AST) -> Iterator[tuple[str, Any]]:
        for name, value in ast.iter_fields(node):
            if name in ("ctx", "kind", "type_comment") or value is None or value == []:
                continue
            if name in ("annotation", "returns") and not self.annotations:
                if kind := _FIELD_KINDS.search(ast.unparse(value)):
                    yield name, kind[1]
            else:
                yield name, value

    def _unused_imports(self, node: ast.Import | ast.ImportFrom) -> str:
        """An import of which nothing is used is made for what it does; the others are seen where they are used."""
        unused = [i for i in _imports(node, self.statement.module) if i.bound not in self.statement.global_names]
        marks = [str(self._mark(target)) for imported in unused for target in self.program.resolve_import(imported)]
        return f"Import({','.join(marks)})" if marks else ""

    def _reference(self, node: ast.Name | ast.Attribute) -> str | None:
        """The marks for a global name and what is left of its attributes; None for what has no meaning elsewhere."""
        attributes: list[str] = []
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            attributes.insert(0, root.attr)
            root = root.value
        if not isinstance(root, ast.Name) or not isinstance(root.ctx, ast.Load):
            return None
        if root.id not in self.statement.global_names:
            return None
        # Of one name, an import in one function and a binding of the module in another are not kept apart.
        imported = [target for one in self.imports.get(root.id, []) for target in self.program.resolve_import(one)]
        targets = list(dict.fromkeys([*imported, *self.program.resolve(self.statement.module, root.id)]))
        if not targets:
            return None
        while attributes and len(targets) == 1 and isinstance(targets[0], Module):
            further = self.program.resolve(targets[0], attributes[0])
            if not further:
                break
            targets, attributes = further, attributes[1:]
        return (
            f"<{'|'.join(str(self._mark(target)) for target in targets)}>{''.join(f'.{name}' for name in attributes)}"
        )

    def _mark(self, target: Target) -> int:
        if target not in self.targets:
            self.targets.append(target)
        return self.targets.index(target)


class _WithoutImports(ast.NodeTransformer):
    """Takes imports away, so that what they bind is seen as a global name."""

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        return ast.Pass()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        return ast.Pass()


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    # In the body of a class a name may be looked up in the module before it is bound.
    in_class = table.get_type() == "class"
    for symbol in table.get_symbols():
        if symbol.is_global() or (in_class and symbol.is_referenced()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def _is_string(node: Any) -> bool:
    """Whether a statement is a string that stands alone: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _tests(node: ast.stmt, name: str) -> bool:
    """Whether a statement is `if TYPE_CHECKING:` or `if __name__ == ...:`, without an else."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    if isinstance(node.test, ast.Compare) and not isinstance(node.test.ops[0], ast.Eq):
        return False
    test = node.test.left if isinstance(node.test, ast.Compare) else node.test
    return (isinstance(test, ast.Name) and test.id == name) or (isinstance(test, ast.Attribute) and test.attr == name)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds in the scope that it stands in."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
        yield from (name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names)
        if isinstance(node, _FUNCTIONS):
            yield from (name for part in (*node.decorator_list, node.args) for name in _bound(part))
    elif isinstance(node, _SCOPES):
        yield from (part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    else:
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _only_binds(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return not any(
            isinstance(part, ast.Attribute | ast.Subscript) for target in node.targets for part in ast.walk(target)
        )
    if isinstance(node, ast.ClassDef):
        return all(_is_string(part) or isinstance(part, ast.Pass) or _only_binds(part) for part in node.body)
    return isinstance(node, (*_FUNCTIONS, ast.AnnAssign, ast.AugAssign))


def _makes(node: ast.stmt) -> bool:
    """Whether a statement binds its name to an object that it makes itself, or changes such an object."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not isinstance(node.value, ast.Name | ast.Attribute)
    return isinstance(node, ast.AugAssign | ast.Expr | ast.Delete)


def _data_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".py", ".pyc")]


def _changed_object(node: ast.stmt) -> str | None:
    """The name whose object a statement changes: by an attribute, an item, or a method of it."""
    if isinstance(node, ast.Assign | ast.Delete) and len(node.targets) == 1:
        root = node.targets[0]
    elif isinstance(node, ast.AugAssign):
        root = node.target
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        root = node.value.func
    else:
        return None
    if isinstance(root, ast.Name):
        return None
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    return root.id if isinstance(root, ast.Name) else None


def _methods(node: ast.stmt) -> set[str]:
    return {part.name for part in ast.walk(node) if isinstance(part, _FUNCTIONS)}


def _imports(node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            if alias.asname or first != LIBRARY:
                yield Import(alias.asname or first, alias.name, None, alias.name)
            else:
                yield Import(LIBRARY, LIBRARY, None, alias.name)
        return
    name = node.module or ""
    if node.level:
        parts = module.name.split(".")
        above = parts[: len(parts) - node.level + module.is_package]
        name = ".".join([*above, *filter(None, [name])])
    for alias in node.names if name != "__future__" else []:
        yield Import(alias.asname or alias.name, name, alias.name, f"{name}.{alias.name}")
