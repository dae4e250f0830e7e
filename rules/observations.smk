"""Observations: prompts, answers, verdicts and questions joined by item, the table that all statistics read.

Writes: observations/<model>/<arm>.parquet and observations.parquet, one row for each judged answer. Costs: nothing.
"""


rule observe_arm:
    input:
        arm=study.path(f"arms/{{model}}/{{arm}}/{QUESTIONS}.json"),
        prompts=study.suite_files(QUESTIONS, study.path("prompts/{task}/{condition}.parquet")),
        generations=study.suite_files(QUESTIONS, rules.project_answers.output.generations),
        judgements=study.suite_files(QUESTIONS, rules.project_grades.output.judgements),
        refusals=rules.find_refusals.output.refusals,
        questions=expand(rules.sample_questions.output.questions, task=study.tasks),
        # Whenever the judge is asked, its verdicts are joined anew.
        grades=rules.ask_judge.output.receipt.replace("{suite}", QUESTIONS),
        labels=[rules.label_refusals.output.labels] if study.labels_refusals else [],
    output:
        observations=study.path("observations/{model}/{arm}.parquet"),
    log:
        **study.logs("observe_arm", "model", "arm"),
    conda:
        "../envs/tables.yaml"
    params:
        options=study.statistics.observation_options(),
        code=study.code("observations/observe.py"),
    message:
        "Joining the observations of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/observations/observe.py --arm {input.arm} --prompts {input.prompts}"
        " --generations {input.generations} --judgements {input.judgements} --refusals {input.refusals}"
        " --questions {input.questions} --labels {input.labels} {params.options} --observations {output.observations}"
        " --record {log.record} > {log.text} 2>&1"


rule combine_observations:
    input:
        parts=expand(rules.observe_arm.output.observations, model=study.subjects, arm=study.arms),
    output:
        observations=study.path("observations.parquet"),
    log:
        **study.logs("combine_observations"),
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("observations/combine.py"),
    message:
        "Putting all observations into one table"
    shell:
        "exec python .snakemake/workflow/scripts/observations/combine.py"
        " --parts {input.parts} --observations {output.observations}"
        " --record {log.record} > {log.text} 2>&1"
