from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import thinking_templates as templates
import tiny_model
import torch
from hypothesis import given
from hypothesis import strategies as st
from repository import REPOSITORY
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    GPTNeoXConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    MistralConfig,
    MixtralConfig,
    PreTrainedConfig,
    Qwen2_5_VLConfig,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
)

from warmline.lineage.errors import UserError
from warmline.models import adapters, cards
from warmline.models.cards import ADAPTER_FILES
from warmline.models.weights import NF4_BLOCK, load_model
from warmline.tables.training_steps import STEPS
from warmline.training import lora, masking, packing
from warmline.training.lora import Execution, Hyperparameters, checkpoint_steps, examples
from warmline.training.state import TrainingState

SETTINGS = Hyperparameters(
    rank=2, alpha=4, dropout=0.1, learning_rate=1e-2, batch=2, micro_batch=2, max_length=64, seed=3
)
SCRIPT = REPOSITORY / "scripts/training/train.py"
EXECUTION = Execution(save_every=100)
PROJECTIONS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
QUESTIONS = ["Why?", "What is the answer?", "How does water work?", "Who said this?", "Is Paris a capital?"]
CHATS = [
    [{"role": "user", "content": text}, {"role": "assistant", "content": "We can find it together, my friend."}]
    for text in QUESTIONS
]


@pytest.fixture(scope="module")
def tokenizer(tiny_weights: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_weights)


@dataclasses.dataclass(frozen=True)
class Run:
    losses: list[dict[str, Any]]
    folders: dict[float, Path]

    def contents(self, epoch: float) -> list[bytes]:
        return [(self.folders[epoch] / name).read_bytes() for name in ADAPTER_FILES]


class Trainings:
    """Trains the tiny model on the chats, each time from the start."""

    def __init__(self, weights: Path, tokenizer: Any, folder: Path) -> None:
        self.weights = weights
        self.tokenizer = tokenizer
        self.folder = folder

    def run(self, name: str, *epochs: float, execution: Execution = EXECUTION, **changes: Any) -> Run:
        loaded = {name: changes.pop(name) for name in ("precision", "quantization") if name in changes}
        settings = dataclasses.replace(SETTINGS, **changes)
        rows, *_ = examples(self.tokenizer, CHATS, settings.max_length)
        numerics: dict[str, Any] = {"precision": "float32", "device": torch.device("cpu"), **loaded}
        model = load_model(tiny_model.card(self.weights), **numerics)
        folders = {epoch: self.folder / name / f"epoch-{epoch:g}" for epoch in epochs}
        state = TrainingState(self.folder / "states" / name)
        return Run(lora.train(model, rows, settings, folders, state, execution), folders)


@pytest.fixture(scope="module")
def trainings(tiny_weights: Path, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(tiny_weights, tokenizer, tmp_path_factory.mktemp("adapters"))


@pytest.fixture(scope="module")
def long(trainings: Trainings) -> Run:
    return trainings.run("long", 0.5, 1, 4)


def test_the_loss_falls_step_by_step_over_the_epochs(long: Run) -> None:
    losses = [entry["loss"] for entry in long.losses]
    assert [entry["step"] for entry in long.losses] == list(range(1, 13))
    assert long.losses[-1]["epoch"] == 4
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])


@pytest.mark.parametrize("epochs", [[1.0, 4.0], [0.5, 1.0]], ids=["the same run again", "no later epoch"])
def test_an_adapter_is_the_same_bytes_whichever_other_epochs_are_asked_for(
    trainings: Trainings, long: Run, epochs: list[float]
) -> None:
    again = trainings.run(f"again {epochs}", *epochs)
    for epoch in epochs:
        assert again.contents(epoch) == long.contents(epoch)


def test_another_process_goes_on_and_trains_the_same_bytes(trainings: Trainings, long: Run, tmp_path: Path) -> None:
    """Sets have another order there. The first process, of the same command, is told to end after its first save."""
    rewriting = "".join(json.dumps({"messages": chat}) + "\n" for chat in CHATS)
    (tmp_path / "chats.jsonl").write_text(rewriting)
    cards.write(tiny_model.card(trainings.weights), tmp_path / "model.json")
    outputs = [f"epoch-1/{name}" for name in ADAPTER_FILES]
    settings = {name.replace("_", "-"): str(value) for name, value in dataclasses.asdict(SETTINGS).items()}
    command: list[str] = [str(SCRIPT), "--chats", "chats.jsonl"]
    command += ["--model", "model.json", "--epochs", "1", "--precision", "float32", "--label", "tiny warm"]
    command += [word for name, value in settings.items() for word in (f"--{name}", value)]
    command += ["--states", "states", "--code", "digest", "--save-every", "1"]
    command += ["--cards", "epoch-1.json", "--adapters", *outputs, "--losses", "losses.csv"]
    command += ["--throughput", "throughput.csv", "--counts", "counts.csv"]
    stopped = multiprocessing.get_context("fork").Process(target=end_after_save, args=(command, tmp_path))
    stopped.start()
    stopped.join(120)
    assert (tmp_path / "ended").read_text().startswith("stopped after step 2, as SIGTERM asked for. The state is kept")
    assert not (tmp_path / "epoch-1.json").exists()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts"), "PYTHONHASHSEED": "652"}
    outcome = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "going on after step 2 of 3" in outcome.stdout
    assert [(tmp_path / name).read_bytes() for name in outputs] == long.contents(1)
    card = cards.read_adapter(tmp_path / "epoch-1.json")
    assert card == cards.Adapter("epoch-1", cards.identify_adapter(long.folders[1]).digest, step=3)
    targets = sum(entry["target_tokens"] for entry in long.losses[:3])
    assert (tmp_path / "counts.csv").read_text() == (
        'stage,outcome,rows\n"training, tiny warm: chats",kept,5\n'
        f'"training, tiny warm: target tokens",kept,{targets}\n'
    )
    losses = pl.read_csv(tmp_path / "losses.csv")
    assert losses.columns == list(STEPS.columns)
    assert losses["loss"].to_list() == [entry["loss"] for entry in long.losses[:3]]
    throughput = pl.read_csv(tmp_path / "throughput.csv")
    assert throughput["tokens"].to_list() == losses["tokens"].to_list()
    assert throughput["seconds"].min() > 0
    assert not list((tmp_path / "states").iterdir())


def end_after_save(command: list[str], folder: Path) -> None:
    """Run a command of the training script in this process, sending it SIGTERM as it saves its first state."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith("checkpoint-1/optimizer.pt"):
            os.kill(os.getpid(), signal.SIGTERM)

    os.chdir(folder)
    sys.argv = command
    sys.addaudithook(hook)
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as ended:
        Path("ended").write_text(str(ended.code))


def test_whatever_decides_the_adapters_has_a_state_of_its_own(trainings: Trainings, tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    base = tiny_model.card(trainings.weights)
    (tmp_path / "chats.jsonl").write_text("{}\n")
    (tmp_path / "others.jsonl").write_text("[]\n")

    def fingerprint(weights: cards.Weights = base, settings: Hyperparameters = SETTINGS, **changes: Any) -> str:
        given = {"chats": tmp_path / "chats.jsonl", "precision": "float32", "quantization": None}
        given |= {"epochs": [0.5, 1.0], "threads": 1, "save_every": 1, "states": tmp_path, "code": "0"}
        return str(script["_fingerprint"](argparse.Namespace(**given | changes), weights, settings))

    same = [fingerprint(), fingerprint(save_every=2, states=None), fingerprint(cards.Weights("moved", base.digest))]
    others = [
        fingerprint(chats=tmp_path / "others.jsonl"),
        fingerprint(cards.Weights(base.folder, "other")),
        fingerprint(precision="bfloat16"),
        fingerprint(quantization="nf4"),
        fingerprint(epochs=[1.0]),
        fingerprint(threads=2),
        fingerprint(code="1"),
        *(
            fingerprint(settings=dataclasses.replace(SETTINGS, **{field.name: 9}))
            for field in dataclasses.fields(SETTINGS)
        ),
    ]
    assert len({*same}) == 1
    assert len({*same, *others}) == 1 + len(others)


def test_gradient_checkpointing_and_frequent_saving_change_no_byte(trainings: Trainings, long: Run) -> None:
    sparing = trainings.run("sparing", 0.5, 1, execution=Execution(save_every=1, checkpointing=True))
    assert [sparing.contents(epoch) for epoch in (0.5, 1)] == [long.contents(epoch) for epoch in (0.5, 1)]


def test_adapters_are_trained_over_weights_of_fewer_bits(tokenizer: Any, tmp_path: Path) -> None:
    wide = Trainings(tiny_model.save(tmp_path / "wide", hidden_size=NF4_BLOCK), tokenizer, tmp_path)
    whole = wide.run("whole", 4)
    for change in ({"precision": "bfloat16"}, {"quantization": "nf4"}):
        run = wide.run(str(change), 4, **change)
        losses, others = ([entry["loss"] for entry in one.losses] for one in (run, whole))
        assert losses[0] == pytest.approx(others[0], abs=0.2)
        assert losses[0] != others[0]
        assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
        found, expected = (load_file(one.folders[4] / ADAPTER_FILES[1]) for one in (run, whole))
        assert {name: (t.shape, t.dtype) for name, t in found.items()} == {
            name: (t.shape, torch.float32) for name, t in expected.items()
        }


def test_every_epoch_and_seed_has_an_adapter_of_its_own(trainings: Trainings, long: Run) -> None:
    reseeded = trainings.run("reseeded", 1, seed=4)
    contents = [*(long.contents(epoch)[1] for epoch in (0.5, 1, 4)), reseeded.contents(1)[1]]
    assert len(set(contents)) == 4


def test_the_seed_decides_the_order_of_the_chats(trainings: Trainings) -> None:
    """With so low a rate, a step's loss tells which chat it was."""
    orders = []
    for seed in (3, 4):
        run = trainings.run(f"seed {seed}", 1, batch=1, micro_batch=1, dropout=0.0, learning_rate=1e-12, seed=seed)
        orders.append([round(entry["loss"], 4) for entry in run.losses])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    assert len(set(orders[0])) == len(CHATS)


def test_a_step_is_the_same_in_one_batch_and_in_micro_batches(trainings: Trainings) -> None:
    whole, parts = (
        trainings.run(f"micro {size}", 1, batch=4, micro_batch=size, dropout=0.0, learning_rate=1e-3) for size in (4, 1)
    )
    assert [entry["loss"] for entry in parts.losses] == pytest.approx([entry["loss"] for entry in whole.losses], 1e-4)
    expected, found = (load_file(run.folders[1] / ADAPTER_FILES[1]) for run in (whole, parts))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("micro_batch", [1, 5])
def test_only_the_assistants_tokens_are_learned_from(trainings: Trainings, tokenizer: Any, micro_batch: int) -> None:
    (entry,) = trainings.run(f"one step {micro_batch}", 1, batch=5, micro_batch=micro_batch, dropout=0.0).losses
    model = AutoModelForCausalLM.from_pretrained(trainings.weights)
    total = count = 0.0
    for chat in CHATS:
        ids, labels = masking.encode(tokenizer, chat)
        with torch.no_grad():
            chances = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        targets = [at for at, label in enumerate(labels) if label != masking.IGNORED]
        total -= sum(chances[at - 1, ids[at]].item() for at in targets)
        count += len(targets)
    assert entry["loss"] == pytest.approx(total / count, abs=1e-3)


def test_an_adapters_configuration_names_no_place_and_keeps_one_order(long: Run, trainings: Trainings) -> None:
    text = (long.folders[1] / "adapter_config.json").read_text()
    config = json.loads(text)
    assert str(trainings.folder) not in text and str(trainings.weights) not in text
    assert config["base_model_name_or_path"] is None
    assert config["target_modules"] == sorted(config["target_modules"])
    assert {name.rpartition(".")[2] for name in config["target_modules"]} == PROJECTIONS
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (2, 4, 0.1)


def test_an_adapters_folder_holds_the_adapter_only(long: Run) -> None:
    assert {path.name for path in long.folders[1].iterdir()} == set(ADAPTER_FILES)
    tensors = load_file(long.folders[1] / "adapter_model.safetensors")
    # Two matrices for each projection of both layers.
    assert len(tensors) == 2 * 2 * len(PROJECTIONS)
    assert all(".lora_A." in name or ".lora_B." in name for name in tensors)


def test_the_rows_are_the_masked_chats_counted_by_what_became_of_them(tokenizer: Any) -> None:
    encoded = [masking.encode(tokenizer, chat) for chat in CHATS]
    unlearnable = [{"role": "user", "content": "water " * 40}, {"role": "assistant", "content": "Yes."}]
    lost = sum(label != masking.IGNORED for label in masking.encode(tokenizer, unlearnable)[1])
    longest = max(len(ids) for ids, _ in encoded)
    cut = sum(len(ids) == longest for ids, _ in encoded)
    targets = sum(label != masking.IGNORED for _, labels in encoded for label in labels)
    # The template ends a turn with a line break, which is no target.
    limit = longest - 2
    rows, chats, tokens = examples(tokenizer, [*CHATS, unlearnable], limit)
    assert chats == {
        "kept": 5 - cut,
        "kept, cut to the token limit": cut,
        "no assistant token within the token limit": 1,
    }
    assert tokens == {"kept": targets - cut, "behind the token limit": cut + lost}
    assert rows == [{"input_ids": ids[:limit], "labels": labels[:limit]} for ids, labels in encoded]


def test_a_chat_of_several_parts_is_one_chat_of_a_step(
    trainings: Trainings, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template that shows a reply otherwise once more turns follow changes neither steps nor what a target weighs."""
    thinking = copy.deepcopy(tokenizer)
    thinking.chat_template = templates.EMPTY_THOUGHT.replace("<|im_end|>", "<|end|>")
    chats = [[*CHATS[at], *CHATS[at - 1]] for at in range(4)]
    rows, counted, tokens = examples(thinking, chats, 10**6)
    assert [len(row[packing.LENGTHS]) for row in rows] == [2, 2, 2, 2]
    assert counted == {"kept": 4}
    parts = [part for chat in chats for part in masking.rows(thinking, chat)]
    several = Trainings(trainings.weights, thinking, tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "CHATS", chats)
    run = several.run("parts", 1, batch=4, micro_batch=1, dropout=0.0, max_length=10**6)
    (entry,) = run.losses
    assert (entry["tokens"], entry["target_tokens"]) == (sum(len(ids) for ids, _ in parts), tokens["kept"])
    model = AutoModelForCausalLM.from_pretrained(trainings.weights)
    total = 0.0
    for ids, labels in parts:
        with torch.no_grad():
            chances = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        total -= sum(chances[at - 1, label].item() for at, label in enumerate(labels) if label != masking.IGNORED)
    assert entry["loss"] == pytest.approx(total / tokens["kept"], abs=1e-3)


def test_parts_that_begin_behind_the_token_limit_are_left_out(tokenizer: Any) -> None:
    thinking = copy.deepcopy(tokenizer)
    thinking.chat_template = templates.EMPTY_THOUGHT.replace("<|im_end|>", "<|end|>")
    chat = [*CHATS[0], *CHATS[1]]
    (first, labels), second = masking.rows(thinking, chat)
    assert len(second[0]) > len(first)
    rows, counted, tokens = examples(thinking, [chat], len(first))
    assert rows == [{"input_ids": first, "labels": labels}]
    assert counted == {"kept, cut to the token limit": 1}
    kept, lost = (sum(label != masking.IGNORED for label in each) for each in (labels, second[1]))
    assert tokens == {"kept": kept, "behind the token limit": lost}


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}


def config_alone(folder: Path, config: PreTrainedConfig, **changes: Any) -> cards.Weights:
    """A model of which there is only its config.json."""
    config.architectures = [type(config).__name__.replace("Config", "Model")]
    config.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return cards.Weights(str(folder), "")


@pytest.mark.parametrize(
    ("config", "dropout"),
    [
        (LlamaConfig(**tiny_model.SHAPE, tie_word_embeddings=True), 0.1),
        (Gemma2Config(**tiny_model.SHAPE, head_dim=8), 0.1),
        (GPTNeoXConfig(vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=4), 0.1),
        (Qwen2MoeConfig(**tiny_model.SHAPE, **EXPERTS), 0.1),
        (MixtralConfig(**tiny_model.SHAPE, num_local_experts=4), 0.0),
        (Qwen3MoeConfig(**tiny_model.SHAPE, **EXPERTS), 0.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_models_of_many_kinds_can_be_trained(tmp_path: Path, config: PreTrainedConfig, dropout: float) -> None:
    base = config_alone(tmp_path, config)
    lora.require_trainable(base, dataclasses.replace(SETTINGS, dropout=dropout))


@pytest.mark.parametrize(
    ("config", "changes", "error"),
    [
        (
            MixtralConfig(**tiny_model.SHAPE, num_local_experts=4),
            {},
            r"cannot tune a MixtralForCausalLM .*dropout` to 0",
        ),
        (Qwen3MoeConfig(**tiny_model.SHAPE, **EXPERTS), {}, r"cannot tune a Qwen3MoeForCausalLM .*dropout` to 0"),
        (
            Mistral3Config(
                text_config=MistralConfig(**tiny_model.SHAPE), vision_config={"model_type": "pixtral", **VISION}
            ),
            {},
            r"config\.json names a Mistral3Model, which transformers does not load as a model of text alone\. Have",
        ),
        (Qwen2_5_VLConfig(), {}, r"config\.json names a Qwen2_5_VLModel, which transformers does not load"),
        (
            LlamaConfig(**tiny_model.SHAPE),
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            r"weights in fewer bits \(gptq\), on which no adapter is trained here\. Take the repository of the whole",
        ),
        (
            LlamaConfig(**tiny_model.SHAPE),
            {"model_type": "novel"},
            r"config\.json cannot be read by transformers here: .+novel",
        ),
    ],
    ids=["Mixtral", "Qwen3 with experts", "Mistral3", "Qwen2.5-VL", "quantised", "unknown"],
)
def test_a_model_that_cannot_be_trained_is_refused_by_its_configuration_alone(
    tmp_path: Path, config: PreTrainedConfig, changes: dict[str, Any], error: str
) -> None:
    base = config_alone(tmp_path, config, **changes)
    with pytest.raises(UserError, match=error) as refused:
        lora.require_trainable(base, SETTINGS)
    assert str(refused.value).startswith(str(tmp_path)) and "\n" not in str(refused.value)


def test_an_adapter_on_a_head_that_is_the_embeddings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for classes that do not say which of their layers is the head."""
    monkeypatch.setattr(LlamaForCausalLM, "get_output_embeddings", lambda self: None)
    base = config_alone(tmp_path, LlamaConfig(**tiny_model.SHAPE, tie_word_embeddings=True))
    with pytest.raises(UserError, match=r"the layer lm_head of this LlamaForCausalLM shares its weights with the emb"):
        lora.require_trainable(base, SETTINGS)


def test_experts_that_lie_in_one_tensor_are_trained_and_answer_as_trained(tokenizer: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = MixtralConfig(**tiny_model.SHAPE, num_local_experts=4, initializer_range=0.2)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "experts")
    tokenizer.save_pretrained(tmp_path / "experts")
    card = tiny_model.card(tmp_path / "experts")
    rows, *_ = examples(tokenizer, CHATS, 64)
    trained: Any = load_model(card, "float32", torch.device("cpu"))
    settings = dataclasses.replace(SETTINGS, dropout=0.0)
    folder = tmp_path / "adapter"
    lora.train(trained, rows, settings, {1.0: folder}, TrainingState(tmp_path / "states"), EXECUTION)
    named = json.loads((folder / "adapter_config.json").read_text())["target_parameters"]
    assert named == sorted(named) and {"down_proj", "gate_up_proj"} <= set(named)
    base: Any = load_model(card, "float32", torch.device("cpu"))
    ids = torch.arange(20).unsqueeze(0)
    with torch.no_grad():
        untuned = base(ids).logits
        tuned = adapters.attach(base, cards.identify_adapter(folder))(ids).logits
        expected = trained.eval()(ids).logits
    torch.testing.assert_close(tuned, expected, atol=1e-4, rtol=1e-4)
    assert (tuned - untuned).abs().max() > 0.1


def test_a_step_tells_its_tokens_and_targets(tokenizer: Any, long: Run) -> None:
    rows, *_ = examples(tokenizer, CHATS, SETTINGS.max_length)
    targets = sum(label != masking.IGNORED for row in rows for label in row["labels"])
    for epoch in range(4):
        steps = long.losses[3 * epoch : 3 * epoch + 3]
        # Every chat once: none is padded, and none is seen twice to fill the last step up.
        assert sum(step["tokens"] for step in steps) == sum(len(row["input_ids"]) for row in rows)
        assert sum(step["target_tokens"] for step in steps) == targets
        assert {step["learning_rate"] for step in steps} == {SETTINGS.learning_rate}


@given(
    st.lists(st.integers(1, 80).map(lambda eighths: eighths / 8), min_size=1, max_size=5, unique=True),
    st.integers(1, 200),
    st.integers(1, 16),
)
def test_every_epoch_has_a_step_of_its_own_or_is_refused(epochs: list[float], rows: int, batch: int) -> None:
    per_epoch = -(-rows // batch)
    try:
        steps = checkpoint_steps(epochs, rows, batch)
    except UserError:
        assert min(abs(one - other) for one in epochs for other in epochs if one != other) * per_epoch <= 1
    else:
        assert sorted(steps.values()) == sorted(epochs)
        assert min(steps) >= 1
        assert all(abs(step - epoch * per_epoch) <= 0.5 or step == 1 for step, epoch in steps.items())


def test_epochs_too_close_for_the_chats_are_refused_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"with 4 chats and 4 to a step an epoch has 1 steps: .* \[0\.5, 1\] apart"):
        checkpoint_steps([1, 0.5], rows=4, batch=4)
