"""The demo's order engine: its words are those that the gate's settlement understands."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit.settlement import Books, SettlementOutcome, after, settle
from petrosa_cio.demo.chance import dice
from petrosa_cio.demo.engine import Engine
from petrosa_cio.demo.orders import (
    Ending,
    Position,
    closing_report,
    opening_reports,
    refusal,
)
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.risk.claims import to_units
from petrosa_cio.risk.execution import ExecutionEvent
from tests.waiting import eventually

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRICE = Decimal(50_000)


def signal(**fields: object) -> dict[str, Any]:
    return {
        "decision_id": "d" * 32, "strategy_id": "whale", "symbol": "BTCUSDT", "action": "buy",
        "confidence": 0.8, "quantity": 0.02, "stop_loss": 49_000.0, "take_profit": 52_000.0,
        "source": "petrosa-cio", "metadata": {"correlation_id": "i-1"},
    } | fields  # fmt: skip


def read(report: object) -> ExecutionEvent:
    event = parse_execution(orjson.dumps(report))
    assert isinstance(event, ExecutionEvent), event
    return event


def seed_that(wanted: Callable[[list[str]], bool]) -> int:
    """Return the first seed whose reports are of the wanted kinds."""
    return next(seed for seed in range(1_000) if wanted([one.kind for one in reports(seed)]))


def reports(seed: int, **fields: object) -> list[ExecutionEvent]:
    found = opening_reports(signal(**fields), PRICE, dice(seed, "order"), NOW)
    return [read(one) for one in found]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"source": "whale"}, "cio_enforcement_unauthorized_source"),
        ({"confidence": 0.59}, "Confidence below threshold"),
        ({"action": "close"}, "Invalid order side: close"),
    ],
)
def test_it_refuses_what_the_fleets_engine_refuses(fields: dict[str, Any], reason: str) -> None:
    found = refusal(signal(**fields), dice(0, "order"))
    assert found is not None
    assert found[1] == reason
    (event,) = reports(0, **fields)
    assert (event.kind, event.reason) == ("rejected", reason)


@pytest.mark.parametrize(
    "kinds",
    [["rejected"], ["placed", "filled"], ["placed", "partial_fill", "filled"]],
)
def test_an_order_goes_one_of_three_ways(kinds: list[str]) -> None:
    seed = seed_that(lambda found: found == kinds)
    assert [one.kind for one in reports(seed)] == kinds


@given(st.integers(0, 10_000), st.sampled_from(["buy", "sell"]), st.integers(1, 10**9))
def test_what_it_fills_and_closes_settles_to_nothing(seed: int, action: str, quanta: int) -> None:
    quantity = float(Decimal(quanta) / 10**8)
    opened = signal(action=action, quantity=quantity)
    events = reports(seed, action=action, quantity=quantity)
    books = Books({}, {opened["decision_id"]: to_units(PRICE * Decimal(str(quantity)))})
    outcomes = []
    position = Position(opened, Decimal(str(quantity)), closes_at=1)
    exit_report = closing_report(position, Ending.STOP, PRICE, "exit", NOW)
    for number, event in enumerate([*events, read(exit_report)]):
        step = settle(event, books, sequence=number)
        books = after(books, step)
        outcomes.append(step.outcome)
    was_refused = events[-1].kind == "rejected"
    ending = SettlementOutcome.NOTHING_HELD if was_refused else SettlementOutcome.SETTLED
    assert outcomes[-1] is ending
    assert not books.lots
    assert not books.reserved


@pytest.mark.parametrize(
    ("action", "price", "share", "ending"),
    [
        ("buy", 48_999, 0.5, Ending.STOP),
        ("buy", 52_000, 0.5, Ending.TARGET),
        ("buy", 50_000, 0.5, None),
        ("buy", 50_000, 0.9, Ending.TIME),
        ("sell", 52_000, 0.5, Ending.STOP),
        ("sell", 49_000, 0.5, Ending.TARGET),
        ("sell", 50_000, 0.5, None),
    ],
)
def test_a_position_ends_by_stop_target_or_time(
    action: str, price: int, share: float, ending: Ending | None
) -> None:
    stops = {} if action == "buy" else {"stop_loss": 52_000.0, "take_profit": 49_000.0}
    position = Position(signal(action=action, **stops), Decimal(1), closes_at=0.9)
    assert position.ending(Decimal(price), share) is ending


@pytest.mark.parametrize("stops", [{"stop_loss": None, "take_profit": None}])
def test_without_stop_and_target_only_time_closes(stops: dict[str, Any]) -> None:
    position = Position(signal(**stops), Decimal(1), closes_at=0.9)
    assert position.ending(Decimal(1), 0.5) is None
    assert position.ending(Decimal(1), 0.9) is Ending.TIME


@dataclass
class Venue:
    """Where an engine publishes; it may be away."""

    price: Decimal = PRICE
    share: float = 0.1
    away: bool = False
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def publish(self, subject: str, body: bytes) -> None:
        if self.away:
            raise Unavailable("nats")
        self.told.append((subject, orjson.loads(body)))

    def engine(self, seed: int) -> Engine:
        return Engine(
            seed,
            price=lambda _: self.price,
            share=lambda: self.share,
            publish=self.publish,
            clock=lambda: NOW,
        )

    @property
    def kinds(self) -> list[str]:
        return [event["event_type"] for _, event in self.told]


def seed_that_fills() -> int:
    def fills(seed: int) -> bool:
        chance = dice(seed, "order", "i-1")
        return refusal(signal(), chance) is None

    return next(filter(fills, range(100)))


async def test_a_filled_order_is_a_position_until_it_is_closed() -> None:
    venue = Venue()
    engine = venue.engine(seed_that_fills())
    engine.heard(orjson.dumps(signal()))
    await eventually(lambda: engine.positions)
    await engine.close_due()
    assert venue.kinds[-1] == "filled"
    assert len(engine.positions) == 1

    venue.price = Decimal(48_000)
    await engine.close_due()
    subject, event = venue.told[-1]
    assert subject == "execution.events.whale"
    assert (event["side"], event["close_reason"], event["fill_qty"]) == ("LONG", "stop_loss", 0.02)
    assert engine.events["closed by stop loss"] == 1
    assert not engine.positions


async def test_reports_that_meet_no_server_are_lost_and_nothing_else() -> None:
    venue = Venue(away=True)
    engine = venue.engine(seed_that_fills())
    engine.heard(orjson.dumps(signal()))
    await eventually(lambda: engine.positions)
    assert venue.told == []


async def test_it_can_be_stopped_in_the_middle_of_an_order() -> None:
    venue = Venue()
    engine = venue.engine(seed_that_fills())
    engine.heard(orjson.dumps(signal()))
    await asyncio.sleep(0)
    await engine.stop()
    assert venue.told == []
    assert not engine.positions
