"""Which jobs Snakemake starts beside itself, at a cost that does not grow with the number of those that are ready.

Each time that a job ends, Snakemake 9.27 weighs all that are ready, with the sizes of all their inputs. By its limit on
jobs a second, which is there by default, it also sets a timer each time, to weigh them again and set another: timers
become as many as the jobs that have ended.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from typing import Any

from snakemake.jobs import Job
from snakemake.scheduling.job_scheduler import JobScheduler

WEIGHED = 32
"""So many of the jobs that are ready are weighed at a time."""


class StudyScheduler(JobScheduler):  # type: ignore[misc]
    """Snakemake's scheduler. On a cluster, whose queue orders jobs, it is as it was."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.workflow.local_exec:
            self.job_rate_limiter = None

    def job_selector(self, jobs: Collection[Job]) -> Sequence[Job]:
        """The jobs to start now: of the first that are ready, or of all if none of those fits in."""
        if not self.workflow.local_exec or len(jobs) <= WEIGHED:
            return list(super().job_selector(jobs))
        first = heapq.nsmallest(WEIGHED, jobs, key=lambda job: (-job.priority, job.jobid))
        return list(super().job_selector(first) or super().job_selector(jobs))
