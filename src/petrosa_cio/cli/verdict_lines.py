"""One verdict event as a person or a program reads it, and which of them are wanted."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from rich.text import Text

from petrosa_cio.cli.showing import COLOURS

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


def read_event(body: bytes) -> Event | None:
    """Return an event, or None for anything else that somebody published there."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("verdict"), str) else None


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
