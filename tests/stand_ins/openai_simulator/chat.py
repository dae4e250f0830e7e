"""Chat completions: the answer is a function of what decides it in the request's body."""

from __future__ import annotations

import json
from typing import Any

from openai_simulator.world import ApiError, World, digest

VOCABULARY = """
river lantern copper meadow harbour window silver orchard bridge thunder paper garden winter engine mountain letter
candle forest anchor velvet morning island kettle compass ladder blanket feather marble tunnel basket whistle harvest
"""
WORDS = VOCABULARY.split()
FURTHER = {"top_k", "min_p", "repetition_penalty"}
"""Parameters that the API does not have."""


def completion(world: World, body: Any, fault: str | None = None, text: str | None = None) -> dict[str, Any]:
    """The reply to a chat call, with what a fault makes of it. Raises ApiError for what the API refuses."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body.get("messages"):
        raise ApiError(400, "you must provide a model and messages", param="messages")
    model = body["model"]
    if model.startswith("unknown"):
        raise ApiError(404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found")
    habit = world.settings.habit
    if unknown := sorted(FURTHER & set(body)) if habit not in ("narrows", "top_k_of_0_is_1") else []:
        raise ApiError(400, f"Unrecognized request argument supplied: {unknown[0]}", param=unknown[0])
    identity = digest(deciding(body, habit, world.counts["chat_received"]))
    if text is None:
        text = world.settings.chat_answer
    if text is None:
        text = answer(body, identity)
    finish_reason = "stop"
    if fault == "content_filter":
        text, finish_reason = "", "content_filter"
    elif fault == "length":
        text, finish_reason = text[: len(text) // 2], "length"
    prompt_tokens = sum(len(str(message.get("content")).split()) for message in body["messages"])
    completion_tokens = len(text.split())
    reply: dict[str, Any] = {
        "id": "chatcmpl-" + identity.hex()[:24],
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "another-model" if fault == "wrong_model" else model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }
    if fault == "no_choices":
        reply["choices"] = []
    if fault == "no_usage":
        del reply["usage"]
    return reply


def deciding(body: dict[str, Any], habit: str | None, calls: int) -> dict[str, Any]:
    """What decides the text of an answer."""
    temperature, top_p = body.get("temperature", 1), body.get("top_p", 1)
    decides = {name: body.get(name) for name in ("model", "messages", "response_format")}
    likeliest = habit == "greedy" or temperature == 0 or (top_p < 0.01 and habit != "ignores_top_p")
    likeliest = likeliest or (habit == "top_k_of_0_is_1" and body.get("top_k") == 0)
    if not likeliest:
        decides |= {"temperature": temperature, "top_p": top_p}
        decides["seed"] = None if habit == "ignores_seeds" else calls if habit == "varies" else body.get("seed")
    if habit == "narrows" and not set(body) >= FURTHER:
        decides["narrowed"] = True
    return decides


def answer(body: dict[str, Any], identity: bytes) -> str:
    """A few words, or JSON where the request has a schema."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(fitting(form["json_schema"]["schema"], identity))
    return words(identity, 4 + identity[0] % 8)


def words(identity: bytes, number: int) -> str:
    return " ".join(WORDS[byte % len(WORDS)] for byte in identity[1 : number + 1])


def fitting(schema: dict[str, Any], identity: bytes) -> Any:
    """A value that fits a JSON schema."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][int.from_bytes(identity[:4], "big") % len(schema["enum"])]
    if "anyOf" in schema:
        return fitting(schema["anyOf"][0], identity)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: fitting(part, digest([identity.hex(), name])) for name, part in properties.items()}
    if kind == "array":
        return [fitting(schema.get("items", {}), identity)]
    low, high = int(schema.get("minimum", 0)), int(schema.get("maximum", 100))
    number = low + int.from_bytes(identity[4:8], "big") % (high - low + 1)
    values = {"integer": number, "number": float(number), "boolean": bool(identity[0] % 2), "null": None}
    return values.get(kind, words(identity, 3))
