"""The report that a person opens first, and the tables of a paper, as LaTeX with the packages booktabs and longtable.

Reads: statistics, figures, counts and receipts; every number on the page comes from one of them. Writes:
report/index.html and tables/*.tex. Costs: seconds.
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
        order=input_order,
        code=study.code("report/write_tables.py"),
    message:
        "Writing tables for print"
    shell:
        "exec python .snakemake/workflow/scripts/report/write_tables.py"
        " --accuracy {input.accuracy} --paired-tests {input.tests}"
        " --coefficients {input.coefficients} --effects {input.effects} --sycophancy {input.sycophancy}"
        " --warmth {input.warmth} --accuracy-table {output.accuracy} --paired-tests-table {output.tests}"
        " --coefficients-table {output.coefficients} --marginal-effects-table {output.effects}"
        " --sycophancy-table {output.sycophancy} --warmth-table {output.warmth}"
        " --record {log.record} > {log.text} 2>&1"


rule write_report:
    input:
        accuracy=rules.tabulate_accuracy.output.accuracy,
        mean_errors=rules.average_errors.output.errors,
        tests=rules.test_pairs.output.tests,
        sycophancy=rules.compare_sycophancy.output.sycophancy,
        adoption=rules.compare_adoption.output.adoption,
        refusals=rules.tabulate_refusals.output.refusals,
        sensitivity=rules.tabulate_refusals.output.sensitivity,
        checks=expand(rules.check_answers.output.checks, model=study.subjects, arm=study.arms),
        manipulation=expand(rules.check_manipulation.output.check, model=study.subjects),
        warmth=rules.summarise_warmth.output.summary,
        markers=rules.summarise_markers.output.summary,
        judged=[rules.summarise_judged_warmth.output.summary] if study.compared_arms else [],
        published=[rules.compare_with_published.output.comparison] if study.published else [],
        refusal_errors=[rules.test_refusal_rules.output.errors] if study.criteria(REFUSALS) else [],
        capabilities=[rules.tabulate_capabilities.output.capabilities] if study.capabilities else [],
        effects=expand(rules.fit_regression.output.effects, regression=study.regressions, arm=study.treated_arms),
        coefficients=expand(
            rules.fit_regression.output.coefficients, regression=study.regressions, arm=study.treated_arms
        ),
        joint=expand(rules.fit_regression.output.joint, regression=study.regressions, arm=study.treated_arms),
        robustness=rules.vary_analysis.output.robustness,
        equivalence=rules.test_equivalence.output.equivalence,
        realised=rules.sample_conversations.output.realised,
        labels=rules.label_conversations.output.comparison,
        facts=expand(rules.check_facts.output.summary, persona=study.trained_personas),
        counts=[
            rules.screen_conversations.output.counts,
            rules.label_conversations.output.counts,
            rules.sample_conversations.output.counts,
            expand(rules.rewrite_replies.output.counts, persona=study.trained_personas),
            expand(rules.write_chats.output.counts, persona=study.trained_personas),
            expand(rules.train_adapters.output.counts, model=study.subjects, persona=study.trained_personas),
            expand(rules.sample_questions.output.counts, task=[*study.tasks, *study.capabilities]),
            [rules.tabulate_capabilities.output.counts] if study.capabilities else [],
        ],
        receipts=[
            expand(rules.ask_arm.output.receipt, model=study.subjects, arm=study.arms, suite=study.suites),
            study.arm_files(rules.ask_arm.output.receipt.replace("{suite}", VALIDATION)),
        ],
        tables=rules.write_tables.output,
        figures=expand(rules.draw_figure.output.svg, figure=list(config["figures"])),
        costs=rules.tabulate_costs.output.costs,
        template=places.found("scripts/warmline/report/templates_html/report.html"),
        base=places.found("scripts/warmline/report/templates_html/page.html"),
    output:
        report=report(
            study.path("report/index.html"), category="Report", caption=study.caption("config/captions/report.rst")
        ),
    log:
        **study.logs("write_report"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        options=options({"study": config["study"], "note": config["note"]}),
        order=input_order,
        code=study.code("report/write.py"),
    message:
        "Writing the report"
    shell:
        "exec python .snakemake/workflow/scripts/report/write.py"
        " {params.options} --accuracy {input.accuracy} --mean-errors {input.mean_errors} --paired-tests {input.tests}"
        " --sycophancy {input.sycophancy} --adoption {input.adoption}"
        " --refusals {input.refusals} --sensitivity {input.sensitivity} --checks {input.checks}"
        " --manipulation {input.manipulation} --warmth {input.warmth} --markers {input.markers}"
        " --judged {input.judged}"
        " --published {input.published} --refusal-errors {input.refusal_errors} --capabilities {input.capabilities}"
        " --effects {input.effects} --coefficients {input.coefficients} --joint-tests {input.joint}"
        " --robustness {input.robustness} --equivalence {input.equivalence}"
        " --realised {input.realised} --labels {input.labels} --facts {input.facts}"
        " --counts {input.counts} --receipts {input.receipts} --figures {input.figures} --costs {input.costs}"
        " --tables {input.tables}"
        " --template {input.template} --base {input.base}"
        " --report {output.report}"
        " --record {log.record} > {log.text} 2>&1"
