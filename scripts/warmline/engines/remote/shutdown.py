"""Shutdown dates: when an endpoint will stop serving a model, said before a study comes to depend on it.

Endpoints that announce it say so in `shutdown_date` of GET /models/<name>. One that does not, or that cannot be asked,
is taken to have announced nothing.
"""

from __future__ import annotations

import asyncio
import datetime

import openai

from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage.errors import UserError

HORIZON_DAYS = 180
SECONDS_FOR_AN_ANSWER = 20.0


def announced(endpoint: Endpoint, name: str) -> datetime.date | None:
    """The day on which the endpoint will stop serving the model; None if it announces none."""

    async def told() -> object:
        async with endpoint.client() as client:
            model = await client.models.retrieve(name, timeout=SECONDS_FOR_AN_ANSWER)
            return getattr(model, "shutdown_date", None)

    try:
        return datetime.date.fromisoformat(str(asyncio.run(told()))[: len("2027-01-20")])
    except (openai.OpenAIError, ValueError):
        return None


def soon(endpoint: Endpoint, name: str, horizon_days: int) -> datetime.date | None:
    """The announced date if it is at most this number of days ahead. Raises UserError if it has passed."""
    return within_horizon(name, announced(endpoint, name), horizon_days, datetime.date.today())


def within_horizon(
    name: str, date: datetime.date | None, horizon_days: int, today: datetime.date
) -> datetime.date | None:
    """The date if it is at most this number of days ahead, None otherwise. Raises UserError if it has passed."""
    if date is None or date > today + datetime.timedelta(days=horizon_days):
        return None
    if date < today:
        raise UserError(
            f"the model {name} was shut down on {date}, says its endpoint. Put another model's `name` into the "
            "configuration, such as its successor at the same endpoint or open weights with a `source`."
        )
    return date


def warning(name: str, date: datetime.date) -> str:
    """What a user reads of a model that will be shut down."""
    return f"the model {name} will be shut down on {date}: finish the study before, or plan for another model."
