"""What a venue says of its rules, in small."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import orjson

from petrosa_cio.fleet.venue_files import read_venue
from petrosa_cio.risk.venue import VenueRules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILTERS: Mapping[str, Mapping[str, object]] = {
    "PRICE_FILTER": {"minPrice": "500", "maxPrice": "5000000", "tickSize": "0.50"},
    "LOT_SIZE": {"minQty": "0.002", "maxQty": "900", "stepSize": "0.001"},
}


def symbol_entry(name: str = "BTCUSDT", **more: object) -> dict[str, object]:
    """Return a symbol as the venue lists it; ``filters`` by type replace or add, None takes out."""
    changed = more.pop("filters", {})
    assert isinstance(changed, Mapping)
    filters = [
        {"filterType": kind, **stated}
        for kind, stated in {**FILTERS, **changed}.items()
        if stated is not None
    ]
    return {"symbol": name, "status": "TRADING", "filters": filters, **more}


def exchange_info(*entries: object) -> bytes:
    """Return the venue's answer about some symbols; one plain symbol where none is stated."""
    return orjson.dumps({"timezone": "UTC", "symbols": list(entries) or [symbol_entry()]})


def rules_for(*names: str) -> VenueRules:
    """Return plain rules for some symbols."""
    return read_venue([("test", exchange_info(*map(symbol_entry, names)))])


class Watch:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
