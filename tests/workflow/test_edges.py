from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from snakemake.iocontainers import Wildcards

from warmline.lineage import digests
from warmline.workflow.edges import is_stale, unless_stale


class Projection:
    """A projection made from two inputs, with its job record; all files have one date."""

    def __init__(self, folder: Path) -> None:
        self.output, self.record = folder / "small.parquet", folder / "small.json"
        self.inputs = [folder / "arm.small.json", folder / "prompts.parquet"]
        self.output.write_text("answers")
        for path in self.inputs:
            path.write_text(path.name)
        named = {path.stem: {str(path): digests.of_file(path)} for path in self.inputs}
        self.record.write_text(json.dumps({"inputs": named}))
        for path in (self.output, self.record, *self.inputs):
            os.utime(path, (1e9, 1e9))

    def stale(self) -> bool:
        return is_stale(str(self.output), [str(path) for path in self.inputs], str(self.record))


@pytest.fixture
def projection(tmp_path: Path) -> Projection:
    return Projection(tmp_path)


def test_an_untouched_projection_is_up_to_date(projection: Projection) -> None:
    assert not projection.stale()


@pytest.mark.parametrize("at", [0, 1])
def test_another_content_makes_it_stale_and_another_date_does_not(projection: Projection, at: int) -> None:
    for path in projection.inputs:
        os.utime(path)
    assert not projection.stale()
    projection.inputs[at].write_text("changed")
    assert projection.stale()


def test_a_reverted_edit_leaves_it_up_to_date(projection: Projection) -> None:
    path = projection.inputs[0]
    path.write_text("changed")
    path.write_text(path.name)
    assert not projection.stale()


def test_nothing_is_read_where_no_input_is_newer(projection: Projection) -> None:
    projection.record.unlink()
    assert not projection.stale()


@pytest.mark.parametrize("name", ["output", "record"])
def test_without_its_output_or_record_it_is_stale(projection: Projection, name: str) -> None:
    os.utime(projection.inputs[0])
    getattr(projection, name).unlink()
    assert projection.stale()


def test_without_an_input_it_is_stale(projection: Projection) -> None:
    projection.inputs[1].unlink()
    assert projection.stale()


def test_an_input_that_the_record_does_not_know_makes_it_stale(projection: Projection) -> None:
    new = projection.output.with_name("new.json")
    new.write_text("new")
    projection.inputs.append(new)
    assert projection.stale()


def test_the_receipt_is_ancient_only_while_the_projection_is_up_to_date(projection: Projection) -> None:
    folder = projection.output.parent
    edge = unless_stale(
        ancient=lambda path: ("ancient", path),
        receipt=lambda wildcards: f"receipts/{wildcards.model}.json",
        projection=f"{folder}/{{model}}.parquet",
        inputs=[f"{folder}/arm.{{model}}.json"],
        record=f"{folder}/{{model}}.json",
    )
    wildcards = Wildcards(fromdict={"model": "small"})
    assert edge(wildcards) == ("ancient", "receipts/small.json")
    projection.inputs[0].write_text("changed")
    assert edge(wildcards) == "receipts/small.json"
