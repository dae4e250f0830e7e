"""Models of error (Methods, "Inferential analysis"): logistic regressions with clustered errors, and other estimates.

Reads: observations.parquet. Writes: for each regression and treated arm its coefficients, average marginal effects and
joint test, statistics/robustness.csv, and all effects side by side in statistics/effects.csv. Costs: seconds; the
robustness of two regressions takes a few seconds an arm at the article's scale.
"""


rule fit_regression:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        coefficients=study.path("statistics/regressions/{regression}/{arm}.csv"),
        effects=study.path("statistics/marginal_effects/{regression}/{arm}.csv"),
        joint=study.path("statistics/joint_tests/{regression}/{arm}.csv"),
    log:
        **study.logs("fit_regression", "regression", "arm"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.regression_options,
        code=study.code("regressions/fit.py"),
    message:
        "Fitting the regression {wildcards.regression} of {wildcards.arm}"
    shell:
        "exec python .snakemake/workflow/scripts/regressions/fit.py"
        " --observations {input.observations} {params.options}"
        " --coefficients {output.coefficients} --effects {output.effects} --joint-test {output.joint}"
        " --record {log.record} > {log.text} 2>&1"


rule vary_analysis:
    input:
        observations=rules.combine_observations.output.observations,
    output:
        robustness=study.path("statistics/robustness.csv"),
    log:
        **study.logs("vary_analysis"),
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.robustness_options(),
        code=study.code("regressions/robustness.py"),
    message:
        "Estimating the main effects in other ways"
    shell:
        "exec python .snakemake/workflow/scripts/regressions/robustness.py"
        " --observations {input.observations} {params.options}"
        " --robustness {output.robustness}"
        " --record {log.record} > {log.text} 2>&1"


rule gather_effects:
    input:
        effects=expand(rules.fit_regression.output.effects, regression=study.regressions, arm=study.treated_arms),
        sycophancy=rules.compare_sycophancy.output.sycophancy,
        article=places.found("config/published/article.csv"),
    output:
        effects=study.path("statistics/effects.csv"),
    log:
        **study.logs("gather_effects"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        order=input_order,
        code=study.code("regressions/gather_effects.py"),
    message:
        "Gathering all effects"
    shell:
        "exec python .snakemake/workflow/scripts/regressions/gather_effects.py"
        " --marginal-effects {input.effects} --sycophancy {input.sycophancy}"
        " --article {input.article} --effects {output.effects}"
        " --record {log.record} > {log.text} 2>&1"
