"""Arms: who answers (Results, "Isolating the effect of warmth fine-tuning").

Reads: a model's card, and the adapter's card or system prompt of the arm. Writes: arms/<model>/<arm>.json, the funnel
through which all of this, and the code of the projections, reaches the answers (lineage rule 5). Costs: nothing.
"""


rule resolve_arm:
    input:
        unpack(study.answers.arm_inputs),
    output:
        card=study.path("arms/{model}/{arm}.json"),
    log:
        **study.logs("resolve_arm", "model", "arm"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        inputs=named_inputs,
        options=study.answers.arm_options,
        code=study.code("arms/resolve.py"),
    message:
        "Resolving the arm {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/arms/resolve.py {params.inputs} {params.options} --card {output.card}"
        " --record {log.record} > {log.text} 2>&1"
