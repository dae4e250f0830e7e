"""Base models (Methods, "Warmth fine-tuning as persona training").

Reads: the sources that the configuration names. Writes: models/<model>.json, the card that says where a model's weights
are and identifies them by content; the weights themselves are shared by all studies. Costs: one download a model.
"""


rule fetch_model:
    input:
        # The script finds them by itself.
        weights=study.sources.weights,
    output:
        card=study.path("models/{model}.json"),
    log:
        **study.logs("fetch_model", "model"),
    localrule: True
    conda:
        "../envs/models.yaml"
    params:
        options=study.sources.model_options,
        code=study.code("models/fetch.py"),
    message:
        "Bringing the weights of {wildcards.model} to disk"
    shell:
        "exec python .snakemake/workflow/scripts/models/fetch.py {params.options} --card {output.card}"
        " --record {log.record} > {log.text} 2>&1"
