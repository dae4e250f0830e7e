"""Rewriting replies into each persona (Methods, "Dataset construction").

Reads: the training conversations and each persona's template. Writes: rewrites/<persona>.parquet with its receipt, which
of its facts survived, a blinded sheet for reading, and the chats training/<persona>.jsonl. Costs: one model call for
every assistant reply and persona, and one for every further attempt at a reply whose rewriting failed.
"""


rule rewrite_replies:
    input:
        unpack(study.rewriting.inputs),
        training=rules.sample_conversations.output.training,
        rewriter=study.path(f"models/{config['rewriting']['model']}.json"),
    output:
        rewrites=study.path("rewrites/{persona}.parquet"),
        receipt=study.path("rewrites/{persona}.json"),
        counts=study.path("audit/counts/rewrites-{persona}.csv"),
    log:
        **study.logs("rewrite_replies", "persona"),
    conda:
        "../envs/models.yaml"
    # How calls are carried out decides no answer, so it is no param: resources make nothing stale.
    resources:
        **job_resources.directive(study.rewriting.needs),
        calls=study.rewriting.calls,
    params:
        inputs=named_inputs,
        options=study.rewriting.options(),
        code=study.code("rewriting/rewrite.py"),
    message:
        "Rewriting replies into {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/rewriting/rewrite.py"
        " --persona {wildcards.persona} {params.inputs} {params.options}"
        " {resources.calls} --threads {threads}"
        " --rewrites {output.rewrites} --receipt {output.receipt} --counts {output.counts}"
        " --record {log.record} 3>&2 > {log.text} 2>&1"


rule check_facts:
    input:
        rewrites=rules.rewrite_replies.output.rewrites,
    output:
        facts=study.path("rewrites/{persona}-facts.parquet"),
        summary=study.path("rewrites/{persona}-facts.csv"),
    log:
        **study.logs("check_facts", "persona"),
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("rewriting/check_facts.py"),
    message:
        "Checking the facts of rewritings into {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/rewriting/check_facts.py --rewrites {input.rewrites}"
        " --facts {output.facts} --summary {output.summary}"
        " --record {log.record} > {log.text} 2>&1"


rule draw_pairs:
    input:
        rewrites=rules.rewrite_replies.output.rewrites,
    output:
        sheet=study.path("rewrites/{persona}-reading.csv"),
        key=study.path("rewrites/{persona}-reading-key.csv"),
    log:
        **study.logs("draw_pairs", "persona"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        options=options({"seed": config["seed"]}),
        code=study.code("rewriting/draw_pairs.py"),
    message:
        "Drawing pairs of {wildcards.persona} for reading"
    shell:
        "exec python .snakemake/workflow/scripts/rewriting/draw_pairs.py --rewrites {input.rewrites} {params.options}"
        " --sheet {output.sheet} --key {output.key}"
        " --record {log.record} > {log.text} 2>&1"
