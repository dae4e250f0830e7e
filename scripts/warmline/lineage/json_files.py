"""JSON files that jobs write for other jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warmline.lineage.errors import UserError, damaged


def read(path: Path) -> Any:
    """What a file of the study holds. Raises UserError if it is not there, or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Build it with snakemake.") from error
    except ValueError as error:
        raise damaged(path, "JSON", error) from error
