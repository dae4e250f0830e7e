"""Sources: local files, pinned ones, and files of a dataset repository on the hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import COMMIT, serving, sha256
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.sources import origins

HUB = {"hub": "org/trivia", "revision": COMMIT}
PATH = Path(f"results/sources/org--trivia/{COMMIT[:12]}/data/rows.jsonl")
RECORD = PATH.with_name("rows.jsonl.sha256")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The folder that the hub serves."""
    (tmp_path / "repository/data").mkdir(parents=True)
    (tmp_path / "repository/data/rows.jsonl").write_bytes(b"first")
    return tmp_path / "repository"


@pytest.fixture
def hub(repository: Path) -> Iterator[str]:
    """The address of a hub that holds a dataset."""
    with serving(repository, "datasets/org/trivia") as address:
        yield address


def fetch(folder: Path, endpoint: str, home: str = "home", **changes: str) -> subprocess.CompletedProcess[str]:
    words = {**HUB, "file": "data/rows.jsonl", "fetched": str(PATH), **changes}
    offline = words.pop("offline", "0")
    command = [sys.executable, str(REPOSITORY / "scripts/sources/fetch.py")]
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / home),
        "HF_HUB_OFFLINE": offline,
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(REPOSITORY / "scripts"),
    }
    options = [word for name, value in words.items() for word in (f"--{name}", value)]
    return subprocess.run([*command, *options], cwd=folder, env=environment, capture_output=True, text=True)


def test_a_file_of_the_hub_is_fetched_and_its_hash_recorded(tmp_path: Path, hub: str) -> None:
    result = fetch(tmp_path, hub, sha256=sha256(b"first"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / PATH).read_bytes() == b"first"
    assert (tmp_path / RECORD).read_text() == f"{sha256(b'first')}  rows.jsonl\n"
    assert not list((tmp_path / PATH).parent.glob("*.partial*"))


def test_without_a_network_the_file_comes_from_the_cache(tmp_path: Path, hub: str) -> None:
    assert fetch(tmp_path, hub).returncode == 0
    (tmp_path / PATH).unlink()
    assert fetch(tmp_path, "http://127.0.0.1:9", offline="1").returncode == 0
    assert (tmp_path / PATH).read_bytes() == b"first"


def test_a_file_that_changed_upstream_stops_the_run_with_both_hashes(
    tmp_path: Path, hub: str, repository: Path
) -> None:
    assert fetch(tmp_path, hub).returncode == 0
    # Snakemake deletes a rule's output before the rule runs again.
    (tmp_path / PATH).unlink()
    (repository / "data/rows.jsonl").write_bytes(b"second")
    result = fetch(tmp_path, hub, home="another")
    assert result.returncode == 1
    assert sha256(b"first") in result.stderr and sha256(b"second") in result.stderr
    assert f"delete {RECORD}" in result.stderr
    assert not (tmp_path / PATH).exists()
    assert (tmp_path / RECORD).read_text().startswith(sha256(b"first"))
    (tmp_path / RECORD).unlink()
    assert fetch(tmp_path, hub, home="another").returncode == 0
    assert (tmp_path / PATH).read_bytes() == b"second"


def test_a_file_other_than_the_pinned_one_is_refused_and_not_kept(tmp_path: Path, hub: str) -> None:
    result = fetch(tmp_path, hub, sha256="0" * 64)
    assert result.returncode == 1
    assert sha256(b"first") in result.stderr and "0" * 64 in result.stderr
    assert "correct `sha256` in the configuration" in result.stderr
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").rglob("rows*"))


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("questions/rows.jsonl", b"inside")


def test_what_is_in_an_archive_is_fetched_by_itself_and_held_to_its_own_hash(
    tmp_path: Path, hub: str, repository: Path
) -> None:
    archive(repository / "data/all.zip")
    source = {**HUB, "file": "data/all.zip", "member": "questions/rows.jsonl"}
    [file] = origins.hub_files(source)
    changes = {"file": file.file, "member": str(file.member), "fetched": file.path}
    result = fetch(tmp_path, hub, **changes, sha256=sha256(b"inside"))
    assert result.returncode == 0, result.stderr
    assert origins.paths(source) == [file.path]
    assert (tmp_path / file.path).read_bytes() == b"inside"
    assert fetch(tmp_path, hub, **changes, sha256=sha256(b"first")).returncode == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"member": "rows.jsonl"}, "data/rows.jsonl of the dataset org/trivia is no zip archive. Remove `member`."),
        (
            {"file": "data/all.zip", "member": "rows.jsonl"},
            "holds no rows.jsonl, but ['questions/rows.jsonl']. Correct `member`.",
        ),
    ],
)
def test_what_is_in_no_archive_is_told(
    tmp_path: Path, hub: str, repository: Path, changes: dict[str, str], message: str
) -> None:
    archive(repository / "data/all.zip")
    result = fetch(tmp_path, hub, **changes)
    assert result.returncode == 1 and message in result.stderr
    assert not list((tmp_path / PATH).parent.glob("*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hub": "org/trivai"}, "the hub has no such dataset, or it is private. Correct `hub`, or set HF_TOKEN."),
        ({"revision": COMMIT[::-1]}, "the dataset has no such commit. Correct `revision`."),
        ({"file": "data/row.jsonl"}, "there is no such file at that commit. Correct `file`."),
        ({"hub": "gated/any"}, "is gated. Accept its terms at http://127.0.0.1:"),
        ({"offline": "1"}, "is not in the cache of the hub ("),
        ({"offline": "1"}, "and HF_HUB_OFFLINE is set. Fetch it where there is a network, or name a local copy"),
    ],
)
def test_what_the_hub_does_not_give_is_told_with_a_remedy(
    tmp_path: Path, hub: str, changes: dict[str, str], message: str
) -> None:
    result = fetch(tmp_path, hub, **changes)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: ") and message in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.rglob("results/**/*.jsonl"))


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("a.csv", ["a.csv"]),
        (["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        ({"path": "a.csv", "sha256": "0" * 64}, ["a.csv"]),
        ({**HUB, "file": "data/rows.jsonl"}, [str(PATH)]),
        ({**HUB, "file": ["data/rows.jsonl", "b.csv"]}, [str(PATH), str(PATH.parent.parent / "b.csv")]),
    ],
)
def test_every_form_of_a_source_has_its_paths(source: origins.Configured, paths: list[str]) -> None:
    assert origins.paths(source) == paths
    assert [file.path for file in origins.hub_files(source)] == (paths if "hub" in source else [])


def test_pins_that_do_not_fit_their_files_are_refused() -> None:
    with pytest.raises(UserError, match="a source has 2 files and 1 sha256"):
        origins.check_pins([{"path": ["a", "b"], "sha256": "0" * 64}])
    with pytest.raises(UserError, match=f"a has two sha256: {'0' * 64} and {'1' * 64}"):
        origins.check_pins([{"path": "a", "sha256": digit * 64} for digit in "01"])
    origins.check_pins(["a", ["a", "b"], {**HUB, "file": ["a", "b"], "sha256": ["0" * 64, "1" * 64]}])


def test_a_local_file_is_held_to_its_pins_one_by_one(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    for path in files:
        path.write_text(path.name)
    pins = [sha256(b"a"), sha256(b"b")]
    origins.check(files, origins.origin({"path": list(map(str, files)), "sha256": pins}))
    files[1].write_text("changed")
    with pytest.raises(UserError) as error:
        origins.check(files, {"sha256": pins})
    assert f"{files[1]}: its sha256 is {sha256(b'changed')}, the configuration expects {pins[1]}" in str(error.value)
    with pytest.raises(UserError, match="does not exist"):
        origins.check([tmp_path / "c"], None)


def test_a_fetched_file_is_held_to_what_was_recorded(tmp_path: Path) -> None:
    path, origin = tmp_path / "rows.csv", {**HUB, "file": "rows.csv"}
    path.write_text("first")
    origins.check([path], origin)
    origins.record_of(path).write_text(f"{sha256(b'first')}  rows.csv\n")
    origins.check([path], origin)
    path.write_text("second")
    with pytest.raises(
        UserError, match=f"its sha256 is {sha256(b'second')}, .*rows.csv.sha256 records {sha256(b'first')}"
    ):
        origins.check([path], origin)


def test_a_card_says_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("first")
    origins.write_card([path], 3, tmp_path / "card.json", {**HUB, "file": "rows.csv"}, {"markup": 2, "Han letters": 1})
    card: dict[str, Any] = json.loads((tmp_path / "card.json").read_text())
    assert card == {
        **HUB,
        "files": [{"path": str(path), "sha256": sha256(b"first"), "bytes": 5}],
        "rows": 3,
        "noted": {"Han letters": 1, "markup": 2},
    }
