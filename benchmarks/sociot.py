"""How much faster SocioT is measured here than the public code's way, and how near that is to the machine's limit.

A model of GPT-2's shape with random weights scores made-up texts of as many tokens as the article's longest responses.
The public way makes 100 passes in training mode over each pole's four sequences, one text after the other, on the
text's first 300 characters; its time is that of a few passes, and it is told too for whole texts, as `clean` scores
them. Scores and torch's fp32 products, the machine's matrix rate, are timed by turns, and of five tries the best counts
on either side. Rates count the products of the model's layers for each token and those of its output layer for each
scored token; padding counts as nothing.

    python benchmarks/sociot.py
"""

from __future__ import annotations

import argparse
import functools
import random
import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn.utils.rnn import pad_sequence
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.models import weights
from warmline.warmth import sociot
from warmline.warmth.dimensions import WARMTH

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PASSES = 2 * 100
TRIES = 5
VOCABULARY = 50_257


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=300, help="tokens of a text")
    parser.add_argument("--passes", type=int, default=4, help="passes of the public way to time")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    tokenizer = word_tokenizer()
    draw = random.Random(0)
    words = sorted(tokenizer.get_vocab())
    texts = [" ".join(draw.choices(words, k=arguments.tokens)) for _ in range(arguments.texts)]
    characters = sum(map(len, texts)) / len(texts)

    torch.manual_seed(0)
    model: Any = GPT2LMHeadModel(GPT2Config())
    matrix_rate = product_rate()
    public = {
        "public way, 300 characters": public_seconds(model, tokenizer, texts[0][:300], arguments.passes),
        "public way, whole text": public_seconds(model, tokenizer, texts[0], arguments.passes),
    }
    state = model.state_dict()
    scorer = weights.for_inference(model.eval())
    measured = {}
    for variant in (AS_PUBLISHED, CLEAN):
        # Once before, on one text, for what is made at the first call.
        sociot.score(scorer, tokenizer, texts[:1], variant)
        score = functools.partial(sociot.score, scorer, tokenizer, texts, variant)
        measured[variant] = min((timed(score) for _ in range(TRIES)), key=lambda tried: tried[0])
        matrix_rate = max(matrix_rate, product_rate())

    half: Any = GPT2LMHeadModel(GPT2Config())
    half.load_state_dict(state)
    half = half.bfloat16().eval()
    print(
        f"{arguments.texts} texts of {arguments.tokens} tokens, {characters:.0f} characters; "
        f"{arguments.threads} threads"
    )
    print(f"matrix rate {matrix_rate / 1e9:.0f} GFLOP/s in fp32\n")
    for name, seconds in public.items():
        print(f"{name:28} {seconds:9.2f} s a text")
    for variant, (seconds, scores) in measured.items():
        rate = flops(model.config, tokenizer, texts, variant) / seconds
        seconds /= len(texts)
        ratios = ", ".join(f"{public[name] / seconds:.0f} times the {name}" for name in public)
        print(f"{variant:28} {seconds:9.2f} s a text, {rate / 1e9:.0f} GFLOP/s, {rate / matrix_rate:.0%}; {ratios}")
        half_seconds, found = timed(functools.partial(sociot.score, half, tokenizer, texts, variant))
        error = (found["sociot"] - scores["sociot"]).abs()
        print(
            f"{variant + ' in bf16':28} {half_seconds / len(texts):9.2f} s a text; sociot differs from fp32 by "
            f"{error.mean():.1e} in the mean, {error.max():.1e} at most; its standard deviation is "
            f"{scores['sociot'].std():.1e}"
        )
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, the public way's included")


def word_tokenizer() -> Any:
    """A token a word, as many as GPT-2 has, about as long as its tokens of English text are, spaces included."""
    draw = random.Random(1)
    words = {'"', ","}
    for opening in (*WARMTH.high, *WARMTH.low, *WARMTH.high_as_published):
        words |= {*opening.split()}
    while len(words) < VOCABULARY:
        words.add("".join(draw.choices(LETTERS, k=draw.choice((2, 3, 4)))))
    vocabulary = {word: number for number, word in enumerate(sorted(words))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=","))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=",")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that the work took, and its result."""
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


def public_seconds(model: Any, tokenizer: Any, text: str, passes: int) -> float:
    """Seconds a text of the public code's way, from some passes over either pole."""
    model.train()
    seconds = 0.0
    for pole in (WARMTH.high_as_published, WARMTH.low):
        encoded = [tokenizer(f'{opening}, "{text}"', return_tensors="pt") for opening in pole]
        batch = {
            name: pad_sequence([each[name].squeeze(0) for each in encoded], batch_first=True)
            for name in ("input_ids", "attention_mask")
        }
        work = functools.partial(model, **batch, labels=batch["input_ids"])
        with torch.no_grad():
            work()
            seconds += sum(timed(work)[0] for _ in range(passes))
    return seconds / (2 * passes) * PASSES


def product_rate() -> float:
    """The best rate of an fp32 product of large matrices, in operations a second: torch's own, or oneDNN's.

    oneDNN has the second matrix in the order that it likes best, as no layer of torch keeps it.
    """
    size = 2048
    a, b = torch.randn(size, size), torch.randn(size, size)
    products = [lambda: a @ b]
    if torch.backends.mkldnn.is_available():
        packed = torch.ops.mkldnn._reorder_linear_weight(b, size)
        products.append(lambda: torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], ""))
    return 2 * size**3 / min(timed(product)[0] for product in products for _ in range(TRIES))


def flops(config: Any, tokenizer: Any, texts: Sequence[str], variant: str) -> float:
    """Operations of the matrix products that the scores take (two for a multiplication and its addition)."""
    rows = [row for poles in sociot.ROWS[variant](tokenizer, texts, WARMTH) if poles for pole in poles for row in pole]
    width, layers = config.n_embd, config.n_layer
    of_a_token = 2 * layers * 12 * width**2
    total = 0.0
    for row in rows:
        tokens = len(row.tokens)
        # A token's query meets the keys of those up to it, and so do their values: half of all pairs.
        attention = 2 * layers * 2 * width * tokens * (tokens + 1) / 2
        total += tokens * of_a_token + attention + 2 * (tokens - row.scored_from) * width * config.vocab_size
    return total


if __name__ == "__main__":
    main()
