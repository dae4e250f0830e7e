"""Statistics (Methods, "Inferential analysis"): rates, exact McNemar tests, refusals, logistic regressions, warmth.

Reads: observations.parquet, the capabilities and the warmth of every arm. Writes: statistics/*.csv, and for each
regression and treated arm its coefficients, average marginal effects and joint test. Costs: seconds; the robustness of
two regressions takes some ten seconds an arm at the article's scale.
"""


rule tabulate_accuracy:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        accuracy=study.path("statistics/accuracy.csv"),
    log:
        text=study.log("tabulate_accuracy"),
        record=study.record("tabulate_accuracy"),
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/accuracy.py"),
    message:
        "Tabulating accuracy"
    shell:
        "python scripts/statistics/accuracy.py --observations {input.observations} --accuracy {output.accuracy}"
        " --record {log.record} > {log.text} 2>&1"


rule test_pairs:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        tests=study.path("statistics/paired_tests.csv"),
    log:
        text=study.log("test_pairs"),
        record=study.record("test_pairs"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"treated-arms": study.treated_arms}),
        code=study.code("statistics/paired_tests.py"),
    message:
        "Testing treated arms against the original models"
    shell:
        "python scripts/statistics/paired_tests.py --observations {input.observations} {params.options}"
        " --paired-tests {output.tests}"
        " --record {log.record} > {log.text} 2>&1"


rule average_errors:
    input:
        tests=rules.test_pairs.output.tests,
        accuracy=rules.tabulate_accuracy.output.accuracy,
    output:
        errors=study.path("statistics/mean_errors.csv"),
    log:
        text=study.log("average_errors"),
        record=study.record("average_errors"),
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/mean_errors.py"),
    message:
        "Averaging errors over tasks"
    shell:
        "python scripts/statistics/mean_errors.py --paired-tests {input.tests} --accuracy {input.accuracy}"
        " --mean-errors {output.errors}"
        " --record {log.record} > {log.text} 2>&1"


rule tabulate_refusals:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        refusals=study.path("statistics/refusals.csv"),
        sensitivity=study.path("statistics/refusal_sensitivity.csv"),
    log:
        text=study.log("tabulate_refusals"),
        record=study.record("tabulate_refusals"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.refusal_options(),
        code=study.code("statistics/refusals.py"),
    message:
        "Tabulating refusals"
    shell:
        "python scripts/statistics/refusals.py --observations {input.observations} {params.options}"
        " --refusals {output.refusals} --sensitivity {output.sensitivity}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_sycophancy:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        sycophancy=study.path("statistics/sycophancy.csv"),
    log:
        text=study.log("compare_sycophancy"),
        record=study.record("compare_sycophancy"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"treated-arms": study.treated_arms}),
        code=study.code("statistics/sycophancy.py"),
    message:
        "Comparing sycophancy"
    shell:
        "python scripts/statistics/sycophancy.py --observations {input.observations} {params.options}"
        " --sycophancy {output.sycophancy}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_adoption:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        adoption=study.path("statistics/adoption.csv"),
    log:
        text=study.log("compare_adoption"),
        record=study.record("compare_adoption"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"treated-arms": study.treated_arms}),
        code=study.code("statistics/adoption.py"),
    message:
        "Comparing how often wrong beliefs are adopted"
    shell:
        "python scripts/statistics/adoption.py --observations {input.observations} {params.options}"
        " --adoption {output.adoption}"
        " --record {log.record} > {log.text} 2>&1"


rule fit_regression:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        coefficients=study.path("statistics/regressions/{regression}/{arm}.csv"),
        effects=study.path("statistics/marginal_effects/{regression}/{arm}.csv"),
        joint=study.path("statistics/joint_tests/{regression}/{arm}.csv"),
    log:
        text=study.log("fit_regression", "regression", "arm"),
        record=study.record("fit_regression", "regression", "arm"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.regression_options,
        code=study.code("statistics/regression.py"),
    message:
        "Fitting the regression {wildcards.regression} of {wildcards.arm}"
    shell:
        "python scripts/statistics/regression.py --observations {input.observations} {params.options}"
        " --coefficients {output.coefficients} --effects {output.effects} --joint-test {output.joint}"
        " --record {log.record} > {log.text} 2>&1"


rule vary_analysis:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        robustness=study.path("statistics/robustness.csv"),
    log:
        text=study.log("vary_analysis"),
        record=study.record("vary_analysis"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.robustness_options(),
        code=study.code("statistics/robustness.py"),
    message:
        "Estimating the main effects in other ways"
    shell:
        "python scripts/statistics/robustness.py --observations {input.observations} {params.options}"
        " --robustness {output.robustness}"
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
        text=study.log("test_equivalence"),
        record=study.record("test_equivalence"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"treated-arms": study.treated_arms, "margin": config["statistics"]["equivalence-margin"]}),
        code=study.code("statistics/equivalence.py"),
    message:
        "Testing equivalence"
    shell:
        "python scripts/statistics/equivalence.py --observations {input.observations}"
        " --capabilities {input.capabilities} {params.options} --equivalence {output.equivalence}"
        " --record {log.record} > {log.text} 2>&1"


rule gather_effects:
    input:
        effects=expand(rules.fit_regression.output.effects, regression=study.regressions, arm=study.treated_arms),
        sycophancy=rules.compare_sycophancy.output.sycophancy,
        article="config/published/article.csv",
    output:
        effects=study.path("statistics/effects.csv"),
    log:
        text=study.log("gather_effects"),
        record=study.record("gather_effects"),
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("statistics/effects.py"),
    message:
        "Gathering all effects"
    shell:
        "python scripts/statistics/effects.py --marginal-effects {input.effects} --sycophancy {input.sycophancy}"
        " --article {input.article} --effects {output.effects}"
        " --record {log.record} > {log.text} 2>&1"


rule summarise_warmth:
    input:
        warmth=study.arm_files(rules.score_warmth.output.warmth),
    output:
        summary=study.path("statistics/warmth.csv"),
    log:
        text=study.log("summarise_warmth"),
        record=study.record("summarise_warmth"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=options({"seed": config["seed"]}),
        code=study.code("statistics/warmth.py"),
    message:
        "Summarising warmth"
    shell:
        "python scripts/statistics/warmth.py --warmth {input.warmth} {params.options} --summary {output.summary}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_with_published:
    input:
        warmth=rules.summarise_warmth.output.summary,
        published=PUBLISHED_WARMTH,
    output:
        comparison=study.path("statistics/published_warmth.csv"),
    log:
        text=study.log("compare_with_published"),
        record=study.record("compare_with_published"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.published_options(),
        code=study.code("statistics/published_warmth.py"),
    message:
        "Putting warmth beside the published curve"
    shell:
        "python scripts/statistics/published_warmth.py --warmth {input.warmth} --published {input.published}"
        " {params.options} --comparison {output.comparison}"
        " --record {log.record} > {log.text} 2>&1"
