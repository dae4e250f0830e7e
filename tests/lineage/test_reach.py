"""What code digests cover: whatever can be reached by name, wherever it stands, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from warmline.lineage import reach
from warmline.lineage.program import Program

FILES = {
    "stage/run.py": """
from warmline import direct
from warmline.shapes import Square


def main():
    print(direct.work(Square(2)))


if __name__ == "__main__":
    main()
""",
    "stage/other.py": "import json\n",
    "warmline/__init__.py": "",
    "warmline/direct.py": '''
"""What it is for."""

from __future__ import annotations

import json as js
from typing import TYPE_CHECKING

from warmline.units import SCALE as FACTOR

if TYPE_CHECKING:
    from warmline.shapes import Square

TABLE = {"a": 1}


def work(shape: Square, times: int = 1) -> str:
    """Work."""
    from warmline.package import lazy

    total: int = lazy.number(shape.area) * times
    return js.dumps([total * FACTOR])


def beside() -> int:
    return len(TABLE)
''',
    "warmline/units.py": "SCALE = 10\nOTHER = 11\n",
    "warmline/more.py": "SCALE = 10\n",
    "warmline/shapes.py": """
import dataclasses


@dataclasses.dataclass(frozen=True)
class Square:
    side: int

    @property
    def area(self) -> int:
        return self.side**2
""",
    "warmline/package/__init__.py": "",
    "warmline/package/lazy.py": "LIMIT = 3\n\n\ndef number(x):\n    return x + LIMIT\n",
    "warmline/package/beside.py": "def nothing():\n    return 0\n",
    "warmline/package/page.html": "<p>",
}

Edit = Callable[[Path], None]


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of scripts with a library: one script reaches `direct`, and through it, lazily, `package.lazy`."""
    for name, text in FILES.items():
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "scripts"


def covered(scripts: Path, script: str = "stage/run.py", *found: str) -> reach.Reach:
    return reach.of_script(Program(scripts), script, *found)


def changes(scripts: Path, *edits: Edit) -> bool:
    """Whether edits change the digest of the script."""
    before = covered(scripts).digest
    for edit in edits:
        edit(scripts)
    return covered(scripts).digest != before


def replace(name: str, old: str, new: str) -> Edit:
    def edit(scripts: Path) -> None:
        text = (scripts / name).read_text()
        assert text.count(old) == 1, (name, old)
        (scripts / name).write_text(text.replace(old, new))

    return edit


def add(name: str, text: str) -> Edit:
    def edit(scripts: Path) -> None:
        path = scripts / name
        path.write_text((path.read_text() if path.exists() else "") + text)

    return edit


def move(old: str, new: str) -> Edit:
    return lambda scripts: shutil.move(scripts / old, scripts / new) and None


NOTHING: dict[str, list[Edit]] = {
    "a comment": [replace("warmline/package/lazy.py", "LIMIT = 3", "# At most.\nLIMIT = 3  # three")],
    "a line break": [replace("warmline/package/lazy.py", "x + LIMIT", "(\n        x\n        + LIMIT\n    )")],
    "a constant's docstring": [
        replace("warmline/package/lazy.py", "LIMIT = 3\n", 'LIMIT = 3\n"""At most so much."""\n')
    ],
    "a new docstring": [replace("warmline/package/lazy.py", "    return", '    """Add."""\n    return')],
    "other docstrings": [
        replace("warmline/direct.py", "What it is for.", "Better explained."),
        replace("warmline/direct.py", "Work.", "It works."),
    ],
    "a script's docstring": [
        replace("stage/run.py", "\nfrom warmline import direct", '"""Why."""\nfrom warmline import direct')
    ],
    "annotations of a function": [replace("warmline/direct.py", "times: int = 1) -> str:", "times=1):")],
    "the annotation of a variable": [replace("warmline/direct.py", "total: int =", "total =")],
    "the annotation of a constant": [replace("warmline/package/lazy.py", "LIMIT = 3", "LIMIT: int = 3")],
    "a field's type": [replace("warmline/shapes.py", "side: int", "side: float")],
    "imports for types": [
        replace("warmline/direct.py", "    from warmline.shapes import Square\n", "    import json\n")
    ],
    "a function beside": [replace("warmline/direct.py", "return len(TABLE)", "return len(TABLE) + 1")],
    "a constant beside": [replace("warmline/direct.py", '{"a": 1}', '{"a": 2}')],
    "another module": [replace("warmline/package/beside.py", "return 0", "return 1")],
    "another script": [replace("stage/other.py", "json", "csv")],
    "a data file that nobody names": [add("warmline/package/page.html", "!")],
    "the order of definitions": [
        replace("warmline/package/lazy.py", "LIMIT = 3\n\n\n", ""),
        add("warmline/package/lazy.py", "\n\nLIMIT = 3\n"),
    ],
    "a module renamed": [
        move("warmline/units.py", "warmline/sizes.py"),
        replace("warmline/direct.py", "warmline.units", "warmline.sizes"),
    ],
    "a module renamed that is named where it is used": [
        move("warmline/direct.py", "warmline/straight.py"),
        replace("stage/run.py", "import direct", "import straight"),
        replace("stage/run.py", "direct.work(", "straight.work("),
    ],
    "a module moved into another package": [
        move("warmline/shapes.py", "warmline/package/shapes.py"),
        replace("stage/run.py", "warmline.shapes", "warmline.package.shapes"),
    ],
    "a definition moved": [
        replace("warmline/units.py", "SCALE = 10\n", ""),
        replace("warmline/direct.py", "warmline.units", "warmline.more"),
    ],
    "a definition moved that is found where it was": [
        replace("warmline/units.py", "SCALE = 10\n", "from warmline.more import SCALE\n")
    ],
    "an import that is made earlier": [
        replace("warmline/direct.py", "    from warmline.package import lazy\n", ""),
        replace("warmline/direct.py", "import json as js", "import json as js\nfrom warmline.package import lazy"),
    ],
    "another name for what is imported": [
        replace("warmline/direct.py", "import json as js", "import json"),
        replace("warmline/direct.py", "js.dumps", "json.dumps"),
        replace("warmline/direct.py", "SCALE as FACTOR", "SCALE"),
        replace("warmline/direct.py", "* FACTOR", "* SCALE"),
    ],
    "another way to import": [
        replace("stage/run.py", "from warmline import direct", "import warmline.direct"),
        replace("stage/run.py", "direct.work", "warmline.direct.work"),
    ],
    "a constant that only comes to be": [add("warmline/units.py", "NEW = print(1)\n")],
}

SOMETHING: dict[str, list[Edit]] = {
    "the script": [replace("stage/run.py", "print(", "repr(")],
    "what the script runs": [replace("stage/run.py", "    main()\n", "    main() or main()\n")],
    "a function": [replace("warmline/direct.py", "* times", "+ times")],
    "a default": [replace("warmline/direct.py", "times: int = 1", "times: int = 2")],
    "a constant": [replace("warmline/units.py", "SCALE = 10", "SCALE = 9")],
    "what is imported late": [replace("warmline/package/lazy.py", "x + LIMIT", "x - LIMIT")],
    "a constant of what is imported late": [replace("warmline/package/lazy.py", "LIMIT = 3", "LIMIT = '''3'''")],
    "a method": [replace("warmline/shapes.py", "**2", "**3")],
    "a decorator": [replace("warmline/shapes.py", "frozen=True", "frozen=False")],
    "a field": [replace("warmline/shapes.py", "side: int", "side: int = 1")],
    "a field that becomes one of the class": [replace("warmline/shapes.py", "side: int", "side: ClassVar[int]")],
    "a constant of the same name elsewhere": [
        replace("warmline/more.py", "10", "12"),
        replace("warmline/direct.py", "warmline.units", "warmline.more"),
    ],
    "two constants that change places": [
        replace("warmline/direct.py", "SCALE as FACTOR", "OTHER as FACTOR"),
    ],
    "another library of the same name": [replace("warmline/direct.py", "import json as js", "import orjson as js")],
    "what a package does when it is imported": [add("warmline/package/__init__.py", "print('imported')\n")],
    "what the library does when it is imported": [add("warmline/__init__.py", "print('imported')\n")],
    "what a module does when it is imported": [add("warmline/shapes.py", "\nprint('imported')\n")],
    "a change of another package's module": [add("warmline/units.py", "import json\njson.dumps = None\n")],
    "a constant that is changed where it stands": [add("warmline/package/lazy.py", "LIMIT += 1\n")],
    "a second binding": [add("warmline/units.py", "if LIBRARY:\n    SCALE = 12\n")],
    "what runs only where a module is imported": [
        add("warmline/units.py", "if __name__ != '__main__':\n    SCALE = 12\n")
    ],
    "a name that is tried": [
        add(
            "warmline/units.py",
            "try:\n    import fast as quick\nexcept ImportError:\n    quick = None\nSCALE = quick\n",
        )
    ],
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_a_script_does_not_run_changes_no_digest(scripts: Path, name: str) -> None:
    assert not changes(scripts, *NOTHING[name])


@pytest.mark.parametrize("name", SOMETHING)
def test_what_a_script_can_reach_changes_its_digest(scripts: Path, name: str) -> None:
    assert changes(scripts, *SOMETHING[name])


WAYS = {
    "a look by name": [
        add("warmline/units.py", "\n\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "from warmline import units\nprint(getattr(units, 'hid' + 'den')())\n"),
    ],
    "an import by name": [
        add("warmline/units.py", "\n\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "import importlib\nimportlib.import_module('warmline.units').hidden()\n"),
    ],
    "an import by a name that is put together": [
        add("warmline/package/beside.py", "\n\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "import importlib\nimportlib.import_module(f'warmline.package.{name}').hidden()\n"),
    ],
    "a look among global names": [
        add(
            "warmline/units.py", "\n\ndef hidden():\n    return 1\n\n\ndef find(name):\n    return globals()[name]()\n"
        ),
        add("stage/run.py", "from warmline.units import find\nfind('hidden')\n"),
    ],
    "a star": [
        add("warmline/units.py", "\n\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "from warmline.units import *\nhidden()\n"),
    ],
    "a program of its own": [
        add("warmline/units.py", "\n\ndef hidden():\n    return 1\n\n\nif __name__ == '__main__':\n    hidden()\n"),
        add("stage/run.py", "import subprocess\nsubprocess.run(['python', '-m', 'warmline.units'])\n"),
    ],
    "a module given to another": [
        add("warmline/units.py", "\n\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "import runpy\nfrom warmline import units\nrunpy.run_path(units.__file__)\n"),
    ],
    "a registry that a decorator fills": [
        add("warmline/more.py", "\nFOUND = []\n\n\ndef register(function):\n    FOUND.append(function)\n"),
        add("warmline/units.py", "from warmline.more import register\n\n\n@register\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "from warmline import units\nfrom warmline.more import FOUND\nFOUND[0]()\n"),
    ],
    "a registry of derived classes": [
        add("warmline/more.py", "\n\nclass Base:\n    def __init_subclass__(cls):\n        FOUND.append(cls)\n"),
        add(
            "warmline/units.py",
            "from warmline.more import Base\n\n\nclass One(Base):\n    def hidden(self):\n        return 1\n",
        ),
        add("stage/run.py", "from warmline import units\nfrom warmline.more import FOUND\nFOUND[0]().hidden()\n"),
    ],
    "a registry by another name": [
        add("warmline/more.py", "\nFOUND = {}\n"),
        add(
            "warmline/units.py",
            "from warmline import more\n\ntable = more.FOUND\n\n\ndef hidden():\n    return 1\n\n\ntable[1] = hidden\n",
        ),
        add("stage/run.py", "from warmline import units\nfrom warmline.more import FOUND\nFOUND[1]()\n"),
    ],
    "a decorator of another package": [
        add("warmline/units.py", "import atexit\n\n\n@atexit.register\ndef hidden():\n    return 1\n"),
        add("stage/run.py", "from warmline import units\n"),
    ],
    "all classes that derive": [
        add("warmline/more.py", "\n\nclass Base:\n    pass\n"),
        add(
            "warmline/units.py",
            "from warmline.more import Base\n\n\nclass One(Base):\n    def hidden(self):\n        return 1\n",
        ),
        add("stage/run.py", "from warmline import units\nfrom warmline.more import Base\nBase.__subclasses__()\n"),
    ],
    "an import relative to a package": [
        add("warmline/package/beside.py", "\n\ndef hidden():\n    return 1\n"),
        add("warmline/package/lazy.py", "\n\ndef more(n):\n    return importlib.import_module('.' + n, __package__)\n"),
        add("stage/run.py", "from warmline.package.lazy import more\nmore('beside')\n"),
    ],
    "a relative import": [
        add("warmline/package/beside.py", "\n\ndef hidden():\n    return 1\n"),
        add("warmline/package/lazy.py", "\n\ndef more():\n    from . import beside\n    return beside.hidden()\n"),
        add("stage/run.py", "from warmline.package.lazy import more\nmore()\n"),
    ],
}


@pytest.mark.parametrize("way", WAYS)
def test_where_names_do_not_show_what_is_reached_more_counts(scripts: Path, way: str) -> None:
    for edit in WAYS[way]:
        edit(scripts)
    (place,) = (path for path in scripts.rglob("*.py") if "return 1\n" in path.read_text())
    assert changes(scripts, replace(str(place.relative_to(scripts)), "return 1\n", "return 2\n"))


def test_a_module_that_a_script_is_given_by_name_stands_for_its_package(scripts: Path) -> None:
    add("stage/run.py", "import importlib\nimportlib.import_module(f'warmline.package.{name}')\n")(scripts)
    add("warmline/package/__init__.py", '"""Figures."""\n')(scripts)
    before = covered(scripts, "stage/run.py", "warmline.package.lazy").digest
    replace("warmline/package/beside.py", "return 0", "return 1")(scripts)
    assert covered(scripts, "stage/run.py", "warmline.package.lazy").digest == before
    replace("warmline/package/lazy.py", "x + LIMIT", "x - LIMIT")(scripts)
    assert covered(scripts, "stage/run.py", "warmline.package.lazy").digest != before


@pytest.mark.parametrize(
    "text",
    [
        "from pathlib import Path\nPAGE = Path(__file__).parent / 'page.html'\n",
        "from pathlib import Path\nPAGES = Path(__file__).parent.parent / 'package'\n",
        "from pathlib import Path\nHERE = Path(__file__).parent\n\n\ndef PAGE():\n    return HERE / 'page.html'\n",
        "from importlib import resources\nPAGE = resources.files('warmline').joinpath('package/page.html')\n",
        "import jinja2\nPAGE = jinja2.PackageLoader('warmline', 'package')\n",
    ],
)
def test_a_data_file_counts_where_it_is_read(scripts: Path, text: str) -> None:
    name = "PAGES" if "PAGES" in text else "PAGE"
    add("warmline/package/lazy.py", text)(scripts)
    add("stage/run.py", f"from warmline.package.lazy import {name}\nprint({name})\n")(scripts)
    assert changes(scripts, add("warmline/package/page.html", "!"))


def test_annotations_count_where_something_reads_them(scripts: Path) -> None:
    add("stage/run.py", "import typing\nprint(typing.get_type_hints(direct.work))\n")(scripts)
    assert changes(scripts, replace("warmline/direct.py", "times: int", "times: float"))


def test_names_that_one_statement_binds_are_not_taken_for_each_other(scripts: Path) -> None:
    replace("warmline/units.py", "SCALE = 10\nOTHER = 11", "SCALE, OTHER = 10, 11")(scripts)
    assert changes(scripts, replace("warmline/direct.py", "SCALE as FACTOR", "OTHER as FACTOR"))


def test_a_class_body_reaches_what_it_takes_from_its_module(scripts: Path) -> None:
    replace("warmline/shapes.py", "import dataclasses\n", "import dataclasses\n\nside = 1\n")(scripts)
    replace("warmline/shapes.py", "side: int", "side: int = side")(scripts)
    assert changes(scripts, replace("warmline/shapes.py", "side = 1\n", "side = 2\n"))


def test_functions_that_call_each_other_are_told_apart(scripts: Path) -> None:
    add(
        "warmline/units.py", "\n\ndef odd(n):\n    return n and even(n - 1)\n\n\ndef even(n):\n    return odd(n - 1)\n"
    )(scripts)
    add("stage/run.py", "from warmline.units import even\nprint(even(2))\n")(scripts)
    assert changes(scripts, replace("warmline/units.py", "return n and", "return n or"))


def test_definitions_that_are_covered_are_listed(scripts: Path) -> None:
    assert list(covered(scripts).definitions()) == [
        "stage/run.py:line 10",
        "stage/run.py:main",
        *("warmline.direct:work", "warmline.package.lazy:LIMIT", "warmline.package.lazy:number"),
        *("warmline.shapes:Square", "warmline.units:SCALE"),
    ]
    assert list(covered(scripts).modules())[1:3] == ["warmline.direct", "warmline.package.lazy"]


def test_the_digest_is_the_same_wherever_the_code_lies(scripts: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(scripts, tmp_path / "elsewhere")
    assert covered(copy).digest == covered(scripts).digest
