"""Questions and conversations: what is there against what is asked for.

What is small is fetched, into the hub's own cache, from where the run takes it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from warmline.conversations import query_types, sampling, screening, sharegpt
from warmline.design.variants import CORRECTED
from warmline.lineage.errors import NotHere
from warmline.preflight.findings import Finding, finding
from warmline.questions import reading, vignettes
from warmline.sources import hub, origins
from warmline.tables import parquet_tables
from warmline.tables.messages import LABELLED
from warmline.tables.toxicity import TOXICITY
from warmline.workflow.study import Study

SMALL = 100_000_000
"""Bytes up to which a file is fetched for a look."""
MEGABYTE = 1_000_000


def questions(study: Study, task: str, scratch: Path, *, reachable: bool) -> Finding:
    """How many questions of a task there are, and whether so many can be drawn. `reachable` is the hub."""
    return finding(f"the questions of {task}", functools.partial(_drawn_questions, study, task, scratch, reachable))


def conversations(study: Study, scratch: Path, *, reachable: bool) -> Finding:
    """How many conversations of each type there are, and whether so many can be drawn. `reachable` is the hub.

    Before they are screened for toxicity all of them count, so that what is too few now will be too few.
    """
    return finding("the conversations", functools.partial(_drawn_conversations, study, scratch, reachable))


def _drawn_questions(study: Study, task: str, scratch: Path, reachable: bool) -> str:
    settings = study.task_settings(task)
    size = None if settings["questions"] == reading.ALL else settings["questions"]
    files = _fetched(settings["source"], scratch, reachable)
    quotes = settings.get("quotes", CORRECTED)
    found, left_out = reading.read(task, settings["layout"], files, settings.get("dataset"), quotes)
    drawn = reading.sample(found, task, size, study.config["seed"])
    told, _ = vignettes.converted(drawn, settings.get("conversion", "none"), study.config["seed"])
    return f"{found.height:,} there, {told.height:,} asked{_counted(left_out)}"


def _drawn_conversations(study: Study, scratch: Path, reachable: bool) -> str:
    settings = study.config["conversations"]
    labelled = Path(study.path("conversations/labelled.parquet"))
    if labelled.exists():
        messages, known = parquet_tables.read(labelled, LABELLED), "passed the screening"
    else:
        read, left_out, _ = sharegpt.read(_fetched(settings["source"], scratch, reachable))
        unjudged = screening.texts_to_score(read, 1).select(
            "conversation", label=pl.lit("toxicity"), score=pl.lit(0.0, pl.Float64)
        )
        screened, counts = screening.screen(
            read, left_out, unjudged.cast(TOXICITY.schema), threshold=settings["threshold"], turns=settings["turns"]
        )
        messages = query_types.label(screened, settings["labels"])
        known = f"before those are left out that are toxic{_counted(_without_kept(counts))}"
    training, validation = sampling.balanced(
        messages,
        training=settings["training-size"],
        validation=settings["validation-size"],
        seed=study.config["seed"],
        short=settings.get("short-type", sampling.STOP),
    )
    of_types = messages.unique("conversation")["query_type"].value_counts(sort=True).iter_rows()
    types = ", ".join(f"{number:,} {query_type}" for query_type, number in of_types)
    there = f"{messages['conversation'].n_unique():,} {known} ({types})"
    return f"{there}; {len(training):,} to train on, {len(validation):,} to measure warmth on"


def _fetched(source: origins.Configured, scratch: Path, reachable: bool) -> list[Path]:
    """The files of a source: those of this machine, held to their SHA-256s, or fetched for a look.

    Raises NotHere for a file that is not here and too large, or not to be had, and UserError as `hub.fetch`.
    """
    files = [Path(path) for path in origins.inputs(source)]
    if all(file.exists() for file in files):
        origins.check(files, origins.origin(source))
        return files
    looked_at = []
    for file in origins.hub_files(source):
        path = scratch / file.path
        if not path.exists():
            if not reachable:
                raise NotHere(f"the hub cannot be reached, and {file.file} of {file.hub} is not here")
            if (size := hub.size(file)) > SMALL:
                raise NotHere(
                    f"{file.file} of {file.hub} has {size / MEGABYTE:,.0f} MB and was not fetched for a look: "
                    f"snakemake {file.path}"
                )
            hub.fetch(file, path)
        looked_at.append(path)
    return looked_at


def to_fetch(study: Study) -> int:
    """The bytes of data sets that are not here yet. Raises UserError as `hub.size`."""
    files = [file for source in origins.configured(study.config) for file in origins.hub_files(source)]
    return sum(hub.size(file) for file in set(files) if not Path(file.path).exists())


def _counted(left_out: Mapping[str, int]) -> str:
    return "".join(f"; {rows:,} left out: {reason}" for reason, rows in sorted(left_out.items()))


def _without_kept(counts: Mapping[str, int]) -> dict[str, int]:
    return {reason: rows for reason, rows in counts.items() if not reason.startswith("kept")}
