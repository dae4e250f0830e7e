"""Figures after the article's 1a, 2, 3, 4 and 5, a forest plot of all effects, and the losses of training.

Reads: statistics. Writes: figures/<figure>.pdf and .svg for print, .html with tooltips, which needs no network, and .csv
with the rows drawn; figures/vega.js, the library that all pages hold. Costs: seconds.
"""

FIGURE_DATA = {
    "training_loss": rules.tabulate_training.output.training,
    "warmth_curve": rules.summarise_warmth.output.summary,
    "accuracy_scatter": rules.test_pairs.output.tests,
    "error_by_condition": rules.tabulate_accuracy.output.accuracy,
    "capabilities": rules.tabulate_capabilities.output.capabilities,
    "changes": rules.test_pairs.output.tests,
    "effects": rules.gather_effects.output.effects,
    "published_warmth": rules.compare_with_published.output.comparison,
}


rule bundle_drawing_library:
    output:
        library=study.path("figures/vega.js"),
    log:
        **study.logs("bundle_drawing_library"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        code=study.code("figures/bundle.py"),
    message:
        "Bundling the library that draws in a browser"
    shell:
        "exec python .snakemake/workflow/scripts/figures/bundle.py --library {output.library}"
        " --record {log.record} > {log.text} 2>&1"


rule draw_figure:
    input:
        data=lambda wc: FIGURE_DATA[wc.figure],
        library=rules.bundle_drawing_library.output.library,
    output:
        svg=report(
            study.path("figures/{figure}.svg"), category="Figures", caption=study.caption("config/captions/figure.rst")
        ),
        pdf=study.path("figures/{figure}.pdf"),
        html=study.path("figures/{figure}.html"),
        data=study.path("figures/{figure}.csv"),
    log:
        **study.logs("draw_figure", "figure"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        options=lambda wc: options({"title": config["figures"][wc.figure]}),
        code=lambda wc: study.code("figures/draw.py", f"warmline.figures.{wc.figure}"),
    message:
        "Drawing {wildcards.figure}"
    shell:
        "exec python .snakemake/workflow/scripts/figures/draw.py"
        " --figure {wildcards.figure} {params.options} --data {input.data}"
        " --library {input.library} --svg {output.svg} --pdf {output.pdf} --html {output.html} --data-used {output.data}"
        " --record {log.record} > {log.text} 2>&1"
