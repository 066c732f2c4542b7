"""What ``cio portfolio`` puts together and shows, and what the doctor says of it."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from petrosa_cio.cli import portfolio as command
from petrosa_cio.cli.showing import out
from petrosa_cio.doctor.findings import Level
from petrosa_cio.doctor.patient import Patient
from petrosa_cio.doctor.portfolio_checks import portfolio_feed
from petrosa_cio.office.limits import Governs
from petrosa_cio.office.portfolio import Holdings, holdings_fields, holdings_of
from petrosa_cio.ports import ActivePolicy
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.limits_in_use import Counted
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json
from petrosa_cio.risk.portfolio import PortfolioReading, Position
from tests.deciding import NOW, Plain, ago

READING = PortfolioReading(
    ago(5),
    "tradeengine",
    Decimal(500),
    (
        Position("BTCUSDT", Direction.LONG, Decimal(1), Decimal(300), "momentum_v1"),
        Position("BTCUSDT", Direction.LONG, Decimal(1), Decimal(100)),
        Position("ETHUSDT", Direction.SHORT, Decimal(1), Decimal(50)),
    ),
    open_orders=2,
    doubts=("tradeengine: its summary counts 3 positions",),
    granted={"gross": 3_500_000, "position:BTCUSDT:long": 3_500_000},
)
LIMITS = {
    "max_gross_exposure_usd": 1000,
    "max_net_long_usd": 800,
    "max_group_exposure_usd": {"majors": {"symbols": ["BTCUSDT", "ETHUSDT"], "usd": 900}},
    "max_portfolio_leverage": 2,
    "max_open_orders": 4,
}
EXPOSURE = {"gross": 3_600_000, "position:BTCUSDT:long": 3_600_000, "open_orders": 10_000}


def document(fund: Plain) -> PolicyDocument:
    return PolicyDocument.model_validate({"policy": {"fund": fund}})


def holdings(reading: PortfolioReading | None, exposure: dict[str, int] | None) -> Holdings:
    charter = Charter()
    counted = None if exposure is None else Counted(exposure)
    governs = Governs(PolicyBook(document(LIMITS), charter), charter, {}, counted, "test", NOW)
    return holdings_of(reading, governs, NOW)


def used(found: Holdings) -> dict[str, str]:
    return {
        use.about: f"{use.used.normalize():f} of {use.limit}"
        for line in found.limits
        for use in line.uses
    }


def test_what_is_held_is_shown_as_seen_as_reserved_and_beside() -> None:
    long, short = holdings(READING, EXPOSURE).sides
    assert (long.symbol, long.direction, long.strategies) == ("BTCUSDT", "long", ("momentum_v1",))
    assert [long.seen_usd, long.reserved_usd, long.beside_usd] == [400, 360, 50]
    assert [short.seen_usd, short.reserved_usd, short.beside_usd] == [50, 0, 50]


def test_what_is_used_of_the_limits_is_reckoned_as_a_gate_does() -> None:
    assert used(holdings(READING, EXPOSURE)) == {
        "gross": "460 of 1000",
        "net:long": "410 of 800",
        "group:majors": "460 of 900",
        "open_orders": "3 of 4",
        "leverage": "0.92 of 2",
    }


def test_an_old_portfolio_is_shown_and_tightens_nothing() -> None:
    found = holdings(replace(READING, observed_at=ago(61)), EXPOSURE)
    assert (found.counts, found.age_s) == (False, 61)
    assert used(found)["gross"] == "360 of 1000"
    assert found.sides[0].seen_usd == 400


def test_what_nobody_tells_is_null_for_a_program() -> None:
    fields = holdings_fields(holdings(None, EXPOSURE))
    assert [fields[name] for name in ("source", "equity_usd", "age_s")] == [None] * 3
    (position,) = fields["positions"]
    assert (position["seen_usd"], position["reserved_usd"]) == (None, "360")
    lost = holdings_fields(holdings(READING, None))
    assert lost["limits"] == []
    assert lost["positions"][0]["reserved_usd"] is None


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (READING, ["tradeengine", "5 s old", "500.00", "its summary counts", "net:long"]),
        (replace(READING, equity_usd=None, positions=None), ["not known"]),
        (replace(READING, observed_at=ago(100)), ["100 s old, so that it tightens nothing"]),
        (None, ["Nobody has said what the fund holds"]),
    ],
)
def test_it_is_shown_to_people(reading: PortfolioReading | None, said: list[str]) -> None:
    with out.capture() as shown:
        command.show_holdings(holdings(reading, EXPOSURE))
    text = " ".join(shown.get().split())
    assert [one for one in said if one not in text] == []


class _Patient:
    """What the check asks of a patient."""

    def __init__(self, reading: PortfolioReading | None, fund: Plain, url: str | None) -> None:
        self._reading, self._fund = reading, fund
        self.settings = SimpleNamespace(tradeengine_url=url)
        self.governing = SimpleNamespace(charter=Charter())

    async def portfolio(self) -> PortfolioReading | None:
        return self._reading

    async def active_policy(self) -> ActivePolicy:
        return ActivePolicy(1, 1, canonical_json(document(self._fund)))

    def now(self) -> datetime:
        return NOW


NEEDED: dict[str, Any] = {"portfolio_required": True}
WELL = replace(READING, doubts=())
OLD = replace(WELL, observed_at=ago(61))
URL = "http://engine:8000"


@pytest.mark.parametrize(
    ("reading", "fund", "url", "level", "said"),
    [
        (None, {}, None, Level.NOTE, "nobody says what the fund holds"),
        (None, NEEDED, None, Level.PROBLEM, "the policy needs it"),
        (None, {}, URL, Level.WARNING, "nothing was read"),
        (WELL, NEEDED, URL, Level.OK, "seen 5 s ago by tradeengine: 3 positions"),
        (OLD, {}, URL, Level.WARNING, "seen 61 s ago"),
        (OLD, {"max_portfolio_leverage": 2}, URL, Level.PROBLEM, "seen 61 s ago"),
        (READING, {}, URL, Level.WARNING, "1 doubts, such as: tradeengine"),
    ],
)
async def test_the_doctor_looks_at_the_portfolio(
    reading: PortfolioReading | None, fund: Plain, url: str | None, level: Level, said: str
) -> None:
    found = await portfolio_feed(cast(Patient, _Patient(reading, fund, url)))
    assert (found.level, said in found.seen) == (level, True), found
