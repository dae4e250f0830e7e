"""Capabilities and guardrails (Methods, "General capabilities and safety guardrails"): MMLU, GSM8K, AdvBench, advice.

Reads: an arm's answers to the suite, the questions, and the judge's verdicts where a model judges. Writes:
capabilities/<model>/<arm>.parquet, one row for each measure of an answer, and statistics/capabilities.csv. Costs:
nothing.
"""


rule score_capabilities:
    input:
        unpack(study.grading.capability_inputs),
        arm=rules.resolve_arm.output.card,
        questions=expand(rules.sample_questions.output.questions, task=study.capabilities),
        generations=study.suite_files(CAPABILITIES, rules.project_answers.output.generations),
        # Whenever answers are asked for, they are measured anew, lest another reason be overlooked (warmline.workflow.edges).
        answers=study.path(f"answers/{{model}}/{{arm}}/{CAPABILITIES}.json"),
    output:
        capabilities=study.path("capabilities/{model}/{arm}.parquet"),
    log:
        **study.logs("score_capabilities", "model", "arm"),
    conda:
        "../envs/tables.yaml"
    resources:
        ledger=study.calls.ledger(),
    params:
        judged=lambda _, input: options({name: input.get(name) for name in ("judge", "grades")}),
        options=study.grading.capability_options(),
        code=study.code("capabilities/score.py"),
    message:
        "Scoring the capabilities of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/capabilities/score.py --arm {input.arm} --questions {input.questions}"
        " --generations {input.generations} {params.judged} {params.options}"
        " {resources.ledger} --capabilities {output.capabilities}"
        " --record {log.record} > {log.text} 2>&1"


rule tabulate_capabilities:
    input:
        parts=expand(rules.score_capabilities.output.capabilities, model=study.subjects, arm=study.arms),
    output:
        capabilities=study.path("statistics/capabilities.csv"),
        counts=study.path("audit/counts/capabilities.csv"),
    log:
        **study.logs("tabulate_capabilities"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/capabilities.py"),
    message:
        "Tabulating capabilities"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/capabilities.py --parts {input.parts}"
        " --capabilities {output.capabilities} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"
