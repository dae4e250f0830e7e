"""How many scripts an edit of one definition makes stale: by definitions, by whole modules, and how many really ran it.

Definitions are the functions and classes of the library. The last figure is measured with coverage while a tiny study
is built; scripts that it has no job for are left out of all three.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/stand_ins"), str(REPOSITORY / "scripts")]

import entered  # noqa: E402
import tiny_model  # noqa: E402
from study_copy import StudyCopy  # noqa: E402

from warmline.lineage import reach  # noqa: E402
from warmline.lineage.program import Program  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = StudyCopy.create(REPOSITORY, folder / "study", tiny_model.save(folder / "tiny"))
        scripts = copy.folder / "scripts"
        entered.install(scripts)
        (folder / "measured").mkdir()
        copy.run(variables={entered.MEASURED: str(folder / "measured")})
        ran = entered.lines(folder / "measured", scripts)
        figures = [f"warmline.figures.{name}" for name in copy.config()["figures"]]
        program = Program(scripts)
        covered = {
            script: {entered.definition(label) for label in reach.of_script(program, script, *found).definitions()}
            for script in ran
            for found in [figures if script == "figures/draw.py" else []]
        }
        imported = {script: entered.imported(scripts, script) for script in ran}
        entered_by = {script: entered.entered(lines, scripts) for script, lines in ran.items()}
        everything = list(entered.definitions(scripts))
    print(
        f"{len(everything)} functions and classes, {len(ran)} scripts; scripts stale in the mean after an edit of one:"
    )
    counts = {
        "the scripts whose digest covers it": sum(d in covered[s] for s in ran for d in everything),
        "the scripts that can import its module": sum(d[0] in imported[s] for s in ran for d in everything),
        "the scripts that really ran it": sum(d in entered_by[s] for s in ran for d in everything),
    }
    for what, count in counts.items():
        print(f"{what:<40} {count / len(everything):.2f}")


if __name__ == "__main__":
    main()
