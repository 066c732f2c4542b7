"""What the author of a strategy wants is held against what is in force, and changes nothing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import NotAllowed, Unavailable
from petrosa_cio.office.admissions import Admissions, Answered, Request
from petrosa_cio.office.limits import Looked
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.trading_state import Scope, ScopeKind, TradingState
from tests.gates import House
from tests.governing import BOT, EVE

POLICY = {
    "name": "test",
    "fund": {
        "max_position_usd": "2000", "max_gross_exposure_usd": "5000", "max_leverage": 3,
        "allowed_strategies": ["momentum"],
    },
    "strategies": {"momentum": {"max_position_usd": "1000"}},
}  # fmt: skip


class NoRates:
    """Counts nothing."""

    async def events(self, windows: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        return dict.fromkeys(windows, 0)


class Registry:
    """A house where strategies are registered, and what was recorded of that."""

    def __init__(self, charter: Charter | None = None) -> None:
        self.house = House()
        self.charter = charter or Charter()
        self.recorded: list[Change] = []
        self.trouble: str | None = None

    async def open(self, policy: Mapping[str, Any] | None = POLICY) -> "Registry":
        if policy is not None:
            await self.house.open()
            await self.house.activate(dict(policy))
        return self

    async def tell(self, change: Change) -> str | None:
        if self.trouble is None:
            self.recorded.append(change)
        return self.trouble

    async def asks(
        self, position: str = "1000", leverage: str = "3", strategy: str = "momentum"
    ) -> Answered:
        looked = Looked(self.house.states, self.house.ledger, NoRates())
        admissions = Admissions(looked, self.charter, self.tell, self.house.now)
        return await admissions.register(
            BOT, Request(strategy, Decimal(position), Decimal(leverage))
        )


def refused(answered: Answered) -> list[str]:
    return [one.limit for one in answered.held if not one.fits]


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        ({}, []),
        ({"position": "1000.01"}, ["max_position_usd"]),
        ({"position": "5001"}, ["max_position_usd", "max_gross_exposure_usd"]),
        ({"leverage": "3.1"}, ["max_leverage"]),
        ({"strategy": "other"}, ["allowed_strategies"]),
    ],
)
async def test_each_limit_says_whether_it_lets_that_pass(
    asked: dict[str, str], limits: list[str]
) -> None:
    registry = await Registry().open()
    answered = await registry.asks(**asked)
    assert (refused(answered), answered.fits) == (limits, not limits)
    (change,) = registry.recorded
    assert (change.subject, change.author) == ("admission", BOT.name)
    assert orjson.loads(change.value)["fits"] is answered.fits


async def test_who_binds_is_named_and_what_nobody_states_is_unbounded() -> None:
    registry = await Registry().open({"name": "test", "strategies": POLICY["strategies"]})
    held = {one.limit: one for one in (await registry.asks(leverage="100")).held}
    assert held["max_position_usd"].entry == "strategies.momentum"
    assert (held["max_leverage"].allowed, held["max_leverage"].fits) == (None, True)


async def test_without_a_policy_nothing_fits() -> None:
    answered = await (await Registry().open(None)).asks()
    assert (answered.policy_revision, answered.fits) == (None, False)
    assert answered.fund_state is TradingState.HALTED


async def test_a_limit_that_is_required_and_missing_lets_nothing_fit() -> None:
    charter = Charter.model_validate({"required_limits": ["max_order_notional_usd"]})
    answered = await (await Registry(charter).open()).asks()
    assert (answered.missing, answered.fits) == (("max_order_notional_usd",), False)


@pytest.mark.parametrize("kind", [ScopeKind.FUND, ScopeKind.STRATEGY])
async def test_what_does_not_trade_does_not_fit(kind: ScopeKind) -> None:
    registry = await Registry().open()
    scope = Scope(kind, "momentum" if kind is ScopeKind.STRATEGY else "")
    await registry.house.switch(TradingState.REDUCING, scope)
    assert not (await registry.asks()).fits


async def test_what_cannot_be_recorded_is_not_registered() -> None:
    registry = await Registry().open()
    registry.trouble = "NATS is away"
    with pytest.raises(Unavailable, match="not recorded"):
        await registry.asks()


async def test_a_viewer_registers_nothing() -> None:
    registry = await Registry().open()
    looked = Looked(registry.house.states, registry.house.ledger, NoRates())
    admissions = Admissions(looked, registry.charter, registry.tell, registry.house.now)
    with pytest.raises(NotAllowed):
        await admissions.register(EVE, Request("momentum", Decimal(1), Decimal(1)))
    assert registry.recorded == []
