"""Resolve an arm: which weights, adapter, system prompt and sampling answer a suite under its name."""

import argparse
import json

from warmline.calls import templates
from warmline.calls.requests import Sampling
from warmline.lineage.script import Parser, run
from warmline.models import cards


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.reads("base", "card of the base model")
    parser.reads("adapter", "card of the adapter, if the arm is tuned", required=False)
    parser.reads("choice", "card of the checkpoint that a rule chose, if it is the arm's", required=False)
    parser.reads("system", "the system prompt, if the arm has one", required=False)
    parser.add_argument("--model", required=True, help="id of the base model")
    parser.add_argument("--arm", required=True, help="id of the arm")
    parser.add_argument("--persona", help="id of the persona, if the arm has one")
    parser.add_argument("--checkpoint", type=float, help="epochs of training, if the arm names them")
    parser.add_argument("--precision", help="torch dtype of local weights")
    parser.add_argument("--quantization", choices=["nf4"], help="nf4: local weights are loaded in 4 bits")
    parser.add_argument("--engine", required=True, choices=["transformers", "openai"], help="who asks the model")
    parser.add_argument(
        "--sampling",
        required=True,
        type=json.loads,
        help="sampling of the suite, as JSON: {<suite>: {temperature: ..., max_new_tokens: ...}}",
    )
    parser.add_argument("--projection-code", required=True, help="digest of the code that projects answers")
    parser.writes("card", "the arm's card")
    return parser


def main(arguments: argparse.Namespace) -> None:
    base = cards.untuned(cards.read_base(arguments.base), arguments.precision, arguments.engine, arguments.quantization)
    choice = cards.read_choice(arguments.choice) if arguments.choice else None
    adapter = choice.adapter if choice else cards.read_adapter(arguments.adapter) if arguments.adapter else None
    answerer = cards.tuned(base, adapter) if adapter else base
    if arguments.system:
        cards.require_system_turn(answerer, f"every prompt of the arm {arguments.arm}")
    arm = cards.Arm(
        model=arguments.model,
        arm=arguments.arm,
        persona=arguments.persona,
        checkpoint=choice.checkpoint if choice else arguments.checkpoint,
        answerer=answerer,
        system_prompt=templates.render(arguments.system) if arguments.system else None,
        sampling={suite: Sampling(**values) for suite, values in arguments.sampling.items()},
        code=arguments.projection_code,
    )
    cards.write(arm, arguments.card)


if __name__ == "__main__":
    run(build_parser(), main)
