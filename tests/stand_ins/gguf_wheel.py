"""A Python package that carries a model as a GGUF file, as some packages on PyPI do."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import gguf
import numpy as np
from transformers import AutoModelForCausalLM, AutoTokenizer

PACKAGE, VERSION, MEMBER = "tiny-chat", "0.1", "tiny_chat/tiny.gguf"


def build(folder: Path, weights: Path) -> Path:
    """Write the wheel with a Llama model that lies in the layout of save_pretrained."""
    write_gguf(folder / "tiny.gguf", weights)
    path = folder / f"tiny_chat-{VERSION}-py3-none-any.whl"
    information = f"tiny_chat-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.write(folder / "tiny.gguf", MEMBER)
        wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
    return path


def write_gguf(path: Path, weights: Path) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(weights), AutoModelForCausalLM.from_pretrained(weights)
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    pairs = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(pairs["vocab"], key=pairs["vocab"].get)
    kinds = [gguf.TokenType.CONTROL if token in ("<|start|>", "<|end|>") else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(merge) for merge in pairs["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj.weight": config.num_attention_heads, "k_proj.weight": config.num_key_value_heads}
    for name, tensor in model.named_parameters():
        values = tensor.detach().numpy()
        count = heads.get(".".join(name.split(".")[-2:]))
        if count:
            # GGUF keeps the two halves of a rotary dimension side by side.
            rows, columns = values.shape
            values = values.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        writer.add_tensor(names.get_name(name, (".weight",)), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
