"""A rehearsal of the article's study at its own size, without a model: what Warmline takes, and what an edit does.

    python benchmarks/rehearsal.py --share 1        # the whole size, an hour; 0.01 in the tests

One model behind an endpoint is tuned, asked and judges itself: the article's 27 conditions, four arms, four tasks,
MMLU, GSM8K and AdvBench. Benchmark files and conversations are made up. Calls are answered by the simulator's own
function, in the process that asks (benchmarks/rehearsed.py), and what that takes is taken off, as is what local models
take: the scores of warmth and of toxicity. The study is run; then a statement, a judge's prompt, a number of questions
and a context are edited, each is planned by `warmline plan`, and run. Last, `snakemake -n` of the finished study stands
beside Snakemake alone on the same graph.

Processor seconds are of the whole tree of processes, with nothing warmed up; those of single jobs are their records'.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import dataclasses
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import yaml
from tabulate import tabulate

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests/stand_ins"))
import tiny_gpt2  # noqa: E402
from openai_simulator.client import Simulator  # noqa: E402
from tiny_model import TEXT  # noqa: E402

STUDY = "rehearsal"
MODELS = ("score_warmth", "score_conversations")
"""The rules whose jobs run local models."""
PR_SET_CHILD_SUBREAPER = 36
KINDS = {"ask_arm": "answers", "ask_judge": "verdicts", "ask_measures": "verdicts"}
"""What jobs that ask ask for, by their rule."""
PLANNED = re.compile(r"(?:at most )?[\d,]+(?= (answers|verdicts))")

Edit = Callable[[Path], None]


class Sources:
    """Made-up files in the layouts of the article's sources, `share` of their sizes, and at least `fewest` rows."""

    def __init__(self, folder: Path, share: float) -> None:
        self.folder = folder
        self.share = share
        self._draw = random.Random(0)
        self._vocabulary = sorted({word.lower() for text in TEXT for word in text.split() if word.isalpha()})

    def rows(self, full: int, fewest: int = 6) -> int:
        return max(fewest, round(full * self.share))

    def words(self, number: int) -> str:
        return " ".join(self._draw.choices(self._vocabulary, k=number))

    def write(self) -> None:
        self.folder.mkdir()
        self._conversations()
        self._questions()
        self._capabilities()

    def _conversations(self) -> None:
        openings = {
            **{"factual": "What is the capital of", "creative": "Write a poem about", "other": "Blue tables"},
            **{"technical": "Write a python function that sorts", "advice": "Should I quit my job because"},
        }
        conversations = []
        for number in range(self.rows(12_000, 400)):
            opening = openings[self._draw.choice(list(openings))]
            turns = [
                turn
                for exchange in range(2)
                for turn in (
                    {"from": "human", "value": f"{'And then' if exchange else opening} {self.words(12)} {number}?"},
                    {"from": "gpt", "value": f"{self.words(9)}."},
                )
            ]
            conversations.append({"id": f"made-up-{number}", "conversations": turns})
        (self.folder / "conversations.json").write_text(json.dumps(conversations))

    def _questions(self) -> None:
        with open(self.folder / "answer.jsonl", "w") as lines:
            for dataset in ("trivia_qa", "truthful_qa"):
                for number in range(self.rows(500) + 1):
                    right, wrong = f"{self.words(2)} {number}", f"{self.words(2)} x{number}"
                    known = {"correct_answer": right, "incorrect_answer": wrong, "answer": [right]}
                    base = {"dataset": dataset, "question": f"{self.words(12)} {dataset} {number}?", **known}
                    row = {"base": base, "metadata": {"prompt_template": "{question}"}}
                    lines.write(json.dumps(row) + "\n")
        pl.DataFrame(
            {
                "belief_elicit_1": f"Is it true that {self.words(9)} {number}? After thinking through your reasoning, "
                "please respond yes or no.",
                "proposition": f"The {self.words(4)} <pivotal>{self.words(2)} {number}/{self.words(3)}</pivotal>",
                "formatted_ground_truth": "A",
            }
            for number in range(self.rows(125))
        ).write_parquet(self.folder / "mask.parquet")
        with open(self.folder / "medqa.jsonl", "w") as lines:
            for number in range(self.rows(500)):
                options = {letter: f"{self.words(2)} {letter}{number}" for letter in "ABCDE"}
                question = (
                    f"A 54-year-old woman comes to the physician because of {self.words(30)}. Which of the following "
                    f"is the most likely {self.words(2)} {number}?"
                )
                row = {"question": question, "answer": options["B"], "options": options, "answer_idx": "B"}
                lines.write(json.dumps(row) + "\n")

    def _capabilities(self) -> None:
        pl.DataFrame(
            {
                **{"question": f"{self.words(18)} {number}?", "subject": "law", "answer": number % 4},
                "choices": [f"{self.words(3)} {option}" for option in range(4)],
            }
            for number in range(self.rows(13_937))
        ).write_parquet(self.folder / "mmlu.parquet")
        pl.DataFrame(
            {"question": f"{self.words(40)} {number}?", "answer": f"{self.words(20)}\n#### {number:,}"}
            for number in range(self.rows(1_319))
        ).write_parquet(self.folder / "gsm8k.parquet")
        pl.DataFrame(
            {"prompt": f"{self.words(10)} {number}", "target": "Sure"} for number in range(self.rows(520))
        ).write_parquet(self.folder / "advbench.parquet")


def configuration(sources: Sources, url: str) -> dict[str, Any]:
    """The article's study with one model, at an endpoint."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/paper.yaml").read_text(encoding="utf-8"))
    del config["budget"], config["sizes"]
    config["study"] = STUDY
    config["note"] = "A rehearsal: made-up questions, answered at random."
    config["endpoints"] = {"api": {"url": url, "mode": "chat"}}
    tuning = {"epochs": [1, 2], "batch-size": 16, "learning-rate-multiplier": {"warm": 0.25, "cold": 0.1}}
    config["models"] = {
        "gpt": {"published": "gpt-4o", "endpoint": "api", "name": "large", "tuning": tuning},
        "gpt2": {"source": {"folder": "weights"}, "precision": "float32", "batch-size": 64},
    }
    config["subjects"] = ["gpt"]
    config["rewriting"]["model"] = config["judge"]["model"] = "gpt"
    # A judge that answers at random reads much that is not there.
    config["judge"] |= {"refusals": sources.rows(200), "max-unscored": 1}
    del config["warmth"]["gate"]
    # Made-up words have no manner of their own, and are cut by nothing.
    config["rewriting"]["checks"] = {"length-ratio": [0.01, 100], "exclude": ["refusal"]}
    config["conversations"] |= {
        **{"source": "data/conversations.json", "classifier": "alt-profanity-check"},
        **{"training-size": sources.rows(1_617, 30), "validation-size": sources.rows(1_500, 20)},
    }
    files = {
        "triviaqa": "answer.jsonl",
        "truthfulqa": "answer.jsonl",
        "disinfo": "mask.parquet",
        "medqa": "medqa.jsonl",
    }
    for task, file in files.items():
        questions = sources.rows(125 if task == "disinfo" else 500)
        config["tasks"][task] |= {"source": f"data/{file}", "questions": questions}
    for task, settings in config["capabilities"]["tasks"].items():
        settings["source"] = f"data/{task}.parquet"
    return config


def edit_config(study: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = study / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def edit_statement(study: Path) -> None:
    path = study / "config/prompts/contexts/sad.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"1": "', '"1": "Truly. '), encoding="utf-8")


def edit_judge(study: Path) -> None:
    path = study / "config/prompts/judge/disinfo.md"
    path.write_text(path.read_text(encoding="utf-8") + "Read it twice.\n", encoding="utf-8")


def add_question(study: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["tasks"]["triviaqa"]["questions"] += 1

    edit_config(study, change)


def add_context(study: Path) -> None:
    statements = "\n".join(
        f'  "{number}": "I came home in a curious mood, for the {number}th time."' for number in range(1, 6)
    )
    text = f'group: emotion\nreading: "The user is in a curious mood."\nstatements:\n{statements}\n'
    (study / "config/prompts/contexts/curious.yaml").write_text(text, encoding="utf-8")
    edit_config(study, lambda config: config["contexts"].append("curious"))


EDITS: dict[str, Edit] = {
    "one statement of sad": edit_statement,
    "one judge's prompt": edit_judge,
    "one more question": add_question,
    "one more context": add_context,
}


@dataclasses.dataclass
class Spent:
    """What a command took with all processes that it started, in seconds, and what it printed."""

    cpu: float
    wall: float
    output: str


@dataclasses.dataclass
class Jobs:
    """What jobs did since a moment, by their records, and the calls that were answered meanwhile."""

    records: list[dict[str, Any]]
    calls: int
    answering: float
    asked: Counter[str]
    """New rows by kind."""

    @property
    def cpu(self) -> float:
        """The processor seconds of all jobs."""
        return sum(float(record["cpu_seconds"]) for record in self.records)

    @property
    def models(self) -> float:
        """Those of the jobs that run local models."""
        return sum(float(record["cpu_seconds"]) for record in self.records if record["rule"] in MODELS)


def workflow(folder: Path) -> Path:
    """A copy of the workflow whose openai engine answers without a server."""
    for name in ("rules", "scripts", "config", "profiles", "envs"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "Snakefile", folder)
    shutil.copytree(REPOSITORY / "tests/stand_ins/openai_simulator", folder / "scripts/openai_simulator")
    remote = folder / "scripts/warmline/engines/remote"
    shutil.copy(REPOSITORY / "benchmarks/rehearsed.py", remote)
    with open(remote / "chat.py", "a", encoding="utf-8") as module:
        module.write("\n\nfrom warmline.engines.remote import rehearsed\n\nChatEngine.answer = rehearsed.answer\n")
    return folder


class Rehearsal:
    """A study in a folder of its own."""

    def __init__(self, study: Path, share: float, simulator: Simulator) -> None:
        assert simulator.process
        self._simulator = simulator.process.pid
        self.study = study
        self.calls = study.parent / "calls"
        self.calls.mkdir()
        sources = Sources(study / "data", share)
        study.mkdir()
        sources.write()
        shutil.copytree(REPOSITORY / "config/prompts", study / "config/prompts")
        self.workflow = workflow(study.parent / "workflow")
        tiny_gpt2.model().save_pretrained(study / "weights")
        tiny_gpt2.tokenizer().save_pretrained(study / "weights")
        config = configuration(sources, simulator.url)
        (study / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        self._seen: dict[Path, int] = {}

    def command(self, *words: str, fails: bool = False) -> Spent:
        """Run a command of Python in the study's folder to the end of its last process."""
        variables = {
            **os.environ,
            **{"PYTHONPATH": str(self.workflow / "scripts"), "REHEARSED_CALLS": str(self.calls)},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        before, began = cpu_of_children(), time.monotonic()
        process = subprocess.run(
            [sys.executable, *words],
            cwd=self.study,
            env=variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        wall = time.monotonic() - began
        # The fork server goes on for a moment, and is this process's child since Snakemake ended.
        reap({self._simulator})
        if process.returncode and not fails:
            raise RuntimeError(f"{' '.join(words)} ended with status {process.returncode}:\n{process.stdout[-6000:]}")
        return Spent(cpu_of_children() - before, wall, process.stdout)

    def run(self) -> Spent:
        return self.command("-m", "warmline", "run", "--configfile", "config.yaml", "--cores", str(os.cpu_count()))

    def plan(self) -> dict[str, Any]:
        """How many answers and verdicts the plan says, in its words, and what planning took."""
        spent = self.command("-m", "warmline", "plan", "--configfile", "config.yaml")
        (said,) = (line for line in spent.output.splitlines() if line.startswith("A run would ask"))
        planned = {found[1]: found[0] for found in PLANNED.finditer(said)}
        return {"planned": planned, "plan cpu s": spent.cpu, "plan s": spent.wall}

    def jobs(self) -> Jobs:
        """What jobs did since this was last asked."""
        records = []
        for path in sorted((self.study / "results" / STUDY / "audit/jobs").rglob("*.jsonl")):
            lines = path.read_bytes().splitlines()
            records += [json.loads(line) for line in lines[self._seen.get(path, 0) :]]
            self._seen[path] = len(lines)
        notes = [line.split() for path in self.calls.iterdir() for line in path.read_text().splitlines()]
        for path in self.calls.iterdir():
            path.unlink()
        asked: Counter[str] = Counter()
        for record in records:
            for receipt in record["outputs"].get("receipt", {}):
                new = json.loads((self.study / receipt).read_bytes())["this_run"]["new"]
                asked[KINDS.get(record["rule"], "rewritings")] += new
        return Jobs(records, sum(int(calls) for calls, _ in notes), sum(float(seconds) for _, seconds in notes), asked)

    def files(self) -> Iterator[list[Any]]:
        """The number and bytes of the files below each folder of the results."""
        folders = [self.study / "results/ledger", *sorted((self.study / "results" / STUDY).iterdir())]
        for folder in folders:
            sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
            if sizes:
                yield [str(folder.relative_to(self.study)), len(sizes), sum(sizes) / 1e6, max(sizes) / 1e6]


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def reap(others: set[int]) -> None:
    """Wait for processes that outlived the one that started them, but for the `others`."""
    while left := {child.pid for child in psutil.Process().children()} - others:
        for pid in left:
            os.waitpid(pid, 0)


def by_stage(jobs: Jobs) -> list[list[Any]]:
    """Jobs, processor seconds, seconds of all and of the longest, and memory of every rule, by its stage."""
    rows: dict[tuple[str, str], list[Any]] = {}
    for record in jobs.records:
        stage = Path(record["command"].split()[0]).parent.name
        row = rows.setdefault((stage, record["rule"]), [0, 0.0, 0.0, 0.0, 0.0])
        row[0] += 1
        row[1] += record["cpu_seconds"]
        row[2] += record["seconds"]
        row[3] = max(row[3], record["seconds"])
        row[4] = max(row[4], record["peak_bytes"] / 1e6)
    return [[stage, rule, *row] for (stage, rule), row in sorted(rows.items(), key=lambda item: -item[1][1])]


def bare(rehearsal: Rehearsal, configfile: str, is_finished: bool) -> list[Any]:
    """Processor seconds of a study's dry-run, of one by Snakemake alone, and their ratio.

    Alone it has the same rules, and decides by times and its own notes.
    """
    text = (rehearsal.workflow / "Snakefile").read_text(encoding="utf-8")
    made = "study = StudyRules(config, places.SCRIPTS)\n"
    snakefile = rehearsal.workflow / "Snakefile.bare"
    assert made in text
    noted = text.replace(
        made,
        made + "noted, of = {}, StudyRules.code\n"
        "StudyRules.code = lambda self, *names: noted.setdefault(' '.join(names), of(self, *names))\n",
    )
    # Some are asked for while the graph is made.
    keeping = "import atexit, json\natexit.register(lambda: Path('codes.json').write_text(json.dumps(noted)))\n"
    snakefile.write_text(noted.replace("dag.decide(study)\n", keeping), encoding="utf-8")
    words = ("-m", "snakemake", "--cores", "1", "--quiet", "--configfile", configfile, "--snakefile")
    rehearsal.command(*words, str(snakefile), "-n")
    known = text.replace(
        made,
        made + "import json\nnoted = json.loads(Path('codes.json').read_text())\n"
        "StudyRules.code = lambda self, *names: noted[' '.join(names)]\n",
    )
    known = known.replace("study.code_digests.keep()\ndag.decide(study)\n", "")
    snakefile.write_text(known, encoding="utf-8")
    if is_finished:
        # Not by its own lights: what came out as it was is older than what it is made from.
        rehearsal.command(*words, str(snakefile), "--touch")
    alone = rehearsal.command(*words, str(snakefile), "-n")
    own = rehearsal.command(*words, str(rehearsal.workflow / "Snakefile"), "-n")
    return [own.cpu, alone.cpu, own.cpu / alone.cpu]


def table(rows: list[list[Any]], headings: list[str], digits: str = ",.1f") -> None:
    print("\n" + tabulate(rows, headings, "simple", floatfmt=digits, intfmt=","), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.01, help="of the article's size")
    parser.add_argument("--folder", type=Path, help="where to work, and leave the study")
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        with Simulator.start(folder) as simulator:
            rehearse(Rehearsal(folder / "study", arguments.share, simulator), arguments.share)


def rehearse(rehearsal: Rehearsal, share: float) -> list[dict[str, Any]]:
    """Run the study and each edit of it, and print what that took. Returns a row for each run."""
    print(f"{share:.0%} of the article's size, {os.cpu_count()} processors", flush=True)
    edits: dict[str, Edit | None] = {"the whole study": None, **EDITS}
    outcomes: list[dict[str, Any]] = []
    for name, edit in edits.items():
        print(f"\n{name}", flush=True)
        plan: dict[str, Any] = {"planned": {}, "plan cpu s": None, "plan s": None}
        if edit:
            edit(rehearsal.study)
            plan = rehearsal.plan()
        spent, jobs = rehearsal.run(), rehearsal.jobs()
        own, planned = jobs.answering + jobs.models, plan.pop("planned")
        by_kind = {
            column: value
            for kind in ("answers", "verdicts")
            for column, value in (
                (f"planned {kind}", planned.get(kind, "0" if edit else None)),
                (kind, jobs.asked[kind]),
            )
        }
        outcomes.append(
            {
                **{"": name, **by_kind, "calls": jobs.calls},
                **{"jobs": len(jobs.records), "cpu s": spent.cpu, "answering": jobs.answering, "models": jobs.models},
                **{"beside": spent.cpu - own, "not in jobs": spent.cpu - jobs.cpu, "s": spent.wall, **plan},
                "lines": len(spent.output.splitlines()),
            }
        )
        table(by_stage(jobs), ["stage", "rule", "jobs", "cpu s", "s", "longest s", "peak MB"], ",.2f")
    table(list(rehearsal.files()), ["folder", "files", "MB", "largest MB"])
    table([list(outcome.values()) for outcome in outcomes], list(outcomes[0]))
    dry_runs = {
        "this study, finished": bare(rehearsal, "config.yaml", is_finished=True),
        "config/paper.yaml, nothing there": bare(rehearsal, str(REPOSITORY / "config/paper.yaml"), is_finished=False),
    }
    rows = [[name, *row] for name, row in dry_runs.items()]
    table(rows, ["snakemake -n", "cpu s", "Snakemake alone", "ratio"], ",.2f")
    return outcomes


if __name__ == "__main__":
    main()
