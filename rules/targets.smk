"""What a user asks for by name, and what `make run` builds before the study itself."""


# All that comes over the network, for clusters whose compute nodes have none.
rule fetched:
    input:
        expand(rules.fetch_model.output.card, model=study.used_models()),
        study.sources.fetched_files(),
    localrule: True


rule chats:
    input:
        collect(rules.write_chats.output.chats, persona=study.trained_personas),
    localrule: True


# What can be known of the requests before any call.
rule prompts:
    input:
        [study.suite_files(suite, rules.render_prompts.output.prompts) for suite in study.suites],
        rules.validation_prompts.output,
        expand(rules.specify_judge.output.judge, criterion=study.specified_criteria),
    localrule: True


# Under `warmth.gate: stop` nothing more is asked of a model whose treatment failed.
rule requests:
    input:
        study.gates,
        [study.suite_files(suite, rules.render_prompts.output.prompts) for suite in study.suites],
        rules.validation_prompts.output,
        study.arm_files(rules.resolve_arm.output.card.replace("{suite}", VALIDATION)),
        expand(rules.resolve_arm.output.card, model=study.subjects, arm=study.arms, suite=study.suites),
        expand(rules.specify_judge.output.judge, criterion=study.specified_criteria),
    localrule: True


# What the article's numbers are by its own tables; of the study it needs the paired tests, if a subject is named as a
# model of the article, and else nothing.
rule published:
    input:
        rules.derive_published_numbers.output,
        rules.write_published_page.output,
    localrule: True
