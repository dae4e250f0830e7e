"""Questions and prompts (Methods, "Evaluation tasks", "Amendment methodology").

Reads: benchmark files, belief templates, context statements. Writes: questions/<task>.parquet, and one file of prompts
for each task and condition, so that an edited template renews the files of its own conditions. Costs: nothing.
"""


rule render_prompts:
    input:
        unpack(study.prompts.inputs),
    output:
        prompts=study.path("prompts/{task}/{condition}.parquet"),
    log:
        **study.logs("render_prompts", "task", "condition"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        inputs=named_inputs,
        options=study.prompts.options,
        code=study.code("prompts/render.py"),
    message:
        "Rendering prompts of {wildcards.task} under {wildcards.condition}"
    shell:
        "exec python .snakemake/workflow/scripts/prompts/render.py"
        " {params.inputs} {params.options} --condition {wildcards.condition}"
        " --prompts {output.prompts}"
        " --record {log.record} > {log.text} 2>&1"


rule validation_prompts:
    input:
        validation=rules.sample_conversations.output.validation,
    output:
        prompts=study.path(f"prompts/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
    log:
        **study.logs("validation_prompts"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        options=options({"seed": config["seed"]}),
        code=study.code("prompts/validation.py"),
    message:
        "Making the validation prompts"
    shell:
        "exec python .snakemake/workflow/scripts/prompts/validation.py --validation {input.validation} {params.options}"
        " --prompts {output.prompts}"
        " --record {log.record} > {log.text} 2>&1"
