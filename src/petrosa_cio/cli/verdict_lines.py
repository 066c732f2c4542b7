"""What a watcher is told, as a person or a program reads it, and what of it is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from rich.text import Text

from petrosa_cio.cli.showing import COLOURS
from petrosa_cio.risk.warning_bands import FULL

Event = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which verdicts to show. An empty set asks for nothing in particular.

    Attributes:
        strategies: Names of strategies.
        symbols: Symbols, in capitals.
        verdicts: ``approve``, ``reduce``, ``deny``.
        codes: Reason codes, of which a verdict must give at least one.
    """

    strategies: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()

    def has(self, event: Event) -> bool:
        """Return whether an event is one of them."""
        stated = (
            (self.strategies, {event.get("strategy")}),
            (self.symbols, {event.get("symbol")}),
            (self.verdicts, {event.get("verdict")}),
            (self.codes, set(_texts(event, "codes"))),
        )
        return all(not asked or asked & found for asked, found in stated)

    def has_warning(self, event: Event) -> bool:
        """Return whether a warning about a limit is wanted: not where verdicts are asked for."""
        return not self.verdicts and self.has({**event, "codes": [event.get("code")]})


def read_event(body: bytes) -> Event | None:
    """Return a verdict's event, or None for anything else that somebody published there."""
    event = _object(body)
    return event if isinstance(event.get("verdict"), str) else None


def read_warning(body: bytes) -> Event | None:
    """Return the event of a limit that has come to a band, or None for anything else."""
    event = _object(body)
    stated = isinstance(event.get("limit"), str) and isinstance(event.get("band_pct"), int)
    return event if stated and isinstance(event.get("timestamp"), int | float) else None


def _object(body: bytes) -> dict[str, object]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def warning_text(event: Event) -> Text:
    """Return a warning as a line for a terminal: which limit, how full, and who brought it there.

    A limit counts as full, whatever is left of it, where somebody was denied for want of more.
    """
    is_full, band = event["band_pct"] == FULL, event["band_pct"]
    text = Text(f"{_time_of_day(event)}  ")
    text.append(f"{'warning':<8}", style="bold red" if is_full else "bold yellow")
    text.append(f"{event['limit']} is {'full' if is_full else f'{band} % used'}: ")
    text.append(f"{_stated(event, 'used')} of {_stated(event, 'limit_value')}")
    text.append(f" {_stated(event, 'unit')}, {_stated(event, 'scope')}")
    if event.get("is_refused"):
        text.append(", and more was asked for")
    text.append(f"  {_stated(event, 'strategy')}  {_stated(event, 'symbol')}")
    text.append(f"  {event.get('decision_id')}", style="dim")
    return text


def _time_of_day(event: Event) -> str:
    """Return the time of day in UTC, to the second, of an event that states epoch seconds."""
    try:
        at = datetime.fromtimestamp(float(str(event["timestamp"])), UTC)
    except (ValueError, OverflowError, OSError):
        return "?".ljust(8)
    return f"{at:%H:%M:%S}"


def verdict_text(event: Event) -> Text:
    """Return a verdict as lines for a terminal: what, for whom, and every reason below it."""
    verdict = str(event["verdict"])
    text = Text(f"{_time(event)}  ")
    text.append(f"{verdict:<8}", style=f"bold {COLOURS.get(verdict, 'magenta')}")
    text.append(f"{_stated(event, 'strategy')}  {_stated(event, 'symbol')}")
    text.append(f"  {_stated(event, 'action')}{_size(event)}")
    if event.get("mode") == "observe":
        text.append("  (observed only)", style="dim")
    text.append(f"  {event.get('decision_id')}", style="dim")
    for reason in _texts(event, "reasons"):
        text.append(f"\n               {reason}")
    return text


def _time(event: Event) -> str:
    """Return the time of day in UTC, to the second."""
    return str(event.get("at"))[11:19].ljust(8)


def _stated(event: Event, key: str) -> str:
    return str(event.get(key) or "-")


def _size(event: Event) -> str:
    asked, approved = event.get("requested_quantity"), event.get("quantity")
    if not (asked or approved):
        return ""
    size = f" {approved or asked}"
    if approved and asked and approved != asked:
        size += f" of {asked}"
    return size + (f" at {event['price']}" if event.get("price") else "")


def _texts(event: Event, key: str) -> list[str]:
    found = event.get(key)
    return [str(one) for one in found] if isinstance(found, list) else []
