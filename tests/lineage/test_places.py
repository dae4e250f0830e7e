from __future__ import annotations

from pathlib import Path

import pytest
from repository import REPOSITORY

from warmline.lineage import places
from warmline.lineage.errors import UserError

WARM = "config/prompts/rewrite/warm.md"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places.link()


def test_a_file_of_the_study_goes_before_the_workflows_own() -> None:
    assert places.found(WARM) == f".snakemake/workflow/{WARM}"
    Path(WARM).parent.mkdir(parents=True)
    Path(WARM).write_text("# user\n")
    assert places.found(WARM) == WARM


def test_a_file_that_is_nowhere_is_reported_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        places.found("config/nothing.md")
    assert all(text in str(caught.value) for text in ("config/nothing.md", str(tmp_path), str(REPOSITORY)))


def test_an_absolute_path_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "mine.md").touch()
    assert places.found(str(tmp_path / "mine.md")) == str(tmp_path / "mine.md")


def test_a_link_to_another_workflow_is_made_anew(tmp_path: Path) -> None:
    link = Path(places.LINK)
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    places.link()
    assert link.readlink() == REPOSITORY
    assert list(link.parent.iterdir()) == [link]


def test_a_file_is_recorded_by_the_path_that_the_configuration_names() -> None:
    assert places.named(places.found(WARM)) == places.named(WARM) == WARM
