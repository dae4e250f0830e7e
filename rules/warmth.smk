"""Warmth of the responses to the validation prompts (Methods, "Validation and warmth assessment").

Reads: the answers of every arm and checkpoint. Writes: warmth/<model>/<arm>.parquet, by both variants (docs/warmth.md).
Costs: sixteen scorings a response by a small language model, half of them of its first 300 characters.
"""


rule score_warmth:
    input:
        generations=study.path(f"generations/{{model}}/{{arm}}/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
        arm=rules.resolve_arm.output.card,
        scorer=study.path(f"models/{config['warmth']['model']}.json"),
        # Whenever answers are asked for, so is their warmth, lest a reason of its own be overlooked (warmline.workflow.edges).
        answers=study.path(f"answers/{{model}}/{{arm}}/{VALIDATION}.json"),
    output:
        warmth=study.path("warmth/{model}/{arm}.parquet"),
    log:
        **study.logs("score_warmth", "model", "arm"),
    conda:
        "../envs/models.yaml"
    resources:
        **job_resources.directive(study.warmth.needs),
    params:
        options=options(study.numerics(config["warmth"]["model"])),
        code=study.code("warmth/score.py"),
    message:
        "Measuring the warmth of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/score.py"
        " --generations {input.generations} --arm {input.arm} --scorer {input.scorer}"
        " {params.options} --threads {threads} --warmth {output.warmth}"
        " --record {log.record} > {log.text} 2>&1"
