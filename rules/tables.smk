"""The tables of a paper, as LaTeX with the packages booktabs and longtable.

Reads: statistics. Writes: tables/*.tex. Costs: seconds.
"""


rule write_tables:
    input:
        accuracy=rules.tabulate_accuracy.output.accuracy,
        tests=rules.test_pairs.output.tests,
        coefficients=expand(
            rules.fit_regression.output.coefficients, regression=study.regressions, arm=study.treated_arms
        ),
        effects=rules.gather_effects.output.effects,
        sycophancy=rules.compare_sycophancy.output.sycophancy,
        warmth=rules.summarise_warmth.output.summary,
    output:
        accuracy=study.path("tables/accuracy.tex"),
        tests=study.path("tables/paired_tests.tex"),
        coefficients=study.path("tables/coefficients.tex"),
        effects=study.path("tables/marginal_effects.tex"),
        sycophancy=study.path("tables/sycophancy.tex"),
        warmth=study.path("tables/warmth.tex"),
    log:
        **study.logs("write_tables"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        code=study.code("tables/write.py"),
    message:
        "Writing tables for print"
    shell:
        "exec python .snakemake/workflow/scripts/tables/write.py"
        " --accuracy {input.accuracy} --paired-tests {input.tests}"
        " --coefficients {input.coefficients} --effects {input.effects} --sycophancy {input.sycophancy}"
        " --warmth {input.warmth} --accuracy-table {output.accuracy} --paired-tests-table {output.tests}"
        " --coefficients-table {output.coefficients} --marginal-effects-table {output.effects}"
        " --sycophancy-table {output.sycophancy} --warmth-table {output.warmth}"
        " --record {log.record} > {log.text} 2>&1"
