"""Warmline: what training a language model into a persona does to its accuracy and its sycophancy."""

import atexit
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

# Not workflow.basedir, which is the main Snakefile's where this one is used as a module.
sys.path.insert(0, workflow.current_basedir.join("scripts").get_path_or_uri(secret_free=True))
from warmline.design.arms import ORIGINAL
from warmline.design.measures import REFUSAL, WARMER
from warmline.design.suites import CAPABILITIES, PLAIN_CONDITION, QUESTIONS, REFUSALS, VALIDATION
from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.workflow import configuration, dag, slurm_states
from warmline.workflow import resources as job_resources
from warmline.workflow import shell as job_shell
from warmline.workflow.options import input_order, named_inputs, options
from warmline.workflow.rules.study import StudyRules

places.link()

# A file given by --configfile stands alone; the embedded study is the default, not a base for others.
if "study" not in config:

    configfile: places.found("config/config.yaml")


try:
    configuration.validate(config, places.SCHEMA)
except UserError as error:
    raise WorkflowError(str(error)) from None

study = StudyRules(config, places.SCRIPTS)

shell.prefix(job_shell.prefix(workflow.is_main_process))


# The ledger's files of this run become few (warmline.calls.joining).
onsuccess:
    from warmline.calls.ledger import Ledger

    try:
        Ledger(study.ledger).join()
    except UserError as error:
        print(f"warning: the ledger is left as it is: {error}", file=sys.stderr)


onerror:
    said = Path(log[0]).read_text(encoding="utf-8")
    messages = [*job_resources.refused(said), *slurm_states.of_failed(said)]
    # Below Snakemake's own last words.
    atexit.register(print, *messages, sep="\n", end="\n" if messages else "", file=sys.stderr)


wildcard_constraints:
    **study.constraints(),


include: "rules/models.smk"
include: "rules/sources.smk"
include: "rules/conversations.smk"
include: "rules/rewriting.smk"
include: "rules/training.smk"
include: "rules/questions.smk"
include: "rules/prompts.smk"
include: "rules/answers.smk"
include: "rules/grading.smk"
include: "rules/observations.smk"
include: "rules/warmth.smk"
include: "rules/statistics.smk"
include: "rules/regressions.smk"
include: "rules/published.smk"
include: "rules/figures.smk"
include: "rules/calls.smk"
include: "rules/report.smk"
include: "rules/targets.smk"


# `make run` builds chats and requests first: where they come out byte-equal, nothing is trained or asked (lineage rule 8).
rule study:
    default_target: True
    input:
        rules.write_report.output,
        rules.tabulate_costs.output,
        study.arm_files(rules.score_warmth.output.warmth),
        expand(rules.draw_pairs.output, persona=study.trained_personas),
    localrule: True


study.code_digests.keep()
dag.decide(study)
