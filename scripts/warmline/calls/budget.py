"""A study's budget: what all its jobs together may spend on calls, kept without locks.

Every job has a file of its own in a folder that the study's jobs share. Before calls are made, their highest possible
cost is claimed there, and only then are all claims added up, so that jobs which claim at once cannot both find room for
the last dollar. What a job spent is in its file within a second; of a job that is killed, the calls of that second and
those on their way are billed by the endpoint but not counted here.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from warmline.lineage import complete_files
from warmline.lineage.errors import UserError

# Claiming for several calls together keeps the file system out of every call.
CALLS_CLAIMED_AT_ONCE = 20
SECONDS_BETWEEN_NOTES = 1.0


class Budget:
    """One job's part in a study's spending, in US dollars. `limit` is the whole study's; None for no limit."""

    def __init__(self, limit: float | None, path: Path) -> None:
        self.limit = limit
        self.path = path
        self.spent = _read(path)["spent"]
        self._reserved = 0.0
        self._claimed = self.spent
        self._published_at = 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._publish()

    def reserve(self, amount: float) -> bool:
        """Make room for a call that may cost `amount`. False if the study's limit leaves none."""
        needed = self.spent + self._reserved + amount
        if needed > self._claimed and not (
            self._claim(needed + (CALLS_CLAIMED_AT_ONCE - 1) * amount) or self._claim(needed)
        ):
            return False
        self._reserved += amount
        return True

    def settle(self, reserved: float, spent: float) -> None:
        """Give back a call's reservation and count what it came to."""
        self._reserved = max(0.0, self._reserved - reserved)
        self.spent += spent
        if spent and time.monotonic() - self._published_at > SECONDS_BETWEEN_NOTES:
            self._publish()

    def close(self) -> None:
        """Publish what was spent; nothing more is claimed."""
        self._claimed, self._reserved = self.spent, 0.0
        self._publish()

    def taken(self) -> float:
        """US dollars that the study's jobs have spent or claimed, this one's included."""
        return sum(_read(path)["claimed"] for path in self.path.parent.glob("*.json"))

    def _claim(self, amount: float) -> bool:
        before, self._claimed = self._claimed, amount
        self._publish()
        if self.limit is None or self.taken() <= self.limit:
            return True
        self._claimed = before
        self._publish()
        return False

    def _publish(self) -> None:
        # Where a call came to more than was reserved for it, what was spent is what is taken.
        values = {"spent": self.spent, "claimed": max(self._claimed, self.spent)}
        complete_files.write_text(self.path, json.dumps(values) + "\n")
        self._published_at = time.monotonic()


def spent_by_job(folder: Path) -> dict[str, float]:
    """US dollars spent by each job that has a file in the folder."""
    return {path.stem: _read(path)["spent"] for path in sorted(folder.glob("*.json"))}


def _read(path: Path) -> dict[str, float]:
    """What a job has spent and claimed: nothing if its file is not there, or is gone since the folder was listed."""
    try:
        values: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return {"spent": float(values["spent"]), "claimed": float(values["claimed"])}
    except FileNotFoundError:
        return {"spent": 0.0, "claimed": 0.0}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: expected {{spent, claimed}} in US dollars. Delete the file to forget what this job spent."
        ) from error
