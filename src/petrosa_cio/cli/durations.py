"""How people write a span of time, or a moment, on the command line."""

import re
from datetime import UTC, datetime, timedelta

import typer

LONGEST = timedelta(days=366)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def duration_of(text: str) -> timedelta:
    """Return the span that ``90m``, ``24h`` or ``7d`` says. Raises BadParameter for others."""
    said = re.fullmatch(r"(\d{1,6})([mhd])", text.strip().lower())
    span = int(said[1]) * _UNITS[said[2]] if said else timedelta()
    if not timedelta() < span <= LONGEST:
        raise typer.BadParameter(
            f"expected minutes, hours or days up to a year, such as 90m, 24h or 7d; was {text!r}"
        )
    return span


def instant_of(text: str) -> datetime:
    """Return the moment that ``2026-11-23T08:00`` says, in UTC unless it states a zone.

    Raises:
        BadParameter: It says none.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a time such as 2026-11-23T08:00, was {text}") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
