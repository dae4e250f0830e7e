"""The edge from a receipt to the files projected out of the ledger (lineage rules 4 and 5).

A projection needs the receipt before it, but must not be rebuilt because another condition's calls were made: the edge
is `ancient`. Snakemake 9.27 then overlooks a projection that is stale for a reason of its own while the calls are to be
made again, as after an interruption between the two, or when the requests were built in an invocation before. So the
edge is ancient only while the projection is up to date with its other inputs, and an ordinary one otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from warmline.lineage import digests


def unless_stale(
    ancient: Callable[[str], Any], receipt: Callable[[Any], str], projection: str, inputs: Sequence[str], record: str
) -> Callable[[Any], Any]:
    """An input function for Snakemake: the receipt, marked by `ancient` unless the projection is stale.

    `projection`, `inputs` and `record` are patterns with wildcards. `record` is the job record of the projection,
    which holds the digests of the inputs it was made from.
    """

    def edge(wildcards: Any) -> Any:
        values = dict(wildcards.items())
        paths = [pattern.format(**values) for pattern in inputs]
        stale = is_stale(projection.format(**values), paths, record.format(**values))
        path = receipt(wildcards)
        return path if stale else ancient(path)

    return edge


def is_stale(output: str, inputs: Sequence[str], record: str) -> bool:
    """Whether a file is missing or was made from other contents than its inputs have now. Clocks only save work."""
    try:
        made = os.stat(output).st_mtime_ns
        newer = [path for path in inputs if os.stat(path).st_mtime_ns > made]
        if not newer:
            return False
        with open(record, encoding="utf-8") as file:
            named = json.load(file)["inputs"]
        known = {path: digest for paths in named.values() for path, digest in paths.items()}
        return any(known.get(path) != digests.of_file(path) for path in newer)
    except FileNotFoundError:
        return True
