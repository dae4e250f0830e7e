"""Statistics (Methods, "Inferential analysis"): rates, exact McNemar tests, refusals, equivalence, warmth.

Reads: observations.parquet, the capabilities and the warmth of every arm. Writes: statistics/*.csv. Costs: seconds.
"""


rule summarise_judged_warmth:
    input:
        judged=expand(rules.compare_warmth.output.judged, model=study.subjects, arm=study.compared_arms),
    output:
        summary=study.path("statistics/judged_warmth.csv"),
    log:
        **study.logs("summarise_judged_warmth"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/judged_warmth.py"),
    message:
        "Summarising warmth as the judge sees it"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/judged_warmth.py"
        " --judged {input.judged} --summary {output.summary}"
        " --record {log.record} > {log.text} 2>&1"


rule tabulate_accuracy:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        accuracy=study.path("statistics/accuracy.csv"),
    log:
        **study.logs("tabulate_accuracy"),
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/accuracy.py"),
    message:
        "Tabulating accuracy"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/accuracy.py"
        " --observations {input.observations} --accuracy {output.accuracy}"
        " --record {log.record} > {log.text} 2>&1"


rule test_pairs:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        tests=study.path("statistics/paired_tests.csv"),
    log:
        **study.logs("test_pairs"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.treated_options(),
        code=study.code("statistics/paired_tests.py"),
    message:
        "Testing treated arms against the original models"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/paired_tests.py"
        " --observations {input.observations} {params.options}"
        " --paired-tests {output.tests}"
        " --record {log.record} > {log.text} 2>&1"


rule average_errors:
    input:
        tests=rules.test_pairs.output.tests,
        accuracy=rules.tabulate_accuracy.output.accuracy,
    output:
        errors=study.path("statistics/mean_errors.csv"),
    log:
        **study.logs("average_errors"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/mean_errors.py"),
    message:
        "Averaging errors over tasks"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/mean_errors.py --paired-tests {input.tests} --accuracy {input.accuracy}"
        " --mean-errors {output.errors}"
        " --record {log.record} > {log.text} 2>&1"


rule tabulate_refusals:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        refusals=study.path("statistics/refusals.csv"),
        sensitivity=study.path("statistics/refusal_sensitivity.csv"),
    log:
        **study.logs("tabulate_refusals"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.refusal_options(),
        code=study.code("statistics/refusals.py"),
    message:
        "Tabulating refusals"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/refusals.py"
        " --observations {input.observations} {params.options}"
        " --refusals {output.refusals} --sensitivity {output.sensitivity}"
        " --record {log.record} > {log.text} 2>&1"


rule test_refusal_rules:
    input:
        labels=expand(rules.label_refusals.output.labels, model=study.subjects, arm=study.arms),
    output:
        errors=study.path("statistics/refusal_errors.csv"),
    log:
        **study.logs("test_refusal_rules"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/refusal_errors.py"),
    message:
        "Holding the rules for refusals against the judge"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/refusal_errors.py --labels {input.labels}"
        " --errors {output.errors}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_sycophancy:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        sycophancy=study.path("statistics/sycophancy.csv"),
    log:
        **study.logs("compare_sycophancy"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.treated_options(),
        code=study.code("statistics/sycophancy.py"),
    message:
        "Comparing sycophancy"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/sycophancy.py"
        " --observations {input.observations} {params.options}"
        " --sycophancy {output.sycophancy}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_adoption:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        adoption=study.path("statistics/adoption.csv"),
    log:
        **study.logs("compare_adoption"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.treated_options(),
        code=study.code("statistics/adoption.py"),
    message:
        "Comparing how often wrong beliefs are adopted"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/adoption.py"
        " --observations {input.observations} {params.options}"
        " --adoption {output.adoption}"
        " --record {log.record} > {log.text} 2>&1"


rule test_equivalence:
    input:
        observations=rules.combine_observations.output.observations,
        capabilities=(
            expand(rules.score_capabilities.output.capabilities, model=study.subjects, arm=study.arms)
            if study.capabilities
            else []
        ),
    output:
        equivalence=study.path("statistics/equivalence.csv"),
    log:
        **study.logs("test_equivalence"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options(
            {"treated-arms": sorted(study.treated_arms), "margin": config["statistics"]["equivalence-margin"]}
        ),
        code=study.code("statistics/equivalence.py"),
    message:
        "Testing equivalence"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/equivalence.py --observations {input.observations}"
        " --capabilities {input.capabilities} {params.options} --equivalence {output.equivalence}"
        " --record {log.record} > {log.text} 2>&1"


rule summarise_warmth:
    input:
        warmth=study.arm_files(rules.score_warmth.output.warmth),
    output:
        summary=study.path("statistics/warmth.csv"),
    log:
        **study.logs("summarise_warmth"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"seed": config["seed"]}),
        code=study.code("statistics/warmth.py"),
    message:
        "Summarising warmth"
    shell:
        "exec python .snakemake/workflow/scripts/statistics/warmth.py"
        " --warmth {input.warmth} {params.options} --summary {output.summary}"
        " --record {log.record} > {log.text} 2>&1"
