"""Fine-tuning of every model into every persona (Methods, "Warmth fine-tuning as persona training"): LoRA where its
weights are at hand, elsewhere at its endpoint.

Reads: the chats of a persona and a base model. Writes: adapters/<model>/<persona>/epoch-<e>/ and its card for each
epoch, and the loss by step; of a model at an endpoint the card alone. Costs: one training run a model and persona; at
an endpoint, where few checkpoints of a run are kept, one or more. A run that is killed goes on from the state that it
left in results/training/ (docs/training.md).
"""


rule write_chats:
    input:
        training=rules.sample_conversations.output.training,
        rewrites=rules.rewrite_replies.output.rewrites,
    output:
        chats=study.path("training/{persona}.jsonl"),
        lines=study.path("training/{persona}.csv"),
        counts=study.path("audit/counts/rewriting-{persona}.csv"),
    log:
        **study.logs("write_chats", "persona"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("training/write_chats.py"),
    message:
        "Writing the training chats of {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/training/write_chats.py"
        " --training {input.training} --rewrites {input.rewrites}"
        " --persona {wildcards.persona} --chats {output.chats} --lines {output.lines} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"


ADAPTER = study.path("adapters/{{model}}/{{persona}}/epoch-{epoch}")


rule train_adapters:
    input:
        chats=rules.write_chats.output.chats,
        model=rules.fetch_model.output.card,
    output:
        cards=expand(f"{ADAPTER}.json", epoch=study.epochs),
        adapters=expand(
            f"{ADAPTER}/{{name}}", epoch=study.epochs, name=["adapter_config.json", "adapter_model.safetensors"]
        ),
        losses=study.path("adapters/{model}/{persona}/training.csv"),
        throughput=study.path("audit/training/{model}/{persona}.csv"),
        counts=study.path("audit/counts/training-{model}-{persona}.csv"),
    log:
        **study.logs("train_adapters", "model", "persona"),
    wildcard_constraints:
        model=study.tuned_here(),
    conda:
        "../envs/models.yaml"
    # How often state is saved, and how memory is spared, decides nothing: resources make nothing stale.
    resources:
        **job_resources.directive(study.training.needs),
        execution=study.training.execution,
    params:
        options=study.training.options,
        code=study.code("training/train.py"),
    message:
        "Tuning {wildcards.model} into {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/training/train.py"
        " --chats {input.chats} --model {input.model} {params.options}"
        " {resources.execution} --threads {threads} --cards {output.cards} --adapters {output.adapters}"
        " --losses {output.losses} --throughput {output.throughput} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"


rule tune_at_endpoint:
    input:
        chats=rules.write_chats.output.chats,
        model=rules.fetch_model.output.card,
    output:
        checkpoints=study.path("adapters/{model}/{persona}/checkpoints.json"),
        losses=study.path("adapters/{model}/{persona}/training.csv"),
        counts=study.path("audit/counts/training-{model}-{persona}.csv"),
    log:
        **study.logs("tune_at_endpoint", "model", "persona"),
    wildcard_constraints:
        model=study.tuned_at_endpoint(),
    localrule: True
    conda:
        "../envs/tables.yaml"
    # Where and under which name it is tuned decides nothing, so it is no param: resources make nothing stale.
    resources:
        calls=study.training.tuning_calls,
    params:
        options=study.training.tuning_options,
        code=study.code("training/tune_at_endpoint.py"),
    message:
        "Tuning {wildcards.model} into {wildcards.persona} at its endpoint"
    shell:
        "exec python .snakemake/workflow/scripts/training/tune_at_endpoint.py"
        " --chats {input.chats} --model {input.model} {params.options}"
        " {resources.calls} --checkpoints {output.checkpoints} --losses {output.losses} --counts {output.counts}"
        " --record {log.record} > {log.text} 2>&1"


rule name_checkpoint:
    input:
        checkpoints=rules.tune_at_endpoint.output.checkpoints,
    output:
        card=study.path("adapters/{model}/{persona}/epoch-{epoch}.json"),
    log:
        **study.logs("name_checkpoint", "model", "persona", "epoch"),
    wildcard_constraints:
        model=study.tuned_at_endpoint(),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("training/name_checkpoint.py"),
    message:
        "Naming the checkpoint of epoch {wildcards.epoch} of {wildcards.model} tuned into {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/training/name_checkpoint.py"
        " --checkpoints {input.checkpoints} --epoch {wildcards.epoch}"
        " --card {output.card}"
        " --record {log.record} > {log.text} 2>&1"


rule tabulate_training:
    input:
        losses=expand(rules.train_adapters.output.losses, model=study.subjects, persona=study.trained_personas),
    output:
        training=study.path("statistics/training.csv"),
    log:
        **study.logs("tabulate_training"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("training/tabulate.py"),
    message:
        "Tabulating training"
    shell:
        "exec python .snakemake/workflow/scripts/training/tabulate.py"
        " --losses {input.losses} --training {output.training}"
        " --record {log.record} > {log.text} 2>&1"
