"""The market of a scenario: one path of prices for each symbol, minute by minute, from a seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

import yaml

from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.market import COINS, Coin

TOGETHER, ALONE = 0.8, 0.6
"""How much of each random move all coins make together, and each on its own."""

_BASIS_POINT = 0.0001
_FILE = Path(__file__).with_name("scenarios.yaml")


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a day.

    Attributes:
        minutes: How long it lasts.
        drift: Basis points by which prices move in a minute.
        roughness: Basis points of chance in a minute.
        regime: What is said of it.
        jump: Percent by which prices leap as it begins.
        is_outage: Whether the exchange is away.
    """

    minutes: int
    drift: float
    roughness: float
    regime: str
    jump: float = 0.0
    is_outage: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day.

    Attributes:
        name: What it is called.
        about: What happens.
        phases: Its parts, in order.
        shock_at: Minute in which it turns bad; None where it does not.
        is_calm: Whether it is a day on which caution only costs.
        rogue_from: Minute from which on a bot goes wrong; None where none does.
    """

    name: str
    about: str
    phases: tuple[Phase, ...]
    shock_at: int | None = None
    is_calm: bool = False
    rogue_from: int | None = None

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return sum(one.minutes for one in self.phases)

    def by_minute(self) -> list[Phase]:
        """Return the phase of every minute."""
        return [one for one in self.phases for _ in range(one.minutes)]


def read_scenarios() -> dict[str, Scenario]:
    """Return every scenario by its name."""
    stated: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text("utf-8"))
    return {
        name: Scenario(name, phases=tuple(Phase(**one) for one in rest.pop("phases")), **rest)
        for name, rest in stated.items()
    }


def make_paths(scenario: Scenario, seed: int) -> Mapping[str, tuple[Decimal, ...]]:
    """Return every price of a day by symbol, one a minute."""
    common = dice(seed, "scenario", "together")
    together = [common.gauss(0, 1) for _ in range(scenario.minutes)]
    return {
        coin.symbol: tuple(_path(coin, scenario, together, dice(seed, "scenario", coin.symbol)))
        for coin in COINS
    }


def _path(
    coin: Coin, scenario: Scenario, together: list[float], chance: Random
) -> Iterator[Decimal]:
    height, before = log(coin.first_price), None
    for minute, phase in enumerate(scenario.by_minute()):
        rough = TOGETHER * together[minute] + ALONE * chance.gauss(0, 1)
        height += (phase.drift + phase.roughness * rough) * _BASIS_POINT
        if phase is not before:
            height += log(1 + phase.jump / 100)
        before = phase
        yield round(Decimal(exp(height)), coin.places)
