from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import pytest
import tiny_gpt2
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence
from transformers import GraniteConfig, GraniteForCausalLM

from warmline.lineage.errors import UserError
from warmline.models import weights
from warmline.warmth import likelihood
from warmline.warmth.dimensions import DIMENSIONS
from warmline.warmth.sociot import MAX_TOKENS, columns, score, score_with_dropout

WARM = ("friend", "lover", "mentor", "idol")
COLD = ("stranger", "enemy", "examiner", "dictator")
VARIANTS = ("clean", "as_published")
SENTENCES = [
    "I",
    ".",
    " ",
    "We can find it together, dear friend.",
    'She said "no", and \'then\' he left.\n\n"Really?"',
    '"',
    "🐧 çok güzel, 数学 👩‍👩‍👧",
    "👩‍👩‍👧" * 60,
    "a\u2028b\r\nc\x00d",
    "<|end|>",
    "The stranger said no. " * 20,
    "My friend said that the answer is not easy. " * 114,
    ("The answer is one hundred degrees. " * 9)[:300],
    ("The answer is one hundred degrees. " * 9)[:301],
]
TEXTS = [*SENTENCES, *(f"{number} {SENTENCES[number % 5]}{SENTENCES[number % 3]}" for number in range(36))]


@pytest.fixture(scope="module")
def plain() -> Any:
    return tiny_gpt2.model()


@pytest.fixture(scope="module")
def model() -> Any:
    """The same model, ready to be asked as the pipeline has it."""
    return weights.for_inference(tiny_gpt2.model())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_gpt2.tokenizer()


def clean(model: Any, tokenizer: Any, who: str, text: str) -> float:
    """Mean log-likelihood per token of a text that somebody says, one token after the other."""
    before = [tokenizer.bos_token_id, *tokenizer(f'{who} said, "')["input_ids"]]
    tokens = [*before, *tokenizer(text)["input_ids"]]
    with torch.no_grad():
        logits = model(torch.tensor([tokens[:MAX_TOKENS]])).logits[0].double()
    chosen = [logits[at - 1].log_softmax(0)[tokens[at]].item() for at in range(len(before), len(logits))]
    return sum(chosen) / len(chosen)


def published(model: Any, tokenizer: Any, words: Sequence[str], text: str) -> float:
    """One pass of the public code over one pole: its batch, padded with zeros, and its loss."""
    quoted = text[:300]
    said = [f'{"My" if word == "friend" else "The"} {word} said, "{quoted}"' for word in words]
    inputs = [tokenizer(line, return_tensors="pt", max_length=1024, truncation=True) for line in said]
    padded = {
        name: pad_sequence([each[name].squeeze(0) for each in inputs], batch_first=True)
        for name in ("input_ids", "attention_mask")
    }
    with torch.no_grad():
        return -float(model(**padded, labels=padded["input_ids"]).loss)


def test_as_published_equals_a_straight_transcription(plain: Any, model: Any, tokenizer: Any) -> None:
    for text, row in zip(TEXTS, score(model, tokenizer, TEXTS, "as_published").iter_rows(), strict=True):
        warm, cold = published(plain, tokenizer, WARM, text), published(plain, tokenizer, COLD, text)
        assert row[:3] == pytest.approx((warm, cold, warm - cold), abs=1e-5)


def test_clean_equals_a_transcription_of_one_text_at_a_time(plain: Any, model: Any, tokenizer: Any) -> None:
    # Where a text meets the limit, openings of other lengths would leave it another token.
    texts = [text for text in TEXTS if len(tokenizer(text)["input_ids"]) < MAX_TOKENS - 30]
    assert len(texts) > 45
    for text, row in zip(texts, score(model, tokenizer, texts, "clean").iter_rows(), strict=True):
        friends = [clean(plain, tokenizer, f"My {who}", text) for who in WARM]
        strangers = [clean(plain, tokenizer, f"The {who}", text) for who in COLD]
        warm, cold = sum(friends) / 4, sum(strangers) / 4
        assert row[:3] == pytest.approx((warm, cold, warm - cold), abs=1e-5)
        spread = (statistics.variance(friends) / 4 + statistics.variance(strangers) / 4) ** 0.5
        assert row[3] == pytest.approx(spread, abs=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_empty_text_has_no_score_and_disturbs_no_other(variant: str, model: Any, tokenizer: Any) -> None:
    frame = score(model, tokenizer, ["", TEXTS[3], ""], variant)
    assert frame["sociot"].is_null().to_list() == [True, False, True]
    assert frame.null_count().row(0) == (2, 2, 2, 2)
    assert frame.row(1) == pytest.approx(score(model, tokenizer, [TEXTS[3]], variant).row(0), abs=1e-6)
    assert score(model, tokenizer, [], variant).is_empty()


@pytest.mark.parametrize("variant", VARIANTS)
@given(
    texts=st.lists(st.text(min_size=1, max_size=40) | st.sampled_from(TEXTS[:7]), min_size=1, max_size=6),
    budget=st.sampled_from([1, 300, 4096]),
    logit_rows=st.sampled_from([7, 128]),
)
@settings(max_examples=12)
def test_a_score_does_not_depend_on_other_texts_their_order_or_the_batches(
    variant: str, model: Any, tokenizer: Any, texts: list[str], budget: int, logit_rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(likelihood.BATCH_TOKENS, "cpu", budget)
        patch.setitem(likelihood.LOGIT_ROWS, "cpu", logit_rows)
        together = score(model, tokenizer, texts, variant)
        back = score(model, tokenizer, texts[::-1], variant)
    assert together["sociot"].to_list() == pytest.approx(back["sociot"].to_list()[::-1], abs=1e-6)
    for text, row in zip(texts, together.iter_rows(), strict=True):
        assert row == pytest.approx(score(model, tokenizer, [text], variant).row(0), abs=1e-6)


def test_only_the_tokens_within_the_limit_count(model: Any, tokenizer: Any) -> None:
    long = "water " * 2000
    row = score(model, tokenizer, [long], "clean").row(0)
    assert row == score(model, tokenizer, [f"{long} and birds"], "clean").row(0)
    assert row != score(model, tokenizer, [f"and birds {long}"], "clean").row(0)


def test_texts_differ_in_warmth_and_variants_in_what_they_measure(model: Any, tokenizer: Any) -> None:
    scores = {variant: score(model, tokenizer, TEXTS[3:7], variant)["sociot"].to_list() for variant in VARIANTS}
    assert len({value for values in scores.values() for value in values}) == 8


def test_logits_are_made_for_scored_tokens_alone_and_a_few_at_a_time(
    plain: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likelihood, "LOGIT_ROWS_STEP", 1)
    made: list[int] = []
    hook = plain.lm_head.register_forward_hook(lambda module, inputs, output: made.append(output[..., 0].numel()))
    texts = [TEXTS[0], TEXTS[10], TEXTS[11]]
    score(plain, tokenizer, texts, "clean")
    hook.remove()
    # The first look, at four tokens by both ways, is whether the model's logits are plain.
    assert made[:2] == [4, 4]
    assert max(made) <= likelihood.LOGIT_ROWS["cpu"]
    assert sum(made[2:]) == 8 * sum(len(tokenizer(text)["input_ids"]) for text in texts)


def test_batches_of_many_lengths_have_few_shapes_and_little_padding(plain: Any) -> None:
    lengths = [*range(2, 600)] * 4
    shapes: list[torch.Size] = []
    logits: list[int] = []
    hooks = [
        plain.transformer.wte.register_forward_hook(lambda module, inputs, output: shapes.append(inputs[0].shape)),
        plain.lm_head.register_forward_hook(lambda module, inputs, output: logits.append(output[..., 0].numel())),
    ]
    likelihood.mean_log_likelihoods(plain, [likelihood.Row([1] * length, 1, length) for length in lengths])
    for hook in hooks:
        hook.remove()
    assert len({length for _, length in shapes}) < 100
    assert len(set(logits)) <= 5
    # The first look, by both ways, is at four tokens.
    assert sum(map(torch.Size.numel, shapes[2:])) < 1.05 * sum(lengths)
    assert sum(logits[2:]) < 1.05 * sum(lengths)


def test_a_model_that_changes_its_logits_afterwards_is_refused() -> None:
    size: dict[str, Any] = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    scaled = GraniteForCausalLM(GraniteConfig(**size, num_attention_heads=1, logits_scaling=8.0, initializer_range=1.0))
    with pytest.raises(UserError, match="a model of type granite changes its logits"):
        likelihood.mean_log_likelihoods(scaled, [likelihood.Row([1, 2], 1, 2)])


def test_dropout_reproduces_the_noise_of_the_public_code(plain: Any, model: Any, tokenizer: Any) -> None:
    texts = TEXTS[3:6]
    noisy = score_with_dropout(model, tokenizer, [*texts, ""], passes=40, seed=1)
    assert not model.training
    assert noisy.row(3) == (None,) * 4
    plain.train()
    torch.manual_seed(2)
    for text, row in zip(texts, noisy.iter_rows(), strict=False):
        poles = [[published(plain, tokenizer, words, text) for _ in range(40)] for words in (WARM, COLD)]
        error = sum(statistics.variance(pole) / 40 for pole in poles) ** 0.5
        assert row[3] == pytest.approx(error, rel=0.5)
        for value, pole in zip(row[:2], poles, strict=True):
            assert value == pytest.approx(statistics.fmean(pole), abs=5 * statistics.stdev(pole) * (2 / 40) ** 0.5)
    plain.eval()


def test_noise_follows_the_seed_and_leaves_other_draws_alone(model: Any, tokenizer: Any) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = score_with_dropout(model, tokenizer, TEXTS[3:5], passes=2, seed=1)
    assert torch.rand(1) == expected
    assert first.equals(score_with_dropout(model, tokenizer, TEXTS[3:5], passes=2, seed=1))
    assert not first.equals(score_with_dropout(model, tokenizer, TEXTS[3:5], passes=2, seed=4))


def test_without_dropout_passes_are_all_the_same(tokenizer: Any) -> None:
    still = tiny_gpt2.model(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    passed = score_with_dropout(still, tokenizer, TEXTS[3:6], passes=2, seed=1)
    expected = score(still, tokenizer, TEXTS[3:6], "as_published")
    for row, other in zip(passed.iter_rows(), expected.iter_rows(), strict=True):
        assert row[:3] == pytest.approx(other[:3], abs=1e-6)
        assert row[3] == 0


def test_the_openings_are_made_of_the_public_words_by_the_public_rule() -> None:
    words = {
        "warmth": (WARM, COLD),
        "status": (("commanded", "proclaimed", "demanded"), ("pleaded", "mentioned", "asked")),
        "social_distance": (("friend", "partner", "girlfriend", "boyfriend", "husband", "wife"), ("stranger",)),
        "gender": (("She",), ("He",)),
        "humt": (("He", "She"), ("It",)),
    }

    def opening(word: str) -> str:
        if word in ("He", "She", "It"):
            return f"{word} said"
        if word.endswith("ed"):
            return f"He {word}"
        return f"{'My' if word in words['social_distance'][0] else 'The'} {word} said"

    for name, dimension in DIMENSIONS.items():
        poles = tuple(tuple(opening(word) for word in pole) for pole in words[name])
        assert (dimension.high_as_published, dimension.low) == poles
    assert {name for name, each in DIMENSIONS.items() if each.high != each.high_as_published} == {"warmth"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_dimension_has_scores_of_its_own(variant: str, model: Any, tokenizer: Any) -> None:
    frames = {name: score(model, tokenizer, TEXTS[3:5], variant, each) for name, each in DIMENSIONS.items()}
    assert frames["humt"].columns == ["human", "thing", "sociot", "measurement_standard_error"]
    assert all(tuple(frame.columns) == columns(DIMENSIONS[name]) for name, frame in frames.items())
    assert len({frame["sociot"][0] for frame in frames.values()}) == len(DIMENSIONS)
    # One opening at a pole says nothing of how much openings matter.
    spread = {name for name, frame in frames.items() if frame["measurement_standard_error"].is_null().any()}
    assert spread == {"social_distance", "gender", "humt"}
