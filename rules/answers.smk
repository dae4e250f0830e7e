"""Arms, who answers, and what they answer (Results, "Isolating the effect of warmth fine-tuning"; Methods, "Evaluation
tasks").

Reads: a model's card, the adapter's card or system prompt of an arm, and all prompts of a suite. Writes:
arms/<model>/<arm>/<suite>.json, the funnel through which all that an arm is, and the code of the projections, reaches
its answers to a suite (lineage rules 5 and 12); answers/<model>/<arm>/<suite>.json, the receipt of the calls; out of the ledger one file of
answers for each condition; and audit/checks/<model>/<arm>.csv, which says what is amiss with them. Above a limit the
study stops there, before a judge is asked. Costs: one model load for each arm and suite, and one call for each prompt
that the ledger does not hold.

project_answers has no params and reads only files that jobs make. Its receipt only has to be there first.
"""


rule resolve_arm:
    input:
        unpack(study.answers.arm_inputs),
    output:
        card=study.path("arms/{model}/{arm}/{suite}.json"),
    log:
        **study.logs("resolve_arm", "model", "arm", "suite"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        inputs=named_inputs,
        options=study.answers.arm_options,
        code=study.code("answers/resolve_arm.py"),
    message:
        "Resolving the arm {wildcards.arm} of {wildcards.model}: {wildcards.suite}"
    shell:
        "exec python .snakemake/workflow/scripts/answers/resolve_arm.py {params.inputs} {params.options} --card {output.card}"
        " --record {log.record} > {log.text} 2>&1"


rule ask_arm:
    input:
        arm=rules.resolve_arm.output.card,
        prompts=study.answers.prompts,
        gate=study.answers.gate,
    output:
        receipt=study.path("answers/{model}/{arm}/{suite}.json"),
    log:
        **study.logs("ask_arm", "model", "arm", "suite"),
    conda:
        "../envs/models.yaml"
    # How calls are carried out decides no answer, so it is no param: resources make nothing stale.
    resources:
        **job_resources.directive(study.answers.needs),
        calls=study.answers.calls,
    params:
        code=study.code("answers/ask.py"),
    message:
        "Asking {wildcards.arm} of {wildcards.model}: {wildcards.suite}"
    shell:
        "exec python .snakemake/workflow/scripts/answers/ask.py --arm {input.arm} --prompts {input.prompts}"
        " {resources.calls} --threads {threads}"
        " --receipt {output.receipt}"
        " --record {log.record} 3>&2 > {log.text} 2>&1"


rule project_answers:
    input:
        arm=study.answers.card,
        prompts=study.path("prompts/{task}/{condition}.parquet"),
        receipt=ancient(study.answers.receipt),
    output:
        generations=study.path("generations/{model}/{arm}/{task}/{condition}.parquet"),
    log:
        **study.logs("project_answers", "model", "arm", "task", "condition"),
    wildcard_constraints:
        task="|".join([*study.tasks, *study.capabilities, VALIDATION]),
    localrule: True
    conda:
        "../envs/tables.yaml"
    resources:
        ledger=study.calls.ledger(),
    message:
        "Writing the answers of {wildcards.arm} of {wildcards.model} to {wildcards.task} under {wildcards.condition}"
    shell:
        "exec python .snakemake/workflow/scripts/answers/project.py"
        " --arm {input.arm} --prompts {input.prompts} --receipt {input.receipt}"
        " {resources.ledger} --generations {output.generations}"
        " --record {log.record} > {log.text} 2>&1"


rule check_answers:
    input:
        arm=study.path(f"arms/{{model}}/{{arm}}/{QUESTIONS}.json"),
        generations=study.suite_files(QUESTIONS, rules.project_answers.output.generations),
        originals=study.suite_files(
            QUESTIONS, study.path(f"generations/{{model}}/{ORIGINAL}/{{task}}/{{condition}}.parquet")
        ),
        # Whenever answers are asked for, they are checked.
        answers=study.path(f"answers/{{model}}/{{arm}}/{QUESTIONS}.json"),
        original_answers=study.path(f"answers/{{model}}/{ORIGINAL}/{QUESTIONS}.json"),
    output:
        checks=study.path("audit/checks/{model}/{arm}.csv"),
    log:
        **study.logs("check_answers", "model", "arm"),
    conda:
        "../envs/tables.yaml"
    params:
        options=study.answers.check_options(),
        code=study.code("answers/check.py"),
    message:
        "Checking the answers of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/answers/check.py --arm {input.arm} --generations {input.generations}"
        " --originals {input.originals} {params.options} --checks {output.checks}"
        " --record {log.record} > {log.text} 2>&1"
