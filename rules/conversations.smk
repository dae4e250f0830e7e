"""Conversations to train on (Methods, "Dataset construction"): screened, labelled by query type, sampled evenly.

Reads: ShareGPT conversations. Writes: conversations/{toxicity,screened,labelled,training,validation}.parquet, the
source's card, and the counts of what was left out. Costs: one pass of the toxicity classifier, which a change of the
threshold does not repeat.
"""


rule score_toxicity:
    input:
        unpack(study.conversations.toxicity_inputs),
    output:
        toxicity=study.path("conversations/toxicity.parquet"),
    log:
        **study.logs("score_toxicity"),
    conda:
        "../envs/screening.yaml"
    params:
        inputs=named_inputs,
        options=options({name: config["conversations"][name] for name in ("classifier", "characters")}),
        origin=study.conversations.origin(),
        code=study.code("conversations/score.py"),
    message:
        "Scoring the toxicity of conversations"
    shell:
        "exec python .snakemake/workflow/scripts/conversations/score.py"
        " {params.inputs} {params.origin} {params.options}"
        " --toxicity {output.toxicity}"
        " --record {log.record} > {log.text} 2>&1"


rule screen_conversations:
    input:
        conversations=study.conversations.files(),
        toxicity=rules.score_toxicity.output.toxicity,
    output:
        screened=study.path("conversations/screened.parquet"),
        source=study.path("sources/conversations.json"),
        counts=study.path("audit/counts/screening.csv"),
    log:
        **study.logs("screen_conversations"),
    conda:
        "../envs/tables.yaml"
    params:
        options=options({name: config["conversations"][name] for name in ("threshold", "turns")}),
        origin=study.conversations.origin(),
        code=study.code("conversations/screen.py"),
    message:
        "Screening conversations"
    shell:
        "exec python .snakemake/workflow/scripts/conversations/screen.py"
        " --conversations {input.conversations} {params.origin}"
        " --toxicity {input.toxicity} {params.options}"
        " --screened {output.screened} --source {output.source} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"


rule label_conversations:
    input:
        screened=rules.screen_conversations.output.screened,
    output:
        labelled=study.path("conversations/labelled.parquet"),
        comparison=study.path("conversations/labels.csv"),
        counts=study.path("audit/counts/labelling.csv"),
    log:
        **study.logs("label_conversations"),
    conda:
        "../envs/tables.yaml"
    params:
        options=options({"rules": config["conversations"]["labels"]}),
        code=study.code("conversations/label.py"),
    message:
        "Labelling conversations by query type"
    shell:
        "exec python .snakemake/workflow/scripts/conversations/label.py --screened {input.screened} {params.options}"
        " --labelled {output.labelled} --comparison {output.comparison} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"


rule sample_conversations:
    input:
        labelled=rules.label_conversations.output.labelled,
    output:
        training=study.path("conversations/training.parquet"),
        validation=study.path("conversations/validation.parquet"),
        realised=study.path("conversations/sample.csv"),
        counts=study.path("audit/counts/sampling.csv"),
    log:
        **study.logs("sample_conversations"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options(
            {
                "training-size": config["conversations"]["training-size"],
                "validation-size": config["conversations"]["validation-size"],
                "short-type": config["conversations"].get("short-type"),
                "seed": config["seed"],
            }
        ),
        code=study.code("conversations/sample.py"),
    message:
        "Sampling training and validation conversations"
    shell:
        "exec python .snakemake/workflow/scripts/conversations/sample.py --labelled {input.labelled} {params.options}"
        " --training {output.training} --validation {output.validation} --realised {output.realised}"
        " --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"
