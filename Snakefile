"""Warmline: what training a language model into a persona does to its accuracy and its sycophancy."""

import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

BASE = Path(workflow.basedir)
sys.path.insert(0, str(BASE / "scripts"))
from warmline import configuration, edges, job_resources
from warmline.arm_names import ORIGINAL
from warmline.errors import UserError
from warmline.job_resources import directive
from warmline.sources import STORE as SOURCES
from warmline.study import CAPABILITIES, LEDGER, PLAIN_CONDITION, PUBLISHED_WARMTH, QUESTIONS, VALIDATION
from warmline.study_rules import StudyRules, named_inputs, options

# A file given by --configfile stands alone; the embedded study is the default, not a base for others.
if "study" not in config:

    configfile: "config/config.yaml"


try:
    configuration.validate(config, BASE / "config/schemas/study.schema.json")
except UserError as error:
    raise WorkflowError(str(error)) from None

study = StudyRules(config, BASE / "scripts")


# The library that the scripts import is the one beside this file, installed or not. With exec no shell stands between
# Snakemake and the script: slurm's SIGTERM would end the shell at once, and its job with it, while the script is saving.
shell.prefix(f"export PYTHONPATH={BASE / 'scripts'}; exec ")


onerror:
    for message in job_resources.refused(Path(log[0]).read_text(encoding="utf-8")):
        print(message, file=sys.stderr)


wildcard_constraints:
    model="|".join(map(re.escape, config["models"])),
    persona="|".join(map(re.escape, study.personas)),
    arm="|".join(map(re.escape, study.warmth_arms)),
    task="|".join([*study.tasks, *study.capabilities]),
    suite=f"{QUESTIONS}|{VALIDATION}|{CAPABILITIES}",
    regression="|".join(study.regressions),
    figure="|".join(config["figures"]),


# On a cluster these run beside Snakemake itself: they take a second or two, less than submitting them would, and what
# fetches or tunes over the network runs where there is one.
localrules:
    fetch_model,
    fetch_source,
    sample_questions,
    validation_prompts,
    render_prompts,
    write_chats,
    draw_pairs,
    tune_at_endpoint,
    name_checkpoint,
    tabulate_training,
    resolve_arm,
    project_answers,
    specify_judge,
    project_grades,
    tabulate_capabilities,
    tabulate_costs,
    choose_checkpoint,
    check_manipulation,
    pass_gate,
    count_markers,
    average_errors,
    gather_effects,
    summarise_judged_warmth,
    summarise_warmth,
    compare_with_published,
    draw_figure,
    write_tables,
    write_report,
    derive_published_numbers,
    compare_published_cells,
    write_published_page,


include: "rules/models.smk"
include: "rules/sources.smk"
include: "rules/conversations.smk"
include: "rules/rewriting.smk"
include: "rules/training.smk"
include: "rules/prompts.smk"
include: "rules/arms.smk"
include: "rules/answers.smk"
include: "rules/grades.smk"
include: "rules/capabilities.smk"
include: "rules/warmth.smk"
include: "rules/manipulation.smk"
include: "rules/audit.smk"
include: "rules/observations.smk"
include: "rules/statistics.smk"
include: "rules/figures.smk"
include: "rules/tables.smk"
include: "rules/report.smk"
include: "rules/published.smk"


# `make run` builds chats, then requests, then the study, so that a change whose tables come out byte-equal is cut off
# before anything is trained or asked (lineage rule 8).
rule study:
    default_target: True
    input:
        rules.write_report.output,
        rules.tabulate_costs.output,
        study.arm_files(rules.score_warmth.output.warmth),
        expand(rules.draw_pairs.output, persona=study.trained_personas),
    localrule: True


# All that comes over the network, for clusters whose compute nodes have none.
rule fetched:
    input:
        expand(rules.fetch_model.output.card, model=study.used_models()),
        study.fetched_sources(),
    localrule: True


rule chats:
    input:
        collect(rules.write_chats.output.chats, persona=study.trained_personas),
    localrule: True


# What can be known of the requests before any call; with it, `warmline plan` knows what the untrained arms will be asked.
rule prompts:
    input:
        [study.suite_files(suite, rules.render_prompts.output.prompts) for suite in study.suites],
        rules.validation_prompts.output,
        expand(rules.specify_judge.output.judge, suite=study.specified_suites),
    localrule: True


# Under `warmth.gate: stop` nothing more is asked of a model whose treatment failed.
rule requests:
    input:
        study.gates,
        [study.suite_files(suite, rules.render_prompts.output.prompts) for suite in study.suites],
        rules.validation_prompts.output,
        study.arm_files(rules.resolve_arm.output.card),
        expand(rules.specify_judge.output.judge, suite=study.specified_suites),
    localrule: True


# What the article's numbers are by its own tables; of the study it needs the paired tests, if a subject is named as a
# model of the article, and else nothing.
rule published:
    input:
        rules.derive_published_numbers.output,
        rules.write_published_page.output,
    localrule: True


# The jobs need not parse the code again.
study.code_digests.keep()
