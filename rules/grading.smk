"""Verdicts on answers, and the capabilities that are read off them (Methods, "Scoring methodology" and "General
capabilities and safety guardrails").

Reads: an arm's answers, the questions, and for a model that judges its card and templates. Writes:
judges/<criterion>.json, the specification of the judge for a task to grade or for a measure, so that another template
touches its own verdicts alone; grades/<model>/<arm>/<suite>.json, the receipt of its calls; out of the ledger
one file of verdicts for each condition; and for MMLU, GSM8K, AdvBench and advice capabilities/<model>/<arm>.parquet, one
row for each measure of an answer, and statistics/capabilities.csv; refusals_by_rule/<model>/<arm>.parquet, the answers
that decline by two rules, and with `judge.refusals` refusals/<model>/<arm>.parquet, those that do so by the judge.
Costs: one call of the judge for each new answer and measure.

project_grades has no params and reads only files that jobs make (lineage rule 5). Its receipt only has to be there first.
"""


rule specify_judge:
    input:
        unpack(study.grading.judge_inputs),
    output:
        judge=study.path("judges/{criterion}.json"),
    log:
        **study.logs("specify_judge", "criterion"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        inputs=named_inputs,
        options=study.grading.judge_options,
        code=study.code("grading/specify.py"),
    message:
        "Specifying the judge of {wildcards.criterion}"
    shell:
        "exec python .snakemake/workflow/scripts/grading/specify.py"
        " {params.inputs} {params.options} --judge {output.judge}"
        " --record {log.record} > {log.text} 2>&1"


rule ask_judge:
    input:
        judges=study.grading.judges,
        questions=study.grading.questions,
        generations=study.grading.generations,
        # Whenever answers are asked for, so is the judge.
        answers=study.path("answers/{model}/{arm}/{suite}.json"),
        # No judge is paid to grade what is faulty, in the arm or in the original that it is compared with.
        checks=study.grading.checks,
    output:
        receipt=study.path("grades/{model}/{arm}/{suite}.json"),
    log:
        **study.logs("ask_judge", "model", "arm", "suite"),
    # Of the validation prompts two answers are compared (rules/warmth.smk).
    wildcard_constraints:
        suite=QUESTIONS,
    conda:
        "../envs/models.yaml"
    # How calls are carried out, and when to give up, decides no verdict: resources make nothing stale.
    resources:
        **job_resources.directive(study.grading.needs),
        calls=study.grading.calls,
    params:
        code=study.code("grading/ask.py"),
    message:
        "Grading the answers of {wildcards.arm} of {wildcards.model}: {wildcards.suite}"
    shell:
        "exec python .snakemake/workflow/scripts/grading/ask.py --judges {input.judges} --questions {input.questions}"
        " --generations {input.generations}"
        " {resources.calls} --threads {threads}"
        " --receipt {output.receipt}"
        " --record {log.record} 3>&2 > {log.text} 2>&1"


rule find_refusals:
    input:
        generations=study.suite_files(QUESTIONS, rules.project_answers.output.generations),
        # Whenever answers are asked for, they are read anew.
        answers=study.path(f"answers/{{model}}/{{arm}}/{QUESTIONS}.json"),
    output:
        refusals=study.path("refusals_by_rule/{model}/{arm}.parquet"),
    log:
        **study.logs("find_refusals", "model", "arm"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("grading/find_refusals.py"),
    message:
        "Writing which answers of {wildcards.arm} of {wildcards.model} decline by rule"
    shell:
        "exec python .snakemake/workflow/scripts/grading/find_refusals.py --generations {input.generations}"
        " --refusals {output.refusals}"
        " --record {log.record} > {log.text} 2>&1"


rule ask_measures:
    input:
        judges=study.grading.judges,
        questions=study.grading.questions,
        generations=study.grading.generations,
        # Whenever answers are asked for, so is the judge.
        answers=study.grading.answers,
        # Of refusals, a sample is drawn by what rules say.
        refusals=study.grading.refusals_by_rule,
        # No judge is paid to grade what is faulty, in the arm or in the original that it is compared with.
        checks=study.grading.checks,
    output:
        receipt=study.path("grades/{model}/{arm}/{suite}.json"),
    log:
        **study.logs("ask_measures", "model", "arm", "suite"),
    wildcard_constraints:
        suite=f"{CAPABILITIES}|{REFUSALS}",
    conda:
        "../envs/models.yaml"
    # How calls are carried out, and when to give up, decides no verdict: resources make nothing stale.
    resources:
        **job_resources.directive(study.grading.needs),
        calls=study.grading.calls,
    params:
        options=study.grading.options,
        code=study.code("grading/ask_measures.py"),
    message:
        "Grading the answers of {wildcards.arm} of {wildcards.model}: {wildcards.suite}"
    shell:
        "exec python .snakemake/workflow/scripts/grading/ask_measures.py --judges {input.judges} --questions {input.questions}"
        " --generations {input.generations} --refusals {input.refusals} {params.options}"
        " {resources.calls} --threads {threads}"
        " --receipt {output.receipt}"
        " --record {log.record} 3>&2 > {log.text} 2>&1"


rule project_grades:
    input:
        judge=study.path("judges/{task}.json"),
        questions=rules.sample_questions.output.questions,
        generations=rules.project_answers.output.generations,
        receipt=ancient(study.grading.receipt),
    output:
        judgements=study.path("judgements/{model}/{arm}/{task}/{condition}.parquet"),
    log:
        **study.logs("project_grades", "model", "arm", "task", "condition"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    resources:
        ledger=study.calls.ledger(),
    message:
        "Writing the verdicts on {wildcards.arm} of {wildcards.model} in {wildcards.task} under {wildcards.condition}"
    shell:
        "exec python .snakemake/workflow/scripts/grading/project.py --judge {input.judge} --questions {input.questions}"
        " --generations {input.generations} --receipt {input.receipt}"
        " {resources.ledger} --judgements {output.judgements}"
        " --record {log.record} > {log.text} 2>&1"


rule label_refusals:
    input:
        arm=study.path(f"arms/{{model}}/{{arm}}/{QUESTIONS}.json"),
        judge=study.path(f"judges/{REFUSAL}.json"),
        questions=expand(rules.sample_questions.output.questions, task=study.tasks),
        generations=study.suite_files(REFUSALS, rules.project_answers.output.generations),
        # Whenever answers are asked for, they are labelled anew.
        answers=study.path(f"answers/{{model}}/{{arm}}/{QUESTIONS}.json"),
        refusals=rules.find_refusals.output.refusals,
        receipt=study.path(f"grades/{{model}}/{{arm}}/{REFUSALS}.json"),
    output:
        labels=study.path("refusals/{model}/{arm}.parquet"),
    log:
        **study.logs("label_refusals", "model", "arm"),
    conda:
        "../envs/tables.yaml"
    resources:
        ledger=study.calls.ledger(),
    params:
        options=study.grading.sample_options(),
        code=study.code("grading/label_refusals.py"),
    message:
        "Writing which answers of {wildcards.arm} of {wildcards.model} decline by the judge"
    shell:
        "exec python .snakemake/workflow/scripts/grading/label_refusals.py --arm {input.arm} --judge {input.judge}"
        " --questions {input.questions} --generations {input.generations} --refusals {input.refusals}"
        " --receipt {input.receipt} {params.options} {resources.ledger} --labels {output.labels}"
        " --record {log.record} > {log.text} 2>&1"


rule score_capabilities:
    input:
        unpack(study.grading.capability_inputs),
        arm=study.path(f"arms/{{model}}/{{arm}}/{CAPABILITIES}.json"),
        questions=expand(rules.sample_questions.output.questions, task=study.capabilities),
        generations=study.suite_files(CAPABILITIES, rules.project_answers.output.generations),
        # Whenever answers are asked for, they are measured anew.
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
        judged=lambda _, input: options({name: input.get(name) for name in ("judges", "grades")}),
        options=study.grading.capability_options(),
        code=study.code("grading/score_capabilities.py"),
    message:
        "Scoring the capabilities of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/grading/score_capabilities.py --arm {input.arm} --questions {input.questions}"
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
