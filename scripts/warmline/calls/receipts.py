"""Receipts: what a calling rule leaves, so that calls can be counted and paid for."""

from __future__ import annotations

import json
from pathlib import Path

from warmline.calls.ask import Receipt
from warmline.lineage import complete_files


def write(receipt: Receipt, path: Path) -> None:
    """Write the receipt of a batch of calls as JSON."""
    complete_files.write_text(path, json.dumps(receipt.as_json(), indent=1) + "\n")
