"""Which jobs Snakemake carries out: those whose records do not hold (warmline.workflow.holding), and what follows.

Snakemake 9.27 decides by times, and by notes in .snakemake that say nothing of outputs. It makes no intermediate that
is missing while its readers exist, and overlooks a job with a reason of its own that hangs on a job to be run by an
ancient edge. So its graph gets another way to find reasons, for jobs that leave records. Other rules, which a study may
add to its own Snakefile, are Snakemake's as ever.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import snakemake.workflow
from snakemake.dag import DAG
from snakemake.exceptions import MissingInputException, WorkflowError
from snakemake.jobs import Job, Reason
from snakemake.persistence.file import FilePersistence

from warmline.lineage import complete_files, digests, orders, places, records, revisions
from warmline.lineage.errors import UserError
from warmline.workflow import earlier, one_run, slurm_states
from warmline.workflow.holding import Demand, Doubt, doubt
from warmline.workflow.known_files import KnownFiles
from warmline.workflow.scheduling import StudyScheduler
from warmline.workflow.study import Study


def decide(study: Study) -> None:
    """Have the records of a study decide in the process that reads its Snakefile."""
    snakemake.workflow.DAG = type("StudyDAG", (StudyDAG,), {"study": study})
    snakemake.workflow.FilePersistence = StudyPersistence
    snakemake.workflow.JobScheduler = StudyScheduler
    slurm_states.mend()
    # The last step of `warmline run` has the run's process, and may fail before Snakemake takes its lock.
    atexit.register(one_run.let_go, Path(study.folder))


def record_of(job: Job) -> str | None:
    """The name of a job's record; None for a rule that leaves none."""
    return dict(job.log.items()).get("record")


class Verified(Reason):  # type: ignore[misc]
    """The reason of a job that leaves a record. What Snakemake finds by times and its own notes does not count."""

    __slots__ = ("doubt",)

    def __init__(self, doubt: Doubt | None) -> None:
        super().__init__()
        self.doubt = doubt
        self.derived = doubt is None  # type: ignore[misc]

    code_changed = params_changed = input_changed = software_stack_changed = no_metadata = property(
        lambda self: False, lambda self, value: None
    )
    updated_input = property(lambda self: set(), lambda self, value: None)

    def clear(self) -> None:
        super().clear()
        self.doubt = None

    def get_names(self) -> Iterator[str]:
        if self.doubt:
            yield self.doubt.reason
        yield from super().get_names()

    def __str__(self) -> str:
        if not self.doubt:
            return str(super().__str__())
        return f"Finished (was: {self.doubt})" if self.finished else str(self.doubt)

    def __bool__(self) -> bool:
        return (bool(self.doubt) and not self.finished) or super().__bool__()


class _CannotBeMade(Exception):
    """What is wrong with a job, past all that would go on without it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class StudyDAG(DAG):  # type: ignore[misc]
    """The graph of a study's jobs."""

    study: Study

    async def init(self, *arguments: Any, **options: Any) -> None:
        try:
            await super().init(*arguments, **options)
        except _CannotBeMade as found:
            raise found.error from None

    async def update_(self, job: Job, *arguments: Any, **options: Any) -> None:
        """Find the jobs that a job hangs on.

        Snakemake passes over what is wrong with a job whose output is there, such as an input that nobody makes, and
        then carries out nothing. Of a job with a record it is an error.
        """
        try:
            await super().update_(job, *arguments, **options)
        except (MissingInputException, WorkflowError) as error:
            if record_of(job):
                raise _CannotBeMade(error) from error
            raise

    async def update_needrun(self, create_inventory: bool = False) -> None:
        """Find the jobs to be carried out; the first time by their records."""
        ours = [job for job in self.jobs if record_of(job)] if create_inventory else []
        # Not in a job of a cluster, which reads the Snakefile again.
        if ours and self.workflow.is_main_process:
            self._hold_against_disk(ours)
        await super().update_needrun(create_inventory)
        for job in ours:
            if self._is_forced(job):
                self.reason(job).forced = True
        self._add_overlooked(job for job in ours if self.reason(job) and job not in self._needrun)
        if ours and not (self.workflow.dryrun or self.workflow.touch):
            self._write_orders(job for job in ours if job in self._needrun)

    def _hold_against_disk(self, jobs: Iterable[Job]) -> None:
        files: KnownFiles = self.workflow.persistence.files
        for job in jobs:
            record = records.last(str(record_of(job)))
            self._reason[job] = Verified(doubt(self._demand(job), record, files.digest))
        if files.of_the_future:
            print(
                f"Files with a time to come: {', '.join(files.of_the_future[:3])}"
                f"{' ...' if files.of_the_future[3:] else ''}. A clock is wrong; times decide nothing here.",
                file=sys.stderr,
            )
        files.keep()
        # Settings that follow from wildcards have named further programs.
        self.study.code_digests.keep()

    def _is_forced(self, job: Job) -> bool:
        """Whether the command line asks for it; Snakemake does not look behind ancient edges."""
        by_rule = job.rule in self.forcerules and job not in self.omitforce
        return by_rule or not self.forcefiles.isdisjoint(job.output)

    def _add_overlooked(self, jobs: Iterable[Job]) -> None:
        """Snakemake does not look at jobs below one that is to be run, and then passes over ancient edges."""
        waiting = list(jobs)
        while waiting:
            job = waiting.pop()
            if job in self._needrun:
                continue
            self._needrun.add(job)
            for reader, files in self.depending[job].items():
                if not all(file.is_ancient for file in files):
                    self.reason(reader).updated_input_run.update(files)
                    waiting.append(reader)
        for job in self._needrun:
            self._n_until_ready[job] = sum(dependency in self._needrun for dependency in self._dependencies[job])
        self._len = len(self._finished | self._needrun)

    def _demand(self, job: Job) -> Demand:
        inputs: dict[str, list[str]] = {}
        for name, value in job.input.items():
            files: list[Any] = [value] if isinstance(value, str) else list(value)
            inputs[name] = [str(file) for file in files if not file.is_ancient]
        params = {name: str(value) for name, value in job.params.items()}
        command = digests.of_value(job.rule.shellcmd)
        return Demand(
            outputs=list(map(str, job.output)),
            inputs=inputs,
            after=[str(file) for file in job.input if file.is_ancient],
            params=params,
            command=command,
            program=self.study.programs.get(params.get("code", "")),
            earlier_command=earlier.COMMANDS.get(job.rule.name) == command,
            ask_again=self.study.ask_again,
        )

    def _write_orders(self, jobs: Iterable[Job]) -> None:
        """Leave for each job what its record is to say of what it was given."""
        shared: dict[str, Any] = {}
        for job in jobs:
            shared = shared or {"configuration": self._keep_configuration(), "git": self._keep_revision()}
            parents = filter(None, map(record_of, self._dependencies[job]))
            demand = self._demand(job)
            order = {"given": demand.as_given(), "code": demand.program, "parents": sorted(parents), **shared}
            name = str(record_of(job))
            records.take_over(name)
            orders.write(name, order)

    def _keep_configuration(self) -> str:
        text = json.dumps(self.study.config, sort_keys=True, indent=1, ensure_ascii=False, default=str) + "\n"
        return _keep(Path(self.study.path("audit/configurations")), text, ".json")

    def _keep_revision(self) -> dict[str, str | bool] | None:
        state = revisions.state(places.WORKFLOW)
        if state and state["dirty"]:
            diff = revisions.difference(places.WORKFLOW)
            return {**state, "diff": _keep(Path(self.study.path("audit/differences")), diff, ".diff")}
        return state


def _keep(folder: Path, text: str, suffix: str) -> str:
    """Keep a text under its digest, once, and give the digest."""
    digest = digests.of_text(text)
    path = folder / f"{digest}{suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        complete_files.write_text(path, text)
    return digest


class StudyPersistence(FilePersistence):  # type: ignore[misc]
    """Snakemake's notes. Those of jobs with records serve its own report alone, and decide nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.files = KnownFiles()

    def has_metadata(self, job: Job) -> bool:
        """Without them Snakemake does not compare settings, commands and inputs."""
        return not record_of(job) and bool(super().has_metadata(job))

    def input_checksums(self, job: Job, input_path: Any) -> set[Any]:
        """Without them Snakemake reads no file for a job with a record, and calls it stale, which does not count."""
        return set() if record_of(job) else set(super().input_checksums(job, input_path))

    async def incomplete(self, job: Job) -> list[Any]:
        """What an interrupted job left has no record, or another one."""
        return [] if record_of(job) else list(await super().incomplete(job))

    async def finished(self, job: Job) -> None:
        """Note what Snakemake notes, and the digests that the job took of its files."""
        await super().finished(job)
        name = record_of(job)
        # A job that is only touched has added none.
        record = records.last(name) if name and not self.dag.workflow.touch else None
        if name and record:
            written = digests.state(records.path(name))[2]
            for named in (record["inputs"], record["outputs"]):
                for files in named.values():
                    for file, digest in files.items():
                        self.files.note(file, digest, written)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude other runs of the study for as long as this one takes. Raises WorkflowError if there is one."""
        try:
            with one_run.alone(Path(self.dag.study.folder)):
                yield
        except UserError as error:
            raise WorkflowError(str(error)) from None
        finally:
            self.files.keep()

    def cleanup_locks(self) -> None:
        """What `snakemake --unlock` does."""
        super().cleanup_locks()
        one_run.release(Path(self.dag.study.folder))
