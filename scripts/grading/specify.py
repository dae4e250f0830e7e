"""Write the judge's specification for one criterion: who judges, by which rule or template, and its code's digest."""

import argparse

from warmline.calls.requests import Sampling
from warmline.grading import judges
from warmline.lineage.script import Parser, run
from warmline.models import cards


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--engine", required=True, choices=["reference", "transformers", "openai"], help="who judges")
    parser.add_argument("--projection-code", required=True, help="digest of the code that projects verdicts")
    reference = parser.add_argument_group("reference")
    reference.add_argument("--rule", choices=["contains", "overlap"], help="how answers are compared")
    reference.add_argument("--steps", nargs="*", help="normalisation steps")
    reference.add_argument("--judging-code", help="digest of the code that compares")
    parser.reads("model", "card of the model that judges", required=False)
    parser.reads("template", "the model's template for the task or measure", required=False)
    parser.reads("instruction", "what the model is told of the form of its reply", required=False)
    model = parser.add_argument_group("model")
    model.add_argument("--precision", help="torch dtype of local weights, such as float32")
    model.add_argument("--quantization", choices=["nf4"], help="nf4: local weights are loaded in 4 bits")
    model.add_argument("--scale", help="what a verdict is, such as grade, measure or comparison")
    model.add_argument("--reply", choices=["schema", "text"], help="form of the model's reply")
    model.add_argument("--temperature", type=float)
    model.add_argument("--max-new-tokens", type=int, help="longest reply, in tokens")
    model.add_argument("--seed", type=int, help="seed of the study")
    parser.writes("judge", "the judge's specification")
    return parser


def main(arguments: argparse.Namespace) -> None:
    judges.write_judge(reference(arguments) if arguments.engine == "reference" else model(arguments), arguments.judge)


def reference(arguments: argparse.Namespace) -> judges.ReferenceJudge:
    return judges.ReferenceJudge(
        engine=arguments.engine,
        rule=arguments.rule,
        steps=arguments.steps,
        code=arguments.judging_code,
        projection_code=arguments.projection_code,
    )


def model(arguments: argparse.Namespace) -> judges.ModelJudge:
    return judges.ModelJudge(
        model=cards.untuned(
            cards.read_base(arguments.model), arguments.precision, arguments.engine, arguments.quantization
        ),
        template=arguments.template.read_text(encoding="utf-8"),
        instruction=arguments.instruction.read_text(encoding="utf-8"),
        scale=arguments.scale,
        reply=arguments.reply,
        sampling=Sampling(arguments.temperature, arguments.max_new_tokens),
        seed=arguments.seed,
        projection_code=arguments.projection_code,
    )


if __name__ == "__main__":
    run(build_parser(), main)
