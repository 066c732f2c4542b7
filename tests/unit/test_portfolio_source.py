"""What is made of the neighbours' answers about the portfolio."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.errors import NeighbourSilent
from petrosa_cio.fleet.neighbour_api import Answer
from petrosa_cio.fleet.portfolio_source import PAGE, PortfolioSource
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.strict_json import load_value
from tests.deciding import NOW, Plain, load, over

FOUND = load("portfolio_answers.yaml")
CASES = [over(FOUND["base"], case) for case in FOUND["cases"]]


class Told:
    """A neighbour that answers from a table, as JSON would bring it."""

    def __init__(self, name: str, answers: Mapping[str, Any]) -> None:
        self.name = name
        self._answers = answers

    async def get(self, path: str, **asked: str | int) -> Answer:
        found = self._answers.get(path)
        if found is None:
            raise NeighbourSilent(self.name, "away", may_have_acted=False)
        content = found[int(asked["offset"]) // PAGE] if path == "/positions" else found
        return Answer(200, load_value(orjson.dumps(content), 10**7))

    async def post(self, path: str, body: Mapping[str, object], **asked: str | int) -> Answer:
        raise AssertionError((path, body, asked))


def page(rows: list[Plain]) -> Plain:
    return {"status": "success", "data": rows, "source": "local"}


def source_of(case: Plain, *, manager: bool = True) -> PortfolioSource:
    engine = {
        "/state": case.get("state"),
        "/account": case.get("account"),
        "/positions": [page(case["positions"])],
    }
    told = Told("data-manager", {"/api/v1/pnl": case["pnl"]}) if manager else None
    return PortfolioSource(Told("tradeengine", engine), told, lambda: NOW)


def shown(reading: PortfolioReading) -> Plain:
    positions = None
    if reading.positions is not None:
        positions = {
            ":".join(filter(None, (one.symbol, one.direction, one.strategy))): (
                f"{one.notional_usd.normalize():f}"
            )
            for one in reading.positions
        }
    return {
        "equity": None if reading.equity_usd is None else f"{reading.equity_usd:f}",
        "positions": positions,
        "results": {name: f"{one.realised_usd:f}" for name, one in reading.results.items()},
        "open_orders": reading.open_orders,
    }


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
async def test_a_portfolio_is_read_as_the_case_wants(case: Plain) -> None:
    reading = await source_of(case).read()
    want, found = dict(case["want"]), shown(reading)
    for begins in (doubts := want.pop("doubts")):
        assert any(doubt.startswith(begins) for doubt in reading.doubts), reading.doubts
    assert bool(doubts) == bool(reading.doubts), reading.doubts
    assert {name: found[name] for name in want} == want


async def test_what_nobody_tells_is_unknown_and_never_zero() -> None:
    silent = PortfolioSource(Told("tradeengine", {}), None, lambda: NOW)
    reading = await silent.read()
    assert (reading.equity_usd, reading.positions, reading.open_orders) == (None, None, None)
    assert reading.doubts == ("tradeengine: away",)
    assert reading.observed_at == NOW


async def test_every_page_of_the_positions_is_read() -> None:
    row = {"symbol": "BTCUSDT", "position_side": "LONG", "quantity": 1, "avg_price": 1}
    rows = [row | {"symbol": f"C{number}USDT"} for number in range(PAGE + 1)]
    engine = Told("tradeengine", {"/positions": [page(rows[:PAGE]), page(rows[PAGE:])]})
    reading = await PortfolioSource(engine, None, lambda: NOW + timedelta(0)).read()
    assert reading.positions is not None
    assert len(reading.positions) == PAGE + 1
    assert sum(one.notional_usd for one in reading.positions) == Decimal(PAGE + 1)
