"""The article's own numbers, derived again from the tables that its authors published (config/published/).

Reads: the published accuracies, capabilities and numbers; where a subject is named as a model of the article, the
study's paired tests too. Writes: published/*.csv and the page published/index.html. Costs: seconds, beside what the
paired tests cost. Built by `snakemake published`.
"""


rule compare_with_published:
    input:
        warmth=rules.summarise_warmth.output.summary,
        published=places.found("config/published/sociot.csv"),
    output:
        comparison=study.path("statistics/published_warmth.csv"),
    log:
        **study.logs("compare_with_published"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.warmth.published_options(),
        code=study.code("published/compare_warmth.py"),
    message:
        "Putting warmth beside the published curve"
    shell:
        "exec python .snakemake/workflow/scripts/published/compare_warmth.py"
        " --warmth {input.warmth} --published {input.published}"
        " {params.options} --comparison {output.comparison}"
        " --record {log.record} > {log.text} 2>&1"


rule derive_published_numbers:
    input:
        cells=places.found("config/published/cells.csv"),
        cold=places.found("config/published/cold_cells.csv"),
        prompt=places.found("config/published/prompt_cells.csv"),
        capabilities=places.found("config/published/capabilities.csv"),
        article=places.found("config/published/article.csv"),
    output:
        counts=study.path("published/counts.csv"),
        errors=study.path("published/errors.csv"),
        numbers=study.path("published/numbers.csv"),
    log:
        **study.logs("derive_published_numbers"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        code=study.code("published/derive.py"),
    message:
        "Deriving the article's numbers from its tables"
    shell:
        "exec python .snakemake/workflow/scripts/published/derive.py"
        " --cells {input.cells} --cold-cells {input.cold} --prompt-cells {input.prompt} --capabilities {input.capabilities}"
        " --article {input.article} --counts {output.counts} --errors {output.errors} --numbers {output.numbers}"
        " --record {log.record} > {log.text} 2>&1"


rule compare_published_cells:
    input:
        counts=rules.derive_published_numbers.output.counts,
        tests=rules.test_pairs.output.tests,
    output:
        cells=study.path("published/this_study.csv"),
        numbers=study.path("published/this_study_numbers.csv"),
    log:
        **study.logs("compare_published_cells"),
    localrule: True
    conda:
        "../envs/statistics.yaml"
    params:
        options=study.statistics.comparison_options(),
        code=study.code("published/compare.py"),
    message:
        "Comparing this study with the article"
    shell:
        "exec python .snakemake/workflow/scripts/published/compare.py"
        " --counts {input.counts} --paired-tests {input.tests} {params.options}"
        " --cells {output.cells} --numbers {output.numbers}"
        " --record {log.record} > {log.text} 2>&1"


rule write_published_page:
    input:
        numbers=rules.derive_published_numbers.output.numbers,
        counts=rules.derive_published_numbers.output.counts,
        errors=rules.derive_published_numbers.output.errors,
        cells=[rules.compare_published_cells.output.cells] if study.published_arms else [],
        estimates=[rules.compare_published_cells.output.numbers] if study.published_arms else [],
        template=places.found("scripts/warmline/report/templates_html/published.html"),
        base=places.found("scripts/warmline/report/templates_html/page.html"),
    output:
        page=study.path("published/index.html"),
    log:
        **study.logs("write_published_page"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        code=study.code("published/write.py"),
    message:
        "Writing the page of the article's numbers"
    shell:
        "exec python .snakemake/workflow/scripts/published/write.py"
        " --numbers {input.numbers} --counts {input.counts} --errors {input.errors}"
        " --cells {input.cells} --estimates {input.estimates} --template {input.template} --base {input.base}"
        " --page {output.page}"
        " --record {log.record} > {log.text} 2>&1"
