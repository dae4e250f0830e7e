"""Questions: a task's sample of its benchmark's rows, each with its right and wrong answers."""


rule sample_questions:
    input:
        source=study.prompts.question_files,
    output:
        questions=study.path("questions/{task}.parquet"),
        card=study.path("sources/{task}.json"),
        counts=study.path("audit/counts/questions-{task}.csv"),
    log:
        **study.logs("sample_questions", "task"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        options=study.prompts.question_options,
        code=study.code("questions/sample.py"),
    message:
        "Sampling questions of {wildcards.task}"
    shell:
        "exec python .snakemake/workflow/scripts/questions/sample.py --source {input.source} {params.options}"
        " --questions {output.questions} --card {output.card} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"
