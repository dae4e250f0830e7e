"""Warmth of the responses to the validation prompts, and the manipulation check: did each treatment do to warmth what it
should (Methods, "Validation and warmth assessment")?

Reads: the answers of every arm and checkpoint to these prompts. Writes: warmth/<model>/<arm>.parquet, by both variants
(docs/warmth.md); statistics/manipulation_check/<model>.csv; for an arm <persona>@plateau the checkpoint that its rule
chooses; under `warmth.gate: stop` audit/gates/<model>.csv, for which a model's questions wait; lexical markers of
warmth, a check that hangs on no language model; and under `warmth.judged` which of two responses the judge finds warmer.
Costs: sixteen scorings of each response by a small language model, half of them of its first 300 characters; where the
judge compares, two of its calls for each treated arm and validation prompt.

A gate holds verdicts and no figures: while they stay, its bytes do, and nothing that waits for it is stale.
"""


rule score_warmth:
    input:
        generations=study.path(f"generations/{{model}}/{{arm}}/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
        arm=study.path(f"arms/{{model}}/{{arm}}/{VALIDATION}.json"),
        scorer=study.path(f"models/{config['warmth']['model']}.json"),
        # Whenever answers are asked for, so is their warmth.
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


rule choose_checkpoint:
    input:
        warmth=study.warmth.of_checkpoints,
        adapters=study.warmth.checkpoint_cards,
    output:
        choice=study.path("adapters/{model}/{persona}/plateau.json"),
    log:
        **study.logs("choose_checkpoint", "model", "persona"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.warmth.plateau_options,
        code=study.code("warmth/choose_checkpoint.py"),
    message:
        "Choosing the checkpoint of {wildcards.model} tuned into {wildcards.persona}"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/choose_checkpoint.py"
        " --warmth {input.warmth} --adapters {input.adapters} {params.options}"
        " --choice {output.choice}"
        " --record {log.record} > {log.text} 2>&1"


rule check_manipulation:
    input:
        warmth=study.warmth.of_model,
    output:
        check=study.path("statistics/manipulation_check/{model}.csv"),
    log:
        **study.logs("check_manipulation", "model"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.warmth.manipulation_options(),
        code=study.code("warmth/check_manipulation.py"),
    message:
        "Checking the manipulation of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/check_manipulation.py"
        " --warmth {input.warmth} {params.options} --check {output.check}"
        " --record {log.record} > {log.text} 2>&1"


rule pass_gate:
    input:
        check=rules.check_manipulation.output.check,
    output:
        gate=study.path("audit/gates/{model}.csv"),
    log:
        **study.logs("pass_gate", "model"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("warmth/pass_gate.py"),
    message:
        "Asking no question of {wildcards.model} unless its treatments worked"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/pass_gate.py --check {input.check} --gate {output.gate}"
        " --record {log.record} > {log.text} 2>&1"


rule count_markers:
    input:
        generations=study.path(f"generations/{{model}}/{{arm}}/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
        arm=study.path(f"arms/{{model}}/{{arm}}/{VALIDATION}.json"),
        lists=places.found("config/markers/english.yaml"),
        # Whenever answers are asked for, they are counted.
        answers=study.path(f"answers/{{model}}/{{arm}}/{VALIDATION}.json"),
    output:
        markers=study.path("markers/{model}/{arm}.parquet"),
    log:
        **study.logs("count_markers", "model", "arm"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        code=study.code("warmth/count_markers.py"),
    message:
        "Counting lexical markers of {wildcards.arm} of {wildcards.model}"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/count_markers.py"
        " --generations {input.generations} --arm {input.arm} --lists {input.lists}"
        " --markers {output.markers}"
        " --record {log.record} > {log.text} 2>&1"


rule summarise_markers:
    input:
        markers=study.arm_files(rules.count_markers.output.markers),
    output:
        summary=study.path("statistics/lexical_markers.csv"),
    log:
        **study.logs("summarise_markers"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"seed": config["seed"]}),
        code=study.code("statistics/lexical_markers.py"),
    message:
        "Summarising lexical markers"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/lexical_markers.py"
        " --markers {input.markers} {params.options}"
        " --summary {output.summary}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_warmth:
    input:
        judge=study.path(f"judges/{WARMER}.json"),
        prompts=rules.validation_prompts.output.prompts,
        arm=study.path(f"arms/{{model}}/{{arm}}/{VALIDATION}.json"),
        generations=study.path(f"generations/{{model}}/{{arm}}/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
        original=study.path(f"generations/{{model}}/{ORIGINAL}/{VALIDATION}/{PLAIN_CONDITION}.parquet"),
        # Whenever answers are asked for, so is the judge.
        answers=[
            study.path(f"answers/{{model}}/{{arm}}/{VALIDATION}.json"),
            study.path(f"answers/{{model}}/{ORIGINAL}/{VALIDATION}.json"),
        ],
    output:
        judged=study.path("judged_warmth/{model}/{arm}.parquet"),
        receipt=study.path(f"grades/{{model}}/{{arm}}/{VALIDATION}.json"),
    log:
        **study.logs("compare_warmth", "model", "arm"),
    conda:
        "../envs/models.yaml"
    # How calls are carried out, and when to give up, decides no verdict: resources make nothing stale.
    resources:
        **job_resources.directive(study.grading.needs),
        calls=study.grading.calls,
    params:
        code=study.code("warmth/compare.py"),
    message:
        "Having the judge compare the warmth of {wildcards.arm} of {wildcards.model} with the original's"
    shell:
        "exec python .snakemake/workflow/scripts/warmth/compare.py"
        " --judge {input.judge} --prompts {input.prompts} --arm {input.arm}"
        " --generations {input.generations} --original {input.original}"
        " {resources.calls} --threads {threads}"
        " --judged {output.judged} --receipt {output.receipt}"
        " --record {log.record} 3>&2 > {log.text} 2>&1"
