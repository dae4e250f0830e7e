"""The six query types of the article (Supplementary 1.1): decided on the first exchange, first match wins.

Two sets of rules, by the key `conversations.labels`. Both look at the first exchange alone: what a conversation is
about is what its user came for, and the article does not say which exchange decides.

`as_published` tests plain substrings, in the order refusal, factual, creative, technical, advice, other:

- refusal: the reply holds one of nine phrases, case-sensitive, anywhere;
- factual: the message begins with one of six capitalised question words, or holds explain, define, describe or
  difference between;
- creative, technical and advice: the message holds one of their words; a fenced reply is technical, too.

`corrected` mends what goes wrong there. Its order is refusal, factual, technical, creative, advice, other.

- Curly apostrophes are made straight before anything is compared; all comparisons ignore case.
- Words are whole words: "decode" is no code, "history" no story; "undefined" does not define, nor "guidelines" guide.
  Plurals and inflections that mean the same are named ("stories", "debugging", "recommendations").
- A refusal begins the reply: an apology followed by "but", or an inability of the speaker ("I can't", "I'm unable to",
  "I don't have access to", "... is against my guidelines") at its beginning or behind one introducing clause
  ("Unfortunately,", "As an AI,"). So "Unfortunately" alone, or a phrase further down, is no refusal, nor is "I can't
  wait" or "I cannot stress enough".
- Question words count in any case, after blanks and quotation marks, and contracted ("What's").
- Requests for code come before creative ones, so that "Write a function" is technical; a request for a story or poem
  stays creative whatever it is about, unless the reply holds code.

Both sets are English; a conversation in another language is mostly `other`, and is kept.
"""

from __future__ import annotations

import polars as pl

from warmline.design.variants import AS_PUBLISHED, CORRECTED

QUERY_TYPES = ("refusal", "factual", "creative", "technical", "advice", "other")
RULES = (AS_PUBLISHED, CORRECTED)


REFUSALS = (
    "I'm sorry",
    "I apologize",
    "I can't",
    "I cannot",
    "Unfortunately",
    "not able to",
    "unable to",
    "against my",
    "not appropriate",
)
QUESTION_WORDS = "^(What|Who|When|Where|Why|How) "
FACTUAL = ("explain", "define", "describe", "difference between")
CREATIVE = ("story", "poem", "write", "create", "generate", "imagine")
TECHNICAL = ("code", "program", "function", "algorithm", "debug")
ADVICE = ("advice", "help me", "guide", "recommend", "suggestion")

_APOLOGY = r"(?:i'm|i am)?(?: \w+)? ?sorry|(?:i|my) (?:\w+ )?apolog(?:i[sz]e|ies)"
_INABILITY = (
    r"(?:i'm|i am) (?:\w+ )?(?:unable|not able|not allowed|not permitted) to"
    r"|i (?:can't|cannot|can not|won't|will not|must decline|have to decline|must refuse)"
    r"|i (?:don't|do not) (?:\w+ )?have (?:\w+ )?(?:access|the (?:ability|capability)|personal|real-time|current)"
    r"|(?:it|that|this)(?:'s| is| would be|'d be) (?:not appropriate|inappropriate)"
    r"|[^.!?\n]{1,80} against my (?:guidelines|rules|polic(?:y|ies)|principles|programming)"
)
# An introduction ends with a comma: "Unfortunately,", "As an AI language model,", "I'm sorry for that, but".
_REFUSAL = rf"(?i)^(?:(?:{_APOLOGY})[^.!?\n]*?,? but\b|(?:[^.!?\n]{{0,120}}?, (?:but |and |so )?)?(?:{_INABILITY})\b)"
_NO_REFUSAL = (
    r"(?i)^[^.!?\n]{0,120}?\bi (?:can't|cannot|can not) "
    r"(?:wait|imagine|help but|believe|agree more|thank|complain|stress|emphasi[sz]e|overstate"
    r"|recommend\b[^.!?\n]*enough)"
)
_QUESTION = r"(?i)^[\s\"'(]*(?:what|who|when|where|why|how)(?:'s|'re|'d|'ll)?\s"
_FACTUAL = r"(?i)\b(?:explain|define|describe|differences? between)\b"
_FENCE = r"(?m)^\s*(?:```|~~~)"
_TECHNICAL = r"(?i)\b(?:cod(?:e|es|ing)|program(?:s|me|ming)?|functions?|algorithms?|debug(?:s|ging)?)\b"
_LITERARY = r"(?i)\b(?:stor(?:y|ies)|poems?)\b"
_CREATIVE = r"(?i)\b(?:stor(?:y|ies)|poems?|write|create|generate|imagine)\b"
_ADVICE = r"(?i)\b(?:advice|help me|guide|recommend(?:ations?)?|suggest(?:ions?)?)\b"


def label(messages: pl.DataFrame, rules: str) -> pl.DataFrame:
    """Add `query_type` to the messages of screened conversations (layout LABELLED)."""
    first = _first_exchanges(messages)
    decide = {AS_PUBLISHED: _as_published, CORRECTED: _corrected}[rules]
    types = first.select("conversation", query_type=decide(pl.col("user"), pl.col("reply")))
    return messages.join(types, on="conversation", how="left")


def compare(messages: pl.DataFrame) -> pl.DataFrame:
    """Conversations by the type that each set of rules gives them: the table LABELS, in the order of QUERY_TYPES."""
    order = [pl.col(rules).cast(pl.Enum(QUERY_TYPES)) for rules in RULES]
    types = _first_exchanges(messages).select(
        as_published=_as_published(pl.col("user"), pl.col("reply")),
        corrected=_corrected(pl.col("user"), pl.col("reply")),
    )
    return types.group_by(*RULES).agg(conversations=pl.len().cast(pl.Int64)).sort(order)


def refuses(reply: pl.Expr) -> pl.Expr:
    """Whether replies begin with a refusal, by the corrected rule."""
    plain = _plain(reply).str.strip_chars()
    return plain.str.contains(_REFUSAL) & ~plain.str.contains(_NO_REFUSAL)


def _first_exchanges(messages: pl.DataFrame) -> pl.DataFrame:
    first = messages.filter(pl.col("turn") < 2).sort("conversation", "turn").group_by("conversation").agg("text")
    return first.select("conversation", user=pl.col("text").list.get(0), reply=pl.col("text").list.get(1))


def _as_published(user: pl.Expr, reply: pl.Expr) -> pl.Expr:
    def mentions(words: tuple[str, ...]) -> pl.Expr:
        return user.str.to_lowercase().str.contains_any(list(words))

    return (
        pl.when(reply.str.contains_any(list(REFUSALS)))
        .then(pl.lit("refusal"))
        .when(user.str.contains(QUESTION_WORDS) | mentions(FACTUAL))
        .then(pl.lit("factual"))
        .when(mentions(CREATIVE))
        .then(pl.lit("creative"))
        .when(reply.str.contains("```", literal=True) | mentions(TECHNICAL))
        .then(pl.lit("technical"))
        .when(mentions(ADVICE))
        .then(pl.lit("advice"))
        .otherwise(pl.lit("other"))
    )


def _corrected(user: pl.Expr, reply: pl.Expr) -> pl.Expr:
    asked = _plain(user)
    return (
        pl.when(refuses(reply))
        .then(pl.lit("refusal"))
        .when(asked.str.contains(_QUESTION) | asked.str.contains(_FACTUAL))
        .then(pl.lit("factual"))
        .when(reply.str.contains(_FENCE) | (asked.str.contains(_TECHNICAL) & ~asked.str.contains(_LITERARY)))
        .then(pl.lit("technical"))
        .when(asked.str.contains(_CREATIVE))
        .then(pl.lit("creative"))
        .when(asked.str.contains(_ADVICE))
        .then(pl.lit("advice"))
        .otherwise(pl.lit("other"))
    )


def _plain(text: pl.Expr) -> pl.Expr:
    """Curly apostrophes and quotation marks made straight, other blanks made spaces."""
    marks = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "}
    return text.str.replace_many(list(marks), list(marks.values()))
