from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import tiny_gpt2
from repository import REPOSITORY

from warmline import __main__ as command
from warmline.lineage.errors import UserError
from warmline.models import weights
from warmline.warmth import scored_texts

TEXTS = ["We can find it, dear friend.", "a\u2028b\r\nc", 'She said "no".', "=1+1", "🐧<|end|>", "My mentor " * 200]
SCORES = ["warm", "cold", "sociot", "measurement_standard_error"]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model to score with; like GPT-2, it has no chat template."""
    folder = tmp_path_factory.mktemp("scorer")
    tiny_gpt2.model().save_pretrained(folder)
    tiny_gpt2.tokenizer().save_pretrained(folder)
    return folder


def write(path: Path, texts: list[str], line_end: str = "\n") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=line_end)
        writer.writerow(["id", "reply"])
        writer.writerows(enumerate(texts))
    return path


def score(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[list[dict[str, str]], str]:
    """The rows that the command prints, and what it says of them."""
    command.main(["warmth", *map(str, words)])
    captured = capsys.readouterr()
    return [*csv.DictReader(io.StringIO(captured.out, newline=""))], captured.err


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_rows_come_out_as_they_went_in_with_their_scores(
    line_end: str, scorer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "texts.csv", [*TEXTS, ""], line_end)
    rows, said = score(capsys, path, "--column", "reply", "--model", scorer)
    assert [row["reply"] for row in rows] == [*TEXTS, ""]
    assert [row["id"] for row in rows] == [*map(str, range(7))]
    assert [*rows[0]] == ["id", "reply", *SCORES]
    assert all(float(row["sociot"]) == pytest.approx(float(row["warm"]) - float(row["cold"])) for row in rows[:-1])
    assert [rows[-1][name] for name in SCORES] == [""] * 4
    assert said == "7 texts, of which 1 are empty and have no score.\n"


def test_a_file_of_any_length_gives_the_scores_of_its_parts(
    scorer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "texts.csv", TEXTS * 3)
    whole, _ = score(capsys, path, "--column", "reply", "--model", scorer)
    monkeypatch.setattr(scored_texts, "ROWS", 4)
    parts, said = score(capsys, path, "--column", "reply", "--model", scorer)
    assert said.startswith("18 texts, of which 0 ")
    assert [float(row["sociot"]) for row in parts] == pytest.approx([float(row["sociot"]) for row in whole], abs=1e-6)
    assert [row["id"] for row in parts] == [row["id"] for row in whole]


def test_variants_and_dimensions_are_measured_on_demand(
    scorer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [write(tmp_path / "texts.csv", TEXTS[:2]), "--column", "reply", "--model", scorer]
    found = [
        score(capsys, *options, *more)[0][0]["sociot"]
        for more in (
            [],
            ["--variant", "as_published"],
            ["--variant", "as_published", "--passes", "2"],
            ["--dimension", "status"],
        )
    ]
    assert len(set(found)) == 4
    (row, *_), _ = score(capsys, *options, "--dimension", "humt")
    assert float(row["sociot"]) == pytest.approx(float(row["human"]) - float(row["thing"]))
    assert row["measurement_standard_error"] == ""


def test_a_file_without_rows_gives_its_line_of_names(
    scorer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    command.main(
        ["warmth", str(write(tmp_path / "texts.csv", [])), "--column=reply", f"--model={scorer}", f"--out={out}"]
    )
    assert out.read_text() == "id,reply,warm,cold,sociot,measurement_standard_error\n"
    assert capsys.readouterr().out == ""
    assert not [*tmp_path.glob("*.partial")]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, [], "texts.csv does not exist. Name a CSV file."),
        (b"", [], "texts.csv cannot be read: "),
        (b"text\n\xff\n", [], "texts.csv cannot be read: "),
        (b"text\na,b,c\n", [], "texts.csv cannot be read: "),
        (b"reply\na\n", [], "texts.csv: no column text. Its columns are ['reply']; name one with --column."),
        (b"text,sociot\na,1\n", [], "texts.csv: it already has the columns ['sociot'], which the scores"),
        (b"text\na\n", ["--model=gpt2"], "--model gpt2 is no folder. Name a folder as save_pretrained writes it"),
        (b"text\na\n", ["--model=."], "no *.safetensors file"),
        (b"text\na\n", ["--passes=5"], "--passes 5: at least 2, and with --variant as_published."),
        (b"text\na\n", ["--passes=1", "--variant=as_published"], "--passes 1: at least 2"),
        (b"text\na\n", ["--out=nowhere/out.csv"], "nowhere/out.csv cannot be written: "),
    ],
)
def test_mistakes_are_named(
    content: bytes | None,
    options: list[str],
    message: str,
    scorer: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("texts.csv").write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        command.main(["warmth", "texts.csv", f"--model={scorer}", *options])
    assert str(caught.value).startswith("error: ")
    assert message in str(caught.value)


def test_a_model_of_the_hub_is_taken_at_its_commit_and_the_articles_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    asked: list[tuple[dict[str, str], Path]] = []
    monkeypatch.setattr(weights, "fetch", lambda source, store: asked.append((source, store)))
    scored_texts.fetch(scored_texts.paper_scorer(), Path("store"))
    commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
    assert asked == [({"hub": "openai-community/gpt2", "revision": commit}, Path("store"))]
    with pytest.raises(UserError, match="is no folder"):
        scored_texts.fetch("openai-community/gpt2@main", Path("store"))
