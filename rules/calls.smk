"""What the study's model calls cost.

Reads: the receipt of every calling job. Writes: audit/costs.csv. Costs: nothing.
"""


rule tabulate_costs:
    input:
        receipts=[
            expand(rules.rewrite_replies.output.receipt, persona=study.trained_personas),
            expand(rules.ask_arm.output.receipt, model=study.subjects, arm=study.arms, suite=study.suites),
            study.arm_files(rules.ask_arm.output.receipt.replace("{suite}", VALIDATION)),
            expand(rules.ask_judge.output.receipt, model=study.subjects, arm=study.arms, suite=study.judged_suites),
            expand(rules.compare_warmth.output.receipt, model=study.subjects, arm=study.compared_arms),
        ],
    output:
        costs=study.path("audit/costs.csv"),
    log:
        **study.logs("tabulate_costs"),
    localrule: True
    conda:
        "../envs/tables.yaml"
    params:
        options=study.calls.cost_options(),
        order=input_order,
        code=study.code("calls/tabulate_costs.py"),
    message:
        "Adding up what the calls cost"
    shell:
        "exec python .snakemake/workflow/scripts/calls/tabulate_costs.py"
        " --receipts {input.receipts} {params.options} --costs {output.costs}"
        " --record {log.record} > {log.text} 2>&1"
