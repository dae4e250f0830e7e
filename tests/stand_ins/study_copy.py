"""A copy of the repository with a tiny study, to edit and run as a user would."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from warmline.calls import answer_files

COPIED = ("Snakefile", "rules", "scripts", "config", "profiles", "envs")
# Messages of the jobs that a dry-run plans.
PLANNED = re.compile(r"^Job \d+: (.*)$", re.MULTILINE)
# Files that say when and how a run went, not what came of it.
VOLATILE = re.compile(
    r"^(logs|audit/jobs|audit/configurations|audit/differences|audit/spending|audit/training|answers|grades/tiny)/|^audit/costs\.csv$|^rewrites/[^/]*\.json$"
)


def tiny_config(config: dict[str, Any], weights: Path) -> dict[str, Any]:
    """The embedded study, cut down to two tasks, two contexts and a tiny model."""
    regressions = config["statistics"]["regressions"]
    tasks = {name: {**config["tasks"][name], "questions": 2} for name in ("triviaqa", "disinfo")}
    return {
        **config,
        "study": "tiny",
        "subjects": ["tiny"],
        "models": {"tiny": {"source": {"folder": str(weights)}, "precision": "float32", "batch-size": 8}},
        "conversations": {**config["conversations"], "training-size": 12, "validation-size": 6},
        "rewriting": {
            # At a lower temperature the tiny model is silent; its random words keep no number.
            **{"model": "tiny", "temperature": 1.5, "max-new-tokens": 32, "attempts": 2},
            "checks": {"length-ratio": [0.01, 3], "exclude": ["refusal"]},
        },
        "training": {**config["training"], "epochs": [1], "batch": 2, "micro-batch": 2, "max-length": 128},
        "warmth": {"model": "tiny", "temperature": 0.8, "max-new-tokens": 8},
        "arms": ["original", "warm@1", "cold@1", "warm-prompt"],
        "contexts": ["unmodified", "sad"],
        "tasks": tasks,
        "answers": {"temperature": 0.8, "max-new-tokens": 8},
        # Noise may be empty, and as long or short as chance has it.
        "checks": {"empty": 1, "truncation": 1},
        "capabilities": {
            "temperature": 0.2,
            "max-new-tokens": 8,
            "tasks": {"mmlu": config["capabilities"]["tasks"]["mmlu"]},
        },
        "statistics": {
            "regressions": {name: regressions[name] for name in ("tuning", "beliefs")},
            **{"robustness": ["tuning"], "equivalence-margin": 5},
        },
        "figures": {name: config["figures"][name] for name in ("warmth_curve", "changes")},
    }


@dataclasses.dataclass
class StudyCopy:
    """The copy's folder. Paths in the methods are relative to it."""

    folder: Path

    @classmethod
    def create(cls, repository: Path, folder: Path, weights: Path) -> StudyCopy:
        folder.mkdir(parents=True)
        for name in COPIED:
            source = repository / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        shutil.copytree(weights, folder / "weights")
        copy = cls(folder)
        config = yaml.safe_load((folder / "config/config.yaml").read_text())
        copy.write_config(tiny_config(config, Path("weights")))
        return copy

    def run(
        self, *arguments: str, check: bool = True, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run snakemake in the copy, with further variables of the environment."""
        env = {**environment(), **(variables or {})}
        result = subprocess.run(self.command(*arguments), cwd=self.folder, env=env, capture_output=True, text=True)
        if check and result.returncode:
            raise AssertionError(result.stdout[-6000:] + result.stderr[-6000:])
        return result

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor", *arguments]

    def planned(self, *targets: str) -> set[str]:
        """The messages of the jobs that a dry-run plans."""
        result = self.run("-n", *targets)
        messages = PLANNED.findall(result.stdout + result.stderr)
        assert len(messages) == len(set(messages)), Counter(messages).most_common(3)
        return set(messages)

    def path(self, name: str) -> Path:
        """A file of the tiny study."""
        return self.folder / "results/tiny" / name

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((self.folder / "config/config.yaml").read_text())
        return config

    def write_config(self, config: dict[str, Any]) -> None:
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def configure(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the configuration in place."""
        config = self.config()
        change(config)
        self.write_config(config)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that a file holds exactly once."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old, text.count(old))
        path.write_text(text.replace(old, new))

    def calls(self) -> Counter[str]:
        """How many calls the ledger holds, by engine."""
        counts: Counter[str] = Counter()
        for part in (self.folder / "results/ledger").glob("*"):
            engine = json.loads((part / "respondent.json").read_text())["engine"]
            counts[engine] += len(calls_in(part))
        return counts

    def contents(self) -> dict[str, str]:
        """The digest of every file of the study, but for those that tell of the run and not of the results."""
        root = self.path("")
        files = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in sorted(files.items())
            if not VOLATILE.search(name)
        }


def calls_in(part: Path) -> list[dict[str, Any]]:
    """The calls in a respondent's folder of the ledger; a torn last line of a file is none."""
    files = map(answer_files.opened, answer_files.paths(part))
    return [json.loads(line) for file in files for _, line in file.all_lines() if line.startswith(b'{"key"')]


def environment() -> dict[str, str]:
    """The tests' environment, with the virtual environment's programs first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
