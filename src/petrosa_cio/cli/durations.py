"""How people write a span of time on the command line."""

import re
from datetime import timedelta

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
