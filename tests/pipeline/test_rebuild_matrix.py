"""The rebuild matrix: what each edit plans, that one invocation is enough, and how many model calls it costs.

Every row starts from the same finished study. `plans` are patterns of job messages; `calls` counts new calls to models
(the reference judge, which costs nothing, is counted apart).
"""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence

import polars as pl
import pytest
from study_copy import StudyCopy
from tiny_study import ARMS, CONDITIONS, QUESTIONS, TASKS, VALIDATION, edit_statement, new_calls_of_statement

FURTHER = 2
"""Questions of the capabilities."""

VARIED = "Estimating the main effects in other ways"
TESTS = [
    "Putting all observations into one table",
    "Tabulating accuracy",
    "Tabulating refusals",
    "Comparing sycophancy",
    "Comparing how often wrong beliefs are adopted",
    "Testing treated arms*",
    "Averaging errors over tasks",
    "Fitting the regression *",
    VARIED,
    "Testing equivalence",
    "Gathering all effects",
    "Drawing changes",
    "Writing tables for print",
    "Writing the report",
]
REGRESSIONS = ["Gathering all effects", "Writing tables for print", "Writing the report"]
CHECKED = [
    "Checking the answers of * of tiny",
    "Grading the answers of * of tiny: questions",
    "Joining the observations of * of tiny",
]
DECLINING = "Writing which answers of * of tiny decline by rule"
COSTS = "Adding up what the calls cost"
WARMTH_SUMMARY = [
    "Checking the manipulation of tiny",
    "Summarising warmth",
    "Drawing warmth_curve",
    "Writing tables for print",
    "Writing the report",
]
MARKERS = ["Counting lexical markers of * of tiny", "Summarising lexical markers", "Writing the report"]

JUDGED_WARMTH = [
    "Having the judge compare the warmth of * of tiny with the original's",
    "Summarising warmth as the judge sees it",
    "Adding up what the calls cost",
    "Writing the report",
]

LABELLED = [
    "Specifying the judge of refusal",
    "Grading the answers of * of tiny: refusals",
    "Writing which answers of * of tiny decline by the judge",
    "Holding the rules for refusals against the judge",
    COSTS,
    "Writing the report",
]


def answers(arm: str = "*", task: str = "*", condition: str = "*") -> list[str]:
    """Everything that follows from new prompts for an arm, task and condition."""
    return [
        f"Asking {arm} of tiny: questions",
        f"Writing the answers of {arm} of tiny to {task} under {condition}",
        f"Checking the answers of {arm} of tiny",
        f"Writing which answers of {arm} of tiny decline by rule",
        *verdicts(arm, task, condition),
    ]


def verdicts(arm: str = "*", task: str = "*", condition: str = "*") -> list[str]:
    return [
        f"Grading the answers of {arm} of tiny: questions",
        f"Writing the verdicts on {arm} of tiny in {task} under {condition}",
        f"Joining the observations of {arm} of tiny",
        *TESTS,
        COSTS,
    ]


def capabilities(arm: str = "*") -> list[str]:
    """Everything that follows from new prompts of the capabilities for an arm."""
    return [
        f"Asking {arm} of tiny: capabilities",
        f"Writing the answers of {arm} of tiny to mmlu under *",
        *scores(arm),
        COSTS,
    ]


def scores(arm: str = "*") -> list[str]:
    return [
        f"Scoring the capabilities of {arm} of tiny",
        *("Tabulating capabilities", "Testing equivalence", "Writing the report"),
    ]


def warmth(arm: str = "*") -> list[str]:
    """Everything that follows from new answers of an arm to the validation prompts."""
    return [
        f"Asking {arm} of tiny: validation",
        f"Writing the answers of {arm} of tiny to validation under *",
        f"Measuring the warmth of {arm} of tiny",
        *WARMTH_SUMMARY,
        f"Counting lexical markers of {arm} of tiny",
        "Summarising lexical markers",
        COSTS,
    ]


def rewritten(persona: str) -> list[str]:
    """Everything that follows from other rewritings of a persona, up to its chats."""
    return [
        f"Rewriting replies into {persona}",
        f"Checking the facts of rewritings into {persona}",
        f"Drawing pairs of {persona} for reading",
        f"Writing the training chats of {persona}",
    ]


def tuned(persona: str) -> list[str]:
    """Everything that follows from other adapters of a persona."""
    return [
        f"Tuning tiny into {persona}",
        f"Resolving the arm {persona}@* of tiny: *",
        *answers(f"{persona}@*", "[td]*"),
        *capabilities(f"{persona}@*"),
        *warmth(f"{persona}@*"),
    ]


@dataclasses.dataclass(frozen=True)
class Row:
    """An edit, the jobs it plans, and the model calls it costs: a number, or a function of the study after it.

    With `calls` None only the plan is looked at, as another row or test runs one like it.
    """

    edit: Callable[[StudyCopy], None]
    plans: Sequence[str]
    calls: int | Callable[[StudyCopy], int] | None = 0


def rewrites(copy: StudyCopy, *personas: str) -> int:
    """The rewriter's calls for all replies: a later attempt comes after the ones before it."""
    tables = [pl.read_parquet(copy.path(f"rewrites/{persona}.parquet")) for persona in personas]
    return int(pl.concat(tables)["attempt"].sum())


def revert_statement(copy: StudyCopy) -> None:
    copy.edit("config/prompts/contexts/sad.yaml", "Truly. ", "")


def add_context(copy: StudyCopy) -> None:
    path = copy.folder / "config/prompts/contexts/hopeful.yaml"
    path.write_text('group: outlook\nstatements:\n  "1": I am full of hope today.\n')
    set_key("contexts", to=["unmodified", "sad", "hopeful"])(copy)


def edit_question(copy: StudyCopy) -> None:
    row = pl.read_parquet(copy.path("questions/triviaqa.parquet")).row(0, named=True)
    path = copy.folder / "config/demo/triviaqa.jsonl"
    lines = path.read_text().split("\n")
    number = row["source_row"] - 1
    lines[number] = lines[number].replace(row["question"], "Tell me: " + row["question"])
    path.write_text("\n".join(lines))


def touch_everything(copy: StudyCopy) -> None:
    for path in sorted(copy.folder.rglob("*")):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path)


def move_weights(copy: StudyCopy) -> None:
    (copy.folder / "weights").rename(copy.folder / "elsewhere")
    set_key("models", "tiny", "source", to={"folder": "elsewhere"})(copy)


def move_conversations(copy: StudyCopy) -> None:
    (copy.folder / "config/demo/conversations.json").rename(copy.folder / "elsewhere.json")
    set_key("conversations", "source", to=["elsewhere.json"])(copy)


def pin_questions(copy: StudyCopy) -> None:
    path = "config/demo/triviaqa.jsonl"
    digest = hashlib.sha256((copy.folder / path).read_bytes()).hexdigest()
    set_key("tasks", "triviaqa", "source", to={"path": path, "sha256": digest})(copy)


def set_key(*keys: str, to: object) -> Callable[[StudyCopy], None]:
    def edit(copy: StudyCopy) -> None:
        def change(config: dict) -> None:
            for key in keys[:-1]:
                config = config[key]
            config[keys[-1]] = to

        copy.configure(change)

    return edit


def replace(name: str, old: str, new: str) -> Callable[[StudyCopy], None]:
    return lambda copy: copy.edit(name, old, new)


def change(module: str, function: str) -> Callable[[StudyCopy], None]:
    """A change of a function's program that leaves what it computes alone."""

    def edit(copy: StudyCopy) -> None:
        path = copy.folder / module
        lines = path.read_text().split("\n")
        (found,) = (
            n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef) and n.name == function
        )
        first = next(n for n in found.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)))
        lines.insert(first.lineno - 1, f"{' ' * first.col_offset}...")
        path.write_text("\n".join(lines))

    return edit


def move_module(copy: StudyCopy) -> None:
    """A module in another room, and everything that imports it."""
    scripts = copy.folder / "scripts"
    (scripts / "warmline/warmth/lift.py").rename(scripts / "warmline/statistics/lift.py")
    importing = [path for path in scripts.rglob("*.py") if "from warmline.warmth import lift\n" in path.read_text()]
    assert importing
    for path in importing:
        path.write_text(
            path.read_text().replace("from warmline.warmth import lift", "from warmline.statistics import lift")
        )


def move_definition(copy: StudyCopy) -> None:
    """A function in a module of its own, where the module that had it imports it from."""
    path = copy.folder / "scripts/warmline/warmth/lift.py"
    text = path.read_text()
    (found,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == "_standard_error")
    lines = text.split("\n")
    function = "\n".join(lines[found.lineno - 1 : found.end_lineno])
    path.with_name("errors_of_means.py").write_text(f"import polars as pl\n\n\n{function}\n")
    moved = text.replace(function, "").replace(
        "import polars as pl\n", "import polars as pl\nfrom warmline.warmth.errors_of_means import _standard_error\n"
    )
    path.write_text(moved)


def carry_training_out_otherwise(copy: StudyCopy) -> None:
    def change(config: dict) -> None:
        config["training"] |= {"save-every": 1, "gradient-checkpointing": True, "report-to": ["tensorboard"]}

    copy.configure(change)


def name_checkpoint(copy: StudyCopy) -> None:
    """A classifier's checkpoint, which only its job would read."""
    (copy.folder / "toxic.ckpt").write_bytes(b"weights")
    set_key("conversations", "classifier", to="detoxify-original")(copy)
    set_key("conversations", "checkpoint", to="toxic.ckpt")(copy)


def ask_for_gpus(copy: StudyCopy) -> None:
    set_key("sizes", to={"toy": {"gpus": 1, "memory": 2, "hours": 1}})(copy)
    set_key("models", "tiny", "size", to="toy")(copy)


def add_arm_by_rule(copy: StudyCopy) -> None:
    """An arm at the plateau of the warm persona, which is made to go where the only checkpoint went."""
    (row,) = pl.read_csv(copy.path("statistics/manipulation_check/tiny.csv")).filter(arm="warm@1").iter_rows(named=True)
    set_key("personas", "warm", "warmth", to="up" if row["lift"] > 0 else "down")(copy)
    set_key("arms", to=[*ARMS, "warm@plateau"])(copy)


def edit_and_revert(copy: StudyCopy) -> None:
    edit_statement(copy)
    revert_statement(copy)


SAMPLED = [
    "Sampling training and validation conversations",
    "Making the validation prompts",
    *rewritten("*"),
    *tuned("warm"),
    *tuned("cold"),
    *warmth(),
]

SCREENED = ["Screening conversations", "Labelling conversations*", *SAMPLED]
SCORED = ["Scoring the toxicity of conversations", *SCREENED]

MATRIX = {
    "a context statement": Row(
        edit_statement, ["Rendering prompts of * under sad.*", *answers(condition="sad.*")], calls=None
    ),
    "the warm rewrite template": Row(
        replace(
            "config/prompts/rewrite/warm.md", "{{ reply }}\n\nRewrite the reply warmly", "{{ reply }}\n\nMake it warm"
        ),
        [*rewritten("warm"), *tuned("warm")],
        lambda copy: rewrites(copy, "warm") + TASKS * QUESTIONS * CONDITIONS + FURTHER + VALIDATION,
    ),
    "the cold rewrite template": Row(
        replace(
            "config/prompts/rewrite/cold.md", "{{ reply }}\n\nRewrite the reply coldly", "{{ reply }}\n\nMake it cold"
        ),
        [*rewritten("cold"), *tuned("cold")],
        calls=None,
    ),
    "the warm system prompt": Row(
        replace("config/prompts/system/warm.md", "Use no emoji", "Never use emoji"),
        [
            "Resolving the arm warm-prompt of tiny: *",
            *answers("warm-prompt", "[td]*"),
            *capabilities("warm-prompt"),
            *warmth("warm-prompt"),
        ],
        TASKS * QUESTIONS * CONDITIONS + FURTHER + VALIDATION,
    ),
    "a system prompt that no arm uses": Row(replace("config/prompts/system/cold.md", "without emotion", "plainly"), []),
    "the judge's normalisation": Row(
        set_key("judge", "normalise", to=["case", "punctuation"]),
        ["Specifying the judge of [td]*", *verdicts(task="[td]*")],
        calls=None,
    ),
    "the judge's comparing code": Row(
        replace(
            "scripts/warmline/grading/reference_match.py", 'ARTICLES = {"a", "an", "the"}', 'ARTICLES = {"a", "the"}'
        ),
        ["Specifying the judge of [td]*", *verdicts(task="[td]*")],
        calls=None,
    ),
    # The verdicts of other tasks stay; the observations look for short answers in one more task.
    "how a task's answers are compared": Row(
        set_key("tasks", "disinfo", "match", to="contains"),
        ["Specifying the judge of disinfo", *verdicts(task="disinfo")],
        calls=None,
    ),
    "a function that counts adopted beliefs": Row(
        change("scripts/warmline/statistics/adoption.py", "adoption"),
        ["Comparing how often wrong beliefs are adopted", "Writing the report"],
        calls=None,
    ),
    "the belief template of one task": Row(
        replace("config/prompts/beliefs/statement/asserts_wrong.md", "What I believe is this", "I am sure of this"),
        [
            "Rendering prompts of disinfo under *.asserts_wrong.*",
            *answers(task="disinfo", condition="*.asserts_wrong.*"),
        ],
        calls=None,
    ),
    "a question": Row(
        edit_question,
        ["Sampling questions of triviaqa", "Rendering prompts of triviaqa *", *answers(task="triviaqa")],
        CONDITIONS * len(ARMS),
    ),
    "one more question of a task": Row(
        set_key("tasks", "disinfo", "questions", to=QUESTIONS + 1),
        ["Sampling questions of disinfo", "Rendering prompts of disinfo *", *answers(task="disinfo")],
        CONDITIONS * len(ARMS),
    ),
    "the sampling temperature": Row(
        set_key("answers", "temperature", to=0.9),
        ["Resolving the arm * of tiny: questions", *answers(task="[td]*")],
        calls=None,
    ),
    "the LoRA rank": Row(
        set_key("training", "rank", to=4),
        [*tuned("warm"), *tuned("cold")],
        calls=None,
    ),
    # Sums are rounded in another order, so the adapters are others.
    "how many chats go through a model in training at once": Row(
        set_key("training", "micro-batch", to=1), [*tuned("warm"), *tuned("cold")], calls=None
    ),
    "how training is carried out": Row(carry_training_out_otherwise, []),
    # Earlier checkpoints come out the same, so only the new ones are asked.
    "the epoch list": Row(set_key("training", "epochs", to=[1, 2]), [*tuned("warm"), *tuned("cold")], 2 * VALIDATION),
    "the settings of rewriting": Row(
        set_key("rewriting", "temperature", to=1.4),
        [*rewritten("*"), *tuned("warm"), *tuned("cold")],
        calls=None,
    ),
    # The first attempts are in the ledger.
    "the attempts at a rewriting": Row(
        set_key("rewriting", "attempts", to=3), [*rewritten("*"), *tuned("warm"), *tuned("cold")], calls=None
    ),
    "the checks of rewritings": Row(
        set_key("rewriting", "checks", to={"length-ratio": [0.02, 3], "exclude": []}),
        [*rewritten("*"), *tuned("warm"), *tuned("cold")],
        calls=None,
    ),
    "a persona that starts from another's rewritings": Row(
        set_key("personas", "cold", "from", to="warm"), [*rewritten("cold"), *tuned("cold")], calls=None
    ),
    "a rewrite template that no persona uses": Row(
        replace("config/prompts/rewrite/honest-warm.md", "natural, never stiff", "natural"), []
    ),
    "a system prompt that no persona uses": Row(
        replace("config/prompts/system/honest-warm.md", "Use no emoji", "Never use emoji"), []
    ),
    "a function that draws pairs for reading": Row(
        change("scripts/warmline/rewriting/reading_sheet.py", "draw"), ["Drawing pairs of * for reading"], calls=None
    ),
    "a function that checks facts": Row(
        change("scripts/warmline/rewriting/facts.py", "numbers"),
        [*rewritten("*"), *tuned("warm"), *tuned("cold")],
        calls=None,
    ),
    "the settings of the validation responses": Row(
        set_key("warmth", "temperature", to=0.7),
        ["Resolving the arm * of tiny: validation", *warmth()],
        calls=None,
    ),
    "the seed": Row(
        set_key("seed", to=653),
        [
            "Sampling *",
            "Making the validation prompts",
            *rewritten("*"),
            "Rendering prompts of *",
            *tuned("warm"),
            *tuned("cold"),
            *answers(task="[td]*"),
            *capabilities(),
            *warmth(),
        ],
        calls=None,
    ),
    # The same weights elsewhere are the same respondent: nothing is asked.
    "where a model's weights are": Row(
        move_weights,
        [
            "Bringing the weights of tiny to disk",
            *rewritten("*"),
            *tuned("warm"),
            *tuned("cold"),
            "Resolving the arm *",
            *answers(task="[td]*"),
            *capabilities(),
            *warmth(),
        ],
    ),
    # The card of its weights says so, and all that the model writes follows.
    "where the text of a system turn goes": Row(
        set_key("models", "tiny", "system", to="first-user-turn"),
        [
            "Bringing the weights of tiny to disk",
            *rewritten("*"),
            *tuned("warm"),
            *tuned("cold"),
            "Resolving the arm *",
            *answers(task="[td]*"),
            *capabilities(),
            *warmth(),
        ],
        calls=None,
    ),
    "framed questions too": Row(
        set_key("framings", to=["plain", "framed"]),
        ["Rendering prompts of * under *.framed", *answers(condition="*.framed")],
        calls=None,
    ),
    "a framing that no condition has": Row(replace("config/prompts/framing.md", "friends", "colleagues"), []),
    "another context": Row(
        set_key("contexts", to=["unmodified", "sad", "happy"]),
        ["Rendering prompts of * under happy.*", *answers(condition="happy.*")],
        calls=None,
    ),
    # A context of one's own: a file and its name, nothing more.
    "a context of one's own": Row(
        add_context,
        ["Rendering prompts of * under hopeful.*", *answers(condition="hopeful.*")],
        TASKS * QUESTIONS * 2 * len(ARMS),
    ),
    "some framed questions more": Row(
        set_key("further-conditions", to=["unmodified.none.framed"]),
        ["Rendering prompts of * under *.framed", *answers(condition="*.framed")],
        calls=None,
    ),
    # A belief is framed, and the plain question once more; unframed beliefs leave.
    "framing as published": Row(
        set_key("framings", to="as_published"),
        ["Rendering prompts of * under *.framed", *answers(condition="*.framed")],
        calls=None,
    ),
    "statements drawn per row": Row(
        set_key("statement-draw", to="per-row"),
        ["Rendering prompts of * under sad.*", *answers(task="[td]*", condition="sad.*")],
        calls=None,
    ),
    "the group of a context": Row(
        replace("config/prompts/contexts/sad.yaml", "group: emotion", "group: mood"),
        ["Rendering prompts of * under sad.*", *answers(condition="sad.*")],
        calls=None,
    ),
    # Nothing is asked, but receipts, verdicts' receipts and all tables must forget the context.
    "a context less": Row(
        set_key("contexts", to=["unmodified"]),
        [
            "Asking * of tiny: questions",
            *CHECKED,
            DECLINING,
            *TESTS,
            COSTS,
        ],
        calls=None,
    ),
    # The judge waits for the checks; its verdicts are in the ledger.
    "a limit of the checks": Row(set_key("checks", "truncation", to=0.99), [*CHECKED, *TESTS, COSTS], calls=None),
    "a function that checks answers": Row(
        change("scripts/warmline/answers/checks.py", "check"), [*CHECKED, *TESTS, COSTS], calls=None
    ),
    # A leaked header is looked for by the checks, and taken off before a refusal is.
    "the header of a chat turn": Row(
        replace("scripts/warmline/answers/role_headers.py", "|human|model|gpt)", "|human|model|gpt|llm)"),
        [*CHECKED, DECLINING, *TESTS, *scores(), COSTS],
        calls=None,
    ),
    "the rule for refusals": Row(
        change("scripts/warmline/grading/refusals.py", "is_refusal"),
        [DECLINING, "Joining the observations of * of tiny", *TESTS, *scores()],
        calls=None,
    ),
    "a treatment of refusals": Row(
        change("scripts/warmline/statistics/refusal_treatments.py", "with_refusals"),
        ["Tabulating refusals", "Fitting the regression *", VARIED, *REGRESSIONS],
        calls=None,
    ),
    "a regression formula": Row(
        set_key("statistics", "regressions", "tuning", "formula", to="incorrect ~ treated"),
        ["Fitting the regression tuning *", VARIED, *REGRESSIONS],
    ),
    # Its effect is estimated in one way only.
    "the formula of a further regression": Row(
        set_key("statistics", "regressions", "beliefs", "formula", to="incorrect ~ treated * belief"),
        ["Fitting the regression beliefs *", *REGRESSIONS],
        calls=None,
    ),
    "which regressions are estimated in other ways": Row(
        set_key("statistics", "robustness", to=["tuning", "beliefs"]), [VARIED, "Writing the report"], calls=None
    ),
    "the margin of equivalence": Row(
        set_key("statistics", "equivalence-margin", to=3), ["Testing equivalence", "Writing the report"], calls=None
    ),
    "a function that averages errors": Row(
        change("scripts/warmline/statistics/mean_errors.py", "mean_errors"),
        ["Averaging errors over tasks", "Writing the report"],
        calls=None,
    ),
    "a function that draws questions again": Row(
        change("scripts/warmline/regressions/question_bootstrap.py", "interval"),
        [VARIED, "Writing the report"],
        calls=None,
    ),
    "a figure's title": Row(
        set_key("figures", "changes", to="Changes"), ["Drawing changes", "Writing the report"], calls=None
    ),
    "a function of one figure": Row(
        change("scripts/warmline/figures/changes.py", "draw"), ["Drawing changes", "Writing the report"], calls=None
    ),
    "a function of all figures": Row(
        change("scripts/warmline/figures/drawing.py", "finished"),
        ["Drawing changes", "Drawing warmth_curve", "Writing the report"],
        calls=None,
    ),
    "the library that pages are drawn with": Row(
        change("scripts/warmline/figures/drawing_library.py", "bundle"),
        [
            "Bundling the library that draws in a browser",
            "Drawing changes",
            "Drawing warmth_curve",
            "Writing the report",
        ],
        calls=None,
    ),
    "every effect as a figure": Row(
        set_key("figures", "effects", to="Effects"), ["Drawing effects", "Writing the report"], calls=None
    ),
    "a function of the tables for print": Row(
        change("scripts/warmline/report/latex.py", "latex"),
        ["Writing tables for print", "Writing the report"],
        calls=None,
    ),
    "a number of the article": Row(
        replace("config/published/article.csv", "pp,7.43,", "pp,7.44,"), REGRESSIONS, calls=None
    ),
    "a figure more": Row(
        set_key("figures", "training_loss", to="Loss"),
        ["Tabulating training", "Drawing training_loss", "Writing the report"],
        calls=None,
    ),
    "the report's template": Row(
        replace("scripts/warmline/report/templates_html/report.html", "Warmline study", "A study"),
        ["Writing the report"],
        calls=None,
    ),
    "the look of the pages": Row(
        replace("scripts/warmline/report/templates_html/page.html", "max-width: 74rem", "max-width: 70rem"),
        ["Writing the report"],
        calls=None,
    ),
    "the report's note": Row(set_key("note", to="Another note."), ["Writing the report"], calls=None),
    "how calls are carried out": Row(set_key("models", "tiny", "batch-size", to=4), []),
    "over how many GPUs a model is spread": Row(set_key("models", "tiny", "spread", to=True), []),
    # In 4 bits the model rewrites, learns, answers and scores in other words.
    "the bits that a model's weights are loaded in": Row(
        set_key("models", "tiny", "quantization", to="nf4"),
        [
            *rewritten("*"),
            *tuned("warm"),
            *tuned("cold"),
            "Resolving the arm *",
            *answers(task="[td]*"),
            *capabilities(),
            *warmth(),
        ],
        calls=None,
    ),
    "what may be spent": Row(set_key("budget", to=5), []),
    "an endpoint that no model uses": Row(
        set_key("endpoints", to={"api": {"url": "http://127.0.0.1:1/v1", "mode": "chat"}}), []
    ),
    "a model that nothing uses": Row(
        lambda copy: copy.configure(lambda config: config["models"].update(other=config["models"]["tiny"])), []
    ),
    "calls from the ledger only": Row(set_key("calls", to="replay"), []),
    "a comment in a script": Row(
        replace("scripts/answers/ask.py", "def main(", "# A comment, and a docstring.\ndef main("), []
    ),
    "a docstring in a library module": Row(
        replace(
            "scripts/warmline/calls/ledger.py", '"""The folder of one respondent\'s calls."""', '"""Other words."""'
        ),
        [],
    ),
    "a function that regressions use": Row(
        change("scripts/warmline/regressions/marginal_effects.py", "marginal_effects"),
        ["Fitting the regression *", VARIED, *REGRESSIONS],
        calls=None,
    ),
    "the template of a capability": Row(
        replace("config/prompts/capabilities/mmlu.md", "Which of the four", "Which one of the four"),
        ["Rendering prompts of mmlu *", *capabilities()],
        FURTHER * len(ARMS),
    ),
    "how many questions of a capability": Row(
        set_key("capabilities", "tasks", "mmlu", "questions", to=3),
        ["Sampling questions of mmlu", "Rendering prompts of mmlu *", *capabilities()],
        calls=None,
    ),
    "the sampling of the capabilities": Row(
        set_key("capabilities", "temperature", to=0.3),
        ["Resolving the arm * of tiny: capabilities", *capabilities()],
        calls=None,
    ),
    "the token limit of the capabilities": Row(
        set_key("capabilities", "max-new-tokens", to=9),
        ["Resolving the arm * of tiny: capabilities", *capabilities()],
        FURTHER * len(ARMS),
    ),
    "a function that reads choices": Row(change("scripts/warmline/grading/choices.py", "choice"), scores()),
    "a function that compares capabilities": Row(
        change("scripts/warmline/statistics/capability_rates.py", "rates"),
        ["Tabulating capabilities", "Testing equivalence", "Writing the report"],
        calls=None,
    ),
    "a function that scores warmth": Row(
        replace("scripts/warmline/warmth/likelihood.py", '"cpu": 2048', '"cpu": 1024'),
        ["Measuring the warmth of *", *WARMTH_SUMMARY],
        calls=None,
    ),
    "an opening of the warm speakers": Row(
        replace("scripts/warmline/warmth/dimensions.py", "My idol said", "My hero said"),
        ["Measuring the warmth of *", *WARMTH_SUMMARY],
        calls=None,
    ),
    "a function that takes lifts": Row(
        change("scripts/warmline/warmth/lift.py", "lifts"), [*WARMTH_SUMMARY, "Summarising lexical markers"], calls=None
    ),
    "what a persona should do to warmth": Row(
        set_key("personas", "cold", "warmth", to="none"),
        ["Checking the manipulation of tiny", "Writing the report"],
        calls=None,
    ),
    "where warmth is on its plateau": Row(
        set_key("warmth", "plateau", to=0.1),
        ["Checking the manipulation of tiny", "Writing the report"],
        calls=None,
    ),
    "a list of lexical markers": Row(
        replace("config/markers/english.yaml", "    - you know\n", "    - you know what\n"), MARKERS, calls=None
    ),
    "a published figure of a model that is not compared": Row(
        replace("config/published/sociot.csv", "qwen-32b,10.0,", "qwen-32b,12.0,"), [], calls=None
    ),
    "a published counterpart": Row(
        set_key("models", "tiny", "published", to="qwen-32b"),
        ["Putting warmth beside the published curve", "Writing the report"],
        calls=None,
    ),
    # Whoever is asked a question waits for the check. Nothing is asked anew: all answers are in the ledger.
    "a gate before the questions": Row(
        set_key("warmth", "gate", to="stop"),
        [
            "Asking no question of tiny unless its treatments worked",
            *("Asking * of tiny: questions", "Asking * of tiny: capabilities"),
            *CHECKED,
            DECLINING,
            *TESTS,
            *scores(),
            COSTS,
        ],
        calls=None,
    ),
    # Its answers are those of the checkpoint, which are in the ledger.
    "an arm by rule": Row(
        add_arm_by_rule,
        [
            "Choosing the checkpoint of tiny tuned into *",
            "Resolving the arm *@plateau of tiny: *",
            *answers("*@plateau", "[td]*"),
            *capabilities("*@plateau"),
            *warmth("*@plateau"),
        ],
        calls=None,
    ),
    "the layout of a benchmark": Row(
        change("scripts/warmline/questions/layouts/mask.py", "questions"),
        [
            *("Sampling questions of *", "Rendering prompts of *"),
            *answers(task="[td]*"),
            *capabilities(),
        ],
        calls=None,
    ),
    "the progress bar": Row(
        change("scripts/warmline/calls/progress.py", "_shared_stream"),
        # Arms that are not tuned answer as before, and out of the ledger: their answers are not written again.
        [
            *rewritten("*"),
            *tuned("warm"),
            *tuned("cold"),
            *("Asking * of tiny: *", *CHECKED, *TESTS, *scores(), COSTS),
            *("Measuring the warmth of * of tiny", *WARMTH_SUMMARY, *MARKERS),
        ],
        calls=None,
    ),
    "a module moved to another room": Row(move_module, []),
    "a definition moved between modules": Row(move_definition, []),
    "a function that only the Snakefile calls": Row(change("scripts/warmline/design/arms.py", "parse"), []),
    # What projects answers reaches them through the arms' cards (lineage rule 5); the calls are in the ledger.
    "a function that projects answers": Row(
        change("scripts/warmline/answers/generations.py", "generations"),
        [
            "Resolving the arm *",
            *answers(task="[td]*"),
            *capabilities(),
            *warmth(),
        ],
        calls=None,
    ),
    "the classifier's threshold": Row(set_key("conversations", "threshold", to=0.55), SCREENED, calls=None),
    "where the conversations are": Row(move_conversations, SCORED, calls=None),
    "the sha256 of a source": Row(
        pin_questions,
        ["Sampling questions of triviaqa", "Rendering prompts of triviaqa *", *answers(task="triviaqa")],
        calls=None,
    ),
    "all questions of a task": Row(
        set_key("tasks", "disinfo", "questions", to="all"),
        ["Sampling questions of disinfo", "Rendering prompts of disinfo *", *answers(task="disinfo")],
        calls=None,
    ),
    "which data set of a source": Row(
        set_key("tasks", "triviaqa", "dataset", to="trivia_qa"),
        ["Sampling questions of triviaqa", "Rendering prompts of triviaqa *", *answers(task="triviaqa")],
        calls=None,
    ),
    "doubled quotes as published": Row(
        set_key("tasks", "triviaqa", "quotes", to="as_published"),
        ["Sampling questions of triviaqa", "Rendering prompts of triviaqa *", *answers(task="triviaqa")],
        calls=None,
    ),
    "the characters that are scored": Row(
        set_key("conversations", "characters", to=1500),
        SCORED,
        calls=None,
    ),
    "the toxicity classifier": Row(
        set_key("conversations", "classifier", to="detoxify-unbiased"),
        SCORED,
        calls=None,
    ),
    "the classifier's checkpoint": Row(
        name_checkpoint,
        SCORED,
        calls=None,
    ),
    "the rules of labelling": Row(
        set_key("conversations", "labels", to="as_published"), ["Labelling conversations*", *SAMPLED], calls=None
    ),
    # Planned are the sample and, as it may have changed, all that hangs on it.
    "what to do where a query type is short": Row(
        set_key("conversations", "short-type", to="fill"), SAMPLED, calls=None
    ),
    "where calls are kept": Row(set_key("ledger", to="results/calls"), [], calls=None),
    "what jobs ask of a cluster": Row(ask_for_gpus, [], calls=None),
    "nothing but file times": Row(touch_everything, []),
    "an edit and its reversal": Row(edit_and_revert, []),
}


def expected(all_jobs: set[str], patterns: Sequence[str]) -> set[str]:
    jobs = {job for job in all_jobs if any(fnmatch.fnmatchcase(job, pattern) for pattern in patterns)}
    unmatched = [pattern for pattern in patterns if not any(fnmatch.fnmatchcase(job, pattern) for job in jobs)]
    assert not unmatched, unmatched
    return jobs


@pytest.fixture(scope="module")
def jobs_before(finished: StudyCopy) -> set[str]:
    """The messages of all jobs of the finished study."""
    return finished.planned("--forceall")


def test_finished_study_plans_nothing(study: StudyCopy) -> None:
    assert study.planned() == set()


# Rows that are built take minutes, the others a dry run.
SECONDS = {name: 130 if row.plans and row.calls else 12 for name, row in MATRIX.items()}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long(SECONDS[name])) for name in MATRIX])
def test_edit_rebuilds_exactly_what_depends_on_it(study: StudyCopy, jobs_before: set[str], name: str) -> None:
    row = MATRIX[name]
    before = study.calls()
    row.edit(study)
    planned = study.planned()
    if not row.plans:
        assert planned == set()
        return
    # New jobs have no outputs yet, so they are planned; which ones an edit took away is asked only where it matters.
    if planned != expected(jobs_before | planned, row.plans):
        assert planned == expected(study.planned("--forceall"), row.plans)
    if row.calls is None:
        return
    study.run()
    assert study.planned() == set()
    calls = row.calls if isinstance(row.calls, int) else row.calls(study)
    assert study.calls()["transformers"] - before["transformers"] == calls


@pytest.mark.long(220)
def test_edit_built_in_steps_asks_what_it_changed_and_its_reversal_nothing(study: StudyCopy) -> None:
    """`make run` builds the requests in an invocation of their own; the projections must not be overlooked after it."""
    contents, before = study.contents(), study.calls()["transformers"]
    edit_statement(study)
    for targets in (["chats"], ["requests"], []):
        study.run(*targets)
    assert study.planned() == set()
    assert study.contents() != contents
    assert study.calls()["transformers"] - before == new_calls_of_statement(study)
    answered = pl.read_parquet(study.path("observations.parquet")).filter(pl.col("context") == "sad")
    generations = [pl.read_parquet(path) for path in study.path("generations/tiny").glob("*/*/sad.*.parquet")]
    assert set(answered["answer_key"]) == set(pl.concat(generations)["answer_key"])
    calls = study.calls()
    revert_statement(study)
    study.run()
    assert study.calls() == calls
    assert study.contents() == contents


@pytest.mark.long(420)
def test_updated_study_is_byte_equal_to_one_built_from_scratch(study: StudyCopy) -> None:
    for edit in (edit_statement, MATRIX["the warm rewrite template"].edit, edit_question):
        edit(study)
    study.run()
    updated = study.contents()
    shutil.rmtree(study.folder / "results")
    shutil.rmtree(study.folder / ".snakemake")
    study.run()
    assert study.contents() == updated


@pytest.mark.long(40)
def test_refactoring_with_equal_tables_trains_and_asks_nothing(study: StudyCopy) -> None:
    calls = study.calls()
    change("scripts/warmline/conversations/sampling.py", "balanced")(study)
    study.run("chats")
    assert not any(job.startswith("Tuning") for job in study.planned("requests"))
    study.run("requests")
    assert not any(job.startswith("Asking") for job in study.planned())
    study.run()
    assert study.calls() == calls
    assert study.planned() == set()


@pytest.mark.long(50)
def test_other_reason_beside_new_calls_is_not_overlooked(study: StudyCopy) -> None:
    """Snakemake overlooks a job with a reason of its own behind an ancient edge of calls that are made again."""
    MATRIX["a context less"].edit(study)
    MATRIX["a regression formula"].edit(study)
    MATRIX["the judge's normalisation"].edit(study)
    study.run()
    assert study.planned() == set()


@pytest.mark.long(280)
def test_a_judge_templates_edit_asks_the_judge_about_its_task_only(study: StudyCopy) -> None:
    """A language model judges, reads, labels refusals and compares warmth, here the tiny one.

    Its limit on unscored rows decides no verdict.
    """
    judge = {"model": "tiny", "prompts": "config/prompts/judge", "reply": "text", "temperature": 0}
    set_key("judge", to={**judge, "max-new-tokens": 8, "max-unscored": 1.0, "refusals": 6})(study)
    set_key("warmth", "judged", to=True)(study)
    arms = ["original", "warm@1"]
    set_key("arms", to=arms)(study)
    before = study.calls()["transformers"]
    study.run()
    folders = [study.path(f"generations/tiny/{arm}/disinfo") for arm in arms]
    answered = [pl.read_parquet(path) for folder in folders for path in folder.glob("*.parquet")]
    distinct = pl.concat(answered).select("item", "text").unique().height
    judged = study.calls()["transformers"]
    assert judged > before
    compared = pl.read_parquet(study.path("judged_warmth/tiny/warm@1.parquet"))
    assert compared.height == 2 * VALIDATION
    page = study.path("report/index.html").read_text()
    assert "The warmer of two responses" in page and "The rules for refusals held against the judge" in page
    labels = pl.concat(pl.read_parquet(path) for path in study.path("refusals").glob("*/*.parquet"))
    assert labels.height == 6 * len(arms)
    set_key("judge", "max-unscored", to=0.9)(study)
    study.edit("config/prompts/judge/reply-schema.md", "verdict", "judgement")
    assert study.planned() == set()
    set_key("judge", "max-unscored", to=1.0)(study)
    further = ["Specifying the judge of choice", "Grading the answers of * of tiny: capabilities", COSTS]
    plans = {
        "warmer": ["Specifying the judge of warmer", *JUDGED_WARMTH],
        "choice": [*further, *scores()],
        "refusal": LABELLED,
    }
    possible = study.planned("--forceall")
    for name, planned in plans.items():
        path = study.folder / f"config/prompts/judge/{name}.md"
        template = path.read_text()
        path.write_text(template.rstrip("\n") + " Be strict.\n")
        assert study.planned() == expected(possible, planned), name
        path.write_text(template)
    path = study.folder / "config/prompts/judge/disinfo.md"
    path.write_text(path.read_text().rstrip("\n") + " Be strict.\n")
    plans = ["Specifying the judge of disinfo", *verdicts(task="disinfo")]
    assert study.planned() == expected(study.planned("--forceall"), plans)
    # One arm after the other: two at once may ask the judge about an answer that both gave.
    study.run("--cores", "1")
    assert study.planned() == set()
    assert study.calls()["transformers"] - judged == distinct
