"""Files from outside: data sets on the Hugging Face hub, at a pinned commit.

Reads: nothing of the study. Writes: results/sources/<org>--<name>/<commit>/<file>, shared by all studies, and beside it
the file's SHA-256, which is no output and so survives a rerun. Costs: one download a file.
"""


rule fetch_source:
    output:
        fetched=study.sources.fetched,
    log:
        **study.logs("fetch_source", "repository", "revision", "file"),
    wildcard_constraints:
        repository="[^/]+",
        revision="[0-9a-f]+",
        file=study.sources.fetched_names(),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        options=study.sources.options,
        code=study.code("sources/fetch.py"),
    message:
        "Fetching {wildcards.file} of {wildcards.repository}"
    shell:
        "exec python .snakemake/workflow/scripts/sources/fetch.py {params.options} --fetched {output.fetched}"
        " --record {log.record} > {log.text} 2>&1"
