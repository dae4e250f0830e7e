"""What calls cost, from the prices in the configuration."""

from __future__ import annotations

import dataclasses

from warmline.calls.requests import Request, Response

MILLION = 1_000_000
# Byte-level tokenizers average about four bytes of English and three of Chinese to a token.
LEAST_BYTES_PER_TOKEN = 2
TOKENS_AROUND_A_MESSAGE = 10


@dataclasses.dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens of the prompt and of the reply."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for these tokens."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / MILLION

    def of(self, response: Response) -> float:
        """US dollars for one answered request."""
        return self.cost(response.prompt_tokens, response.completion_tokens)

    def most(self, request: Request) -> float:
        """US dollars that a request may come to at most, before its tokens are counted."""
        return self.cost(most_prompt_tokens(request), request.sampling.max_new_tokens)


def most_prompt_tokens(request: Request) -> int:
    """An upper estimate of a prompt's tokens, from its bytes."""
    sizes = (len(message["content"].encode("utf-8", "surrogatepass")) for message in request.messages)
    return sum(size // LEAST_BYTES_PER_TOKEN + TOKENS_AROUND_A_MESSAGE for size in sizes)
