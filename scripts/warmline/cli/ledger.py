"""`warmline ledger`: what a ledger holds, whether it is sound, and what of it may go."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from tabulate import tabulate

from warmline.calls import inventory, joining
from warmline.cli import configured
from warmline.lineage.errors import UserError

SHOWN = 80


def print_ledger(arguments: argparse.Namespace) -> None:
    """Print a line for each respondent, after what was asked for. Raises UserError for what is damaged."""
    ledger = Path(configured.study(arguments.configfile).ledger)
    if arguments.check:
        damages = [damage for folder in inventory.folders(ledger) for damage in inventory.damages(folder)]
        if damages:
            raise UserError(f"{ledger}: {len(damages)} damaged:\n" + "\n".join(damages))
    if arguments.keep_only:
        keys = inventory.referred_to(arguments.keep_only)
        dropped = sum(joining.drop_all_but(folder, keys) for folder in inventory.folders(ledger))
        print(f"dropped: {dropped:,} answers that none of {', '.join(map(str, arguments.keep_only))} refers to")
    parts = list(inventory.parts(ledger))
    headings = ["respondent", "answers", "files", "MB", "first", "last", "who"]
    rows = [
        [part.folder.name, part.answers, part.files, part.bytes / 1e6, _day(part.first), _day(part.last), _who(part)]
        for part in parts
    ]
    print(tabulate(rows, headings, "simple", floatfmt=",.1f", intfmt=","))
    answers, files, size = (sum(getattr(part, name) for part in parts) for name in ("answers", "files", "bytes"))
    print(f"\n{ledger}: {answers:,} answers in {files:,} files of {size / 1e6:,.1f} MB")
    if arguments.check:
        print("Every line is as it was written, and every key is that of its request.")


def _day(time: datetime.datetime | None) -> str:
    return f"{time:%Y-%m-%d}" if time else ""


def _who(part: inventory.Part) -> str:
    return part.respondent[:SHOWN]
