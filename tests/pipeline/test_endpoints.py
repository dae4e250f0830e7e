"""A study whose rewriter and judge answer at an endpoint: no key gets out, and the ledger alone re-derives it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from openai_simulator.client import Simulator
from study_copy import StudyCopy

RIGHT, WRONG = "sk-right-4a7be1c9", "sk-wrong-93d0fc52"


def at_an_endpoint(config: dict[str, Any], url: str) -> None:
    config["arms"] = ["original", "warm@1"]
    config["endpoints"] = {"api": {"url": url, "key": "SIMULATED_KEY", "mode": "chat"}}
    config["models"]["far"] = {"endpoint": "api", "name": "large", "prices": {"prompt": 2.5, "completion": 10}}
    config["rewriting"]["model"] = "far"
    judge = {"model": "far", "prompts": "config/prompts/judge", "reply": "schema", "temperature": 0}
    config["judge"] = {**judge, "max-new-tokens": 200, "max-unscored": 1.0}


def set_prices(copy: StudyCopy, completion: float) -> None:
    copy.configure(lambda config: config["models"]["far"].update(prices={"prompt": 2.5, "completion": completion}))


def files_that_hold(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.long(330)
def test_keys_stay_secret_and_the_ledger_re_derives_the_study(
    study_copy: StudyCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator.start(tmp_path, key=RIGHT) as simulator:
        study_copy.configure(lambda config: at_an_endpoint(config, simulator.url))
        monkeypatch.setenv("SIMULATED_KEY", WRONG)
        failed = study_copy.run(check=False)
        output = failed.stdout + failed.stderr
        assert failed.returncode and "refuses all calls, with status 401" in output
        assert f"Bearer {WRONG}" in simulator.counts()["authorization"]
        assert WRONG not in output and files_that_hold(study_copy.folder, WRONG) == []

        monkeypatch.setenv("SIMULATED_KEY", RIGHT)
        study_copy.run()
        assert simulator.counts()["chat"] == study_copy.calls()["openai"]
        assert files_that_hold(study_copy.folder, RIGHT) == []
        assert study_copy.calls()["openai"]
    contents, calls = study_copy.contents(), study_copy.calls()

    set_prices(study_copy, completion=20)
    assert study_copy.planned() == {"Adding up what the calls cost", "Writing the report"}
    set_prices(study_copy, completion=10)
    study_copy.configure(lambda config: config.update(budget=5))
    assert study_copy.planned() == set()

    monkeypatch.delenv("SIMULATED_KEY")
    study_copy.configure(lambda config: config.update(calls="replay"))
    shutil.rmtree(study_copy.path(""))
    shutil.rmtree(study_copy.folder / ".snakemake")
    study_copy.run()
    assert study_copy.contents() == contents
    assert study_copy.calls() == calls

    for path in (study_copy.folder / "results/ledger").glob("*/*.answers.*"):
        path.unlink()
    shutil.rmtree(study_copy.path("rewrites"))
    failed = study_copy.run(str(study_copy.path("rewrites/warm.parquet").relative_to(study_copy.folder)), check=False)
    assert "replay: " in failed.stdout + failed.stderr
    assert "not in the ledger" in failed.stdout + failed.stderr
