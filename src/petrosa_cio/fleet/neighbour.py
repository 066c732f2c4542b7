"""What of a neighbour can be looked at and set, as plain values, whoever the neighbour is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.setting_facts import SettingFacts

Settings = Mapping[str, object]
"""Values by name: ``bool``, ``int``, ``Decimal``, text, or lists and objects of them."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SYMBOL = re.compile(r"[A-Z0-9]{3,32}")


class Neighbour(StrEnum):
    """The services whose settings are looked at and changed."""

    TRADEENGINE = "tradeengine"
    TA_BOT = "ta-bot"
    REALTIME = "realtime-strategies"


class Side(StrEnum):
    """The side of a position, as the order engine spells it."""

    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(frozen=True, slots=True)
class Target:
    """Whose settings are meant, as ``tradeengine/BTCUSDT/LONG`` or ``ta-bot/momentum_pulse``.

    Attributes:
        neighbour: The service.
        strategy: Strategy of a bot, by the name in its URLs; None for the service as a whole.
        symbol: Only for this symbol, in capitals; None for all.
        side: Only for this side, at the order engine.
    """

    neighbour: Neighbour
    strategy: str | None = None
    symbol: str | None = None
    side: Side | None = None

    def __str__(self) -> str:
        stated = (self.neighbour, self.strategy, self.symbol, self.side)
        return "/".join(part for part in stated if part)


def parse_target(text: str) -> Target:
    """Return what a text such as ``realtime-strategies/iceberg_detector/BTCUSDT`` means.

    A strategy may be called by the name in its signals, such as ``Iceberg Order Detector``.

    Raises:
        SettingRejected: Nothing is meant by it.
    """
    first, *rest = text.split("/")
    if first not in set(Neighbour):
        known = ", ".join(Neighbour)
        raise SettingRejected([f"there is no neighbour {first!r}; it is one of: {known}"])
    neighbour = Neighbour(first)
    if neighbour is Neighbour.TRADEENGINE:
        return _engine_target(text, rest)
    if not rest and neighbour is Neighbour.REALTIME:
        raise SettingRejected([f"name a strategy, such as {neighbour}/iceberg_detector"])
    strategy, *symbols = rest or [""]
    named = DISPLAY_NAMES.get(strategy, strategy) or None
    if len(symbols) > 1 or (named and not _NAME.fullmatch(named)):
        raise SettingRejected(
            [f"{text!r} is no {neighbour}/STRATEGY or {neighbour}/STRATEGY/SYMBOL"]
        )
    return Target(neighbour, named, _symbol(symbols[0]) if symbols else None)


def _engine_target(text: str, rest: Sequence[str]) -> Target:
    symbol, side = (*rest, None, None)[:2]
    if len(rest) > 2 or (side is not None and side.upper() not in set(Side)):  # noqa: PLR2004
        raise SettingRejected([f"{text!r} is no tradeengine/SYMBOL or tradeengine/SYMBOL/LONG"])
    return Target(
        Neighbour.TRADEENGINE,
        symbol=None if symbol is None else _symbol(symbol),
        side=None if side is None else Side(side.upper()),
    )


def _symbol(text: str) -> str:
    symbol = text.upper()
    if not _SYMBOL.fullmatch(symbol):
        raise SettingRejected([f"expected a symbol such as BTCUSDT, was {text!r}"])
    return symbol


DISPLAY_NAMES: Mapping[str, str] = {
    "Spread Liquidity Monitor": "spread_liquidity",
    "Spread_Liquidity_Monitor": "spread_liquidity",
    "Iceberg Order Detector": "iceberg_detector",
    "Iceberg_Order_Detector": "iceberg_detector",
}
"""What realtime-strategies calls its strategies in URLs, by the name in their signals."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings of a target, as its service shows them.

    Attributes:
        target: The target.
        settings: What it shows.
        stored: What is stored for this very target and a write must repeat, as a write replaces
            all of it; None where a write changes only what it names.
        version: Version that it states, if any.
        source: Where it says that they come from.
        notes: What is to be known about them, a sentence each.
    """

    target: Target
    settings: Settings
    stored: Settings | None = None
    version: int | None = None
    source: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PastChange:
    """One change of a target's settings, as its service remembers it.

    Attributes:
        change_id: Its own name for the change; empty where it has none.
        version: The version that the change made; None where it does not say.
        action: What was done, as it says.
        before: The settings before; None where it does not say.
        after: The settings after, alike.
        changed_by: Who changed them, as they named themselves.
        at: When, as it says.
        reason: Why.
    """

    change_id: str
    version: int | None
    action: str
    before: Settings | None
    after: Settings | None
    changed_by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing of a neighbour that has settings.

    Attributes:
        target: The target.
        title: What it is, in words.
        settings: Names of what the neighbour says can be set, in order.
        unknown: Those that this program knows nothing of.
    """

    target: Target
    title: str
    settings: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A change that is sent.

    Attributes:
        target: Of whose settings.
        changed_by: Who asks, as the neighbour is told.
        reason: Why, as it is told.
    """

    target: Target
    changed_by: str
    reason: str


class SettingsOf(Protocol):
    """One neighbour's settings. Every method raises NeighbourSilent and NeighbourRefused."""

    async def offers(self) -> list[Offer]:
        """Return what has settings there."""

    def facts(self, target: Target) -> Mapping[str, SettingFacts]:
        """Return what is known of a target's settings, by name. Raises SettingRejected."""

    async def read(self, target: Target) -> Reading:
        """Return the settings of a target. Raises SettingRejected if there is no such target."""

    async def write(self, request: Request, settings: Settings) -> None:
        """Set these, and nothing else, or replace all that is stored: see `Reading.stored`."""

    async def history(self, target: Target, limit: int) -> list[PastChange]:
        """Return its newest changes, the newest first."""
