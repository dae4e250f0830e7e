"""The transformers engine: local weights, with or without a PEFT adapter.

Rows go through the model in a continuous batch (warmline.engines.local.continuous_batch) with sampling noise of their
own, so that an answer does not depend on which other rows were asked with it (lineage rule 7). On the CPU one thread
per process keeps a row's arithmetic the same in every slot of the batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from warmline.calls.requests import Outcome, Request, Respondent, Response, Unanswerable
from warmline.engines.local.continuous_batch import FEWEST_SLOTS, ContinuousBatch, Prompt
from warmline.lineage.errors import UserError
from warmline.models import chat_templates, rendered_chats
from warmline.models.cards import LocalModel
from warmline.models.chat_forms import PLAIN, ChatForm
from warmline.models.weights import default_device, end_tokens, for_inference, load_model, load_tokenizer

# Rows are sorted by their shapes, so many of them for each slot at a time.
ROUNDS = 64


class TransformersEngine:
    """Answers requests with a model in this process. The model is loaded when the first request comes.

    `batch_size` rows go through the model together; it is halved whenever memory does not hold them.
    """

    def __init__(self, model: LocalModel, batch_size: int, *, spread: bool = False) -> None:
        self.model = model
        self.batch_size = batch_size
        self.spread = spread
        self.respondent: Respondent = model.respondent

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
        """Answer in whatever order replies end; a prompt that does not fit the model is Unanswerable."""
        tokenizer = load_tokenizer(self.model.weights)
        model = self._load_model()
        limit = longest(model)
        self.batch_size = max(self.batch_size, FEWEST_SLOTS[model.device.type])
        stream = iter(requests)
        while some := list(itertools.islice(stream, ROUNDS * self.batch_size)):
            by_room: dict[int, list[Prompt]] = {}
            for request in some:
                prompt = encode(tokenizer, request, self.model.weights.chat)
                if prompt.length > limit:
                    reason = f"prompt and reply may take {prompt.length} tokens, the model takes {limit}"
                    yield request, Unanswerable(reason, own=True)
                else:
                    by_room.setdefault(prompt.room, []).append(prompt)
            for room, prompts in sorted(by_room.items()):
                yield from self._answer_alike(model, tokenizer, room, prompts)

    def _load_model(self) -> Any:
        model: Any = load_model(
            self.model.weights, self.model.precision, default_device(), self.model.quantization, spread=self.spread
        )
        if self.model.adapter:
            # Here, since its import, of peft and all that peft can tune, takes as long as all else together.
            from warmline.models import adapters

            model = adapters.attach(model, self.model.adapter)
        return for_inference(model)

    def _answer_alike(
        self, model: Any, tokenizer: Any, room: int, prompts: Sequence[Prompt]
    ) -> Iterator[tuple[Request, Response]]:
        """Answer prompts that need the same room, in smaller batches when memory is too small."""
        ends = end_tokens(model.generation_config, tokenizer)
        waiting = dict.fromkeys(prompts)
        while waiting:
            try:
                for prompt, reply in ContinuousBatch(model, self.batch_size, room, ends).generate(waiting):
                    del waiting[prompt]
                    yield prompt.request, response(tokenizer, ends, prompt, reply)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                if self.batch_size <= FEWEST_SLOTS[model.device.type]:
                    raise UserError(
                        f"the device's memory does not hold {self.model.weights.folder} and {self.batch_size} rows of "
                        f"{room} tokens. Take a larger GPU, or set the model's `quantization` or `spread`."
                    ) from error
                self.batch_size = max(self.batch_size // 2, FEWEST_SLOTS[model.device.type])
                print(f"out of memory; from now on {self.batch_size} rows at once", flush=True)
            # By now nothing holds the batch that was too large.
            clear_device_cache()


def longest(model: Any) -> int:
    """The tokens that prompt and reply may have. Raises UserError for a model that is more than attention.

    Where layers attend within a window, it is the window's length: up to there they are like any other.
    """
    config = model.config.get_text_config(decoder=True)
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if other := sorted(layers - {"full_attention", "sliding_attention"}):
        raise UserError(
            f"{config.model_type}: its layers of {', '.join(other)} are not known to the transformers engine. Have the "
            "model served (`serve`) instead."
        )
    window = getattr(config, "sliding_window", None)
    slides = window and (getattr(config, "layer_types", None) is None or "sliding_attention" in layers)
    return min(config.max_position_embeddings, window) if slides else int(config.max_position_embeddings)


def response(tokenizer: Any, ends: Sequence[int], prompt: Prompt, reply: Sequence[int]) -> Response:
    """The response that a reply's tokens make."""
    ended = reply[-1] in ends
    return Response(
        text=decode(tokenizer, reply[:-1] if ended else reply).strip(),
        finish_reason="stop" if ended else "length",
        prompt_tokens=len(prompt.shared) + len(prompt.own),
        completion_tokens=len(reply),
    )


def decode(tokenizer: Any, reply: Sequence[int]) -> str:
    """The text of a reply, without control tokens but for the marks of a thought, which some tokenizers count as such.

    Without its marks a thought could not be told from the answer.
    """
    known = tokenizer.added_tokens_decoder.items()
    marks = {
        at for at, token in known if token.special and token.content in (chat_templates.OPENED, chat_templates.CLOSED)
    }
    parts = itertools.groupby(reply, key=marks.__contains__)
    return "".join(tokenizer.decode(list(tokens), skip_special_tokens=not mark) for mark, tokens in parts)


def encode(tokenizer: Any, request: Request, form: ChatForm = PLAIN) -> Prompt:
    """A request's tokens through the model's chat template, split where the last message's text begins."""
    render = rendered_chats.renderer(tokenizer, form, prompt=True)
    text = render(request.messages)
    if rendered_chats.spells_control(tokenizer, request.messages):
        tokens, _ = rendered_chats.encode(tokenizer, render, request.messages)
        return Prompt(request, (), tuple(tokens))
    begin = max(0, text.rfind(request.messages[-1]["content"].strip()))
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens = encoded["input_ids"]
    split = sum(1 for _, end in encoded["offset_mapping"] if end <= begin) if begin else 0
    # An empty message too leaves a token of its own, for the reply to follow.
    split = min(split, len(tokens) - 1)
    return Prompt(request, tuple(tokens[:split]), tuple(tokens[split:]))
