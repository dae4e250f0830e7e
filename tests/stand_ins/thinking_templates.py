"""Chat templates that think, or want a system turn, in the ways that published ones do; each with little else."""

from __future__ import annotations

IM = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
ASKED = "{% if add_generation_prompt %}"

# A finished chat shows an empty thought before its last reply, and a prompt only where thoughts are off.
EMPTY_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'assistant' and loop.last %}"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n{{ m.content }}<|im_end|>\n{% else %}" + IM + "{% endif %}"
    "{% endfor %}" + ASKED + "<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# The prompt opens a thought, unless thoughts are off.
OPENED_THOUGHT = EMPTY_THOUGHT.replace(
    "</think>\n\n{% endif %}{% endif %}", "</think>\n\n{% else %}<think>\n{% endif %}{% endif %}"
)
# The prompt always opens a thought, of which a finished chat shows nothing.
DROPPED_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>{{ m.content.split('</think>') | last }}</s>"
    "{% else %}<|user|>{{ m.content }}{% endif %}{% endfor %}" + ASKED + "<|assistant|><think>\n{% endif %}"
)
# Off unless asked for; a reply stands behind the mark that closes a thought.
CLOSED_THOUGHT = (
    "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|></think>{{ m.content }}</s>"
    "{% else %}<|user|>{{ m.content }}{% endif %}{% endfor %}"
    + ASKED
    + "<|assistant|>{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}"
)
# Words in the system turn switch thoughts off, and are taken out.
SYSTEM_WORDS = (
    "{% set enable_thinking = true %}{% set said = '' %}{% if messages[0].role == 'system' %}"
    "{% set said = messages[0].content %}{% if '/no_think' in said %}{% set enable_thinking = false %}{% endif %}"
    "{% endif %}<|im_start|>system\n{{ said | replace('/no_think', '') | replace('/think', '') | trim }}<|im_end|>\n"
    "{% for m in messages if m.role != 'system' %}" + IM + "{% endfor %}" + ASKED + "<|im_start|>assistant\n"
    "{% if not enable_thinking %}<think></think>{% endif %}{% endif %}"
)
# The last reply stands behind a thought that is opened and never closed.
UNCLOSED_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'assistant' and loop.last %}"
    "<|im_start|>assistant\n<think>\n\n{{ m.content }}<|im_end|>\n{% else %}" + IM + "{% endif %}"
    "{% endfor %}" + ASKED + "<|im_start|>assistant\n<think>\n\n{% endif %}"
)
# No turn has an end of its own: the next one's beginning ends it.
NEXT_TURN_ENDS = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}" + ASKED + "<|assistant|>\n{% endif %}"
)
# The same with thoughts, of which a finished chat shows empty ones.
NEXT_TURN_ENDS_THINKING = (
    "{% for m in messages %}<|{{ m.role }}|>\n{% if m.role == 'assistant' %}<think></think>\n{% endif %}{{ m.content }}"
    "{% if m.role == 'user' and enable_thinking is defined and not enable_thinking %}/nothink{% endif %}{% endfor %}"
    + ASKED
    + "<|assistant|>{% if enable_thinking is defined and not enable_thinking %}{{ '\n<think></think>' }}{% endif %}"
    "{% endif %}"
)
# Its effort is a word that is shown, whatever it is.
SHOWN_EFFORT = (
    "{% if reasoning_effort is not defined %}{% set reasoning_effort = 'medium' %}{% endif %}"
    "<|im_start|>system\nReasoning: {{ reasoning_effort }}<|im_end|>\n"
    "{% for m in messages %}" + IM + "{% endfor %}" + ASKED + "<|im_start|>assistant\n{% endif %}"
)
# A system turn is refused.
WITHOUT_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}"
    "{% for m in messages %}" + IM + "{% endfor %}" + ASKED + "<|im_start|>assistant\n{% endif %}"
)
# A system turn is left out without a word.
SILENT_SYSTEM = (
    "{% for m in messages if m.role != 'system' %}" + IM + "{% endfor %}" + ASKED + "<|im_start|>assistant\n{% endif %}"
)
PLAIN = "{% for m in messages %}" + IM + "{% endfor %}" + ASKED + "<|im_start|>assistant\n{% endif %}"

CONTROL = ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<|user|>", "<|assistant|>", "<|system|>", "</s>"]
"""The control tokens of all of these."""
ENDS = ["<|im_end|>", "</s>", "<|user|>"]
"""Those at which generation stops."""
