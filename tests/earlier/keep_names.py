"""Let programs bear the code digests that they had at a commit, after a change that leaves every byte of a study alone.

    snakemake -n && python tests/earlier/keep_names.py COMMIT [SCRIPT ...]

All programs, or those of these scripts. First show that the bytes are the same: build the tiny study with both, and
compare. What this adds to earlier.json is what makes finished studies plan nothing.
"""

from __future__ import annotations

import json
import sys

from warmline.cli.explain_code import scripts_at
from warmline.lineage import reach
from warmline.lineage.code_digests import KEPT
from warmline.lineage.places import SCRIPTS
from warmline.lineage.program import LIBRARY, Program

EARLIER = "warmline/workflow/earlier.json"


def main(commit: str, *only: str) -> None:
    known = json.loads(KEPT.read_text(encoding="utf-8"))["known"]
    content = json.loads((SCRIPTS / EARLIER).read_text(encoding="utf-8"))
    with scripts_at(commit) as folder:
        names = json.loads((folder / EARLIER).read_text(encoding="utf-8"))["code"]
        before, after = Program(folder), Program(SCRIPTS)
        scripts = (str(path.relative_to(SCRIPTS)) for path in SCRIPTS.glob("*/*.py") if path.parent.name != LIBRARY)
        figures = (f"figures/draw.py warmline.figures.{path.stem}" for path in SCRIPTS.glob("warmline/figures/*.py"))
        for words in map(str.split, sorted({*scripts, *figures, *known})):
            if words[0].endswith(".py") and not (folder / words[0]).is_file():
                continue
            if only and words[0] not in only:
                continue
            then, now = (reach.of_script(program, *words).digest for program in (before, after))
            if now != then and then in names:
                content["code"][now] = names[then]
                print(*words)
    content["code"] = dict(sorted(content["code"].items()))
    (SCRIPTS / EARLIER).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
