"""Every reason code, given by a running gate for messages that arrive over NATS."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import yaml

from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.app import run_gate
from petrosa_cio.audit.replay import Outcome
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.governance.signed_overrides import signed_override
from petrosa_cio.risk import decide
from petrosa_cio.risk.checks.case import Applies, Case, Finding
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import Override, order_fingerprint
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.snapshot import Regime
from petrosa_cio.risk.trading_state import FUND, Scope, ScopeKind, TradingState
from petrosa_cio.settings import load_settings
from tests.deciding import Plain, load, portfolio_of
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import FUND as HOUSE
from tests.integration.gate_house import WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import body, intent, message
from tests.integration.gate_replay import decided_again, equal_again
from tests.integration.test_gate_market import priced, speaking
from tests.other_checks import run_other_checks
from tests.policies import SIGNER, put_next
from tests.waiting import eventually

pytestmark = pytest.mark.integration

STATED = load("on_the_wire.yaml")
IN_TROUBLE = {
    ReasonCode.FUND_HALTED,
    ReasonCode.POLICY_MISSING,
    ReasonCode.POLICY_STALE,
    ReasonCode.POLICY_UNTRUSTED,
    ReasonCode.LEDGER_UNAVAILABLE,
    ReasonCode.DEADLINE_EXCEEDED,
    ReasonCode.CHECK_FAILED,
    ReasonCode.OVERRIDE_USED,
    ReasonCode.PORTFOLIO_UNKNOWN,
    ReasonCode.OPEN_ORDERS_ABOVE_MAX,
    ReasonCode.DAILY_LOSS_REACHED,
    ReasonCode.DRAWDOWN_REACHED,
    ReasonCode.STRATEGY_DRAWDOWN_REACHED,
    ReasonCode.LOSING_STREAK,
}
"""Codes that a gate gives when it, or the whole fund, is in trouble.

Each has a test below, and those for what was lost in `tests.integration.test_losses`.
"""


def moment(case: Plain) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=case.pop("s_ago", 0))


def stated_messages() -> Iterator[bytes]:
    for number, case in enumerate(STATED["cases"]):
        for index, stated in enumerate(case["messages"]):
            fields = {"timestamp": moment(stated), "intent_id": f"{number}-{index}"} | stated
            yield orjson.dumps(intent(number, **fields))


async def prepare(house: GateHouse) -> None:
    for scope, state in STATED["states"].items():
        kind, _, name = scope.partition(":")
        where = Scope(ScopeKind(kind), name)
        await house.store.set_trading_state(where, TradingState(state), reason="test", author="ann")
    portfolio = portfolio_of(STATED["portfolio"])
    assert portfolio is not None
    seen_at = moment({"s_ago": STATED["portfolio"]["s_ago"]})
    await RedisPortfolio(house.redis_client, HOUSE).set_portfolio(
        replace(portfolio, observed_at=seen_at)
    )
    for symbol, stated in STATED["regimes"].items():
        confidence = Decimal(str(stated.get("confidence", 1)))
        regime = Regime(stated["name"], confidence, moment(stated), "test")
        await house.store.set_regime(symbol, write_regime(regime))


async def test_a_running_gate_gives_every_code(tmp_path: Path) -> None:
    policy, charter = yaml.safe_dump(STATED["policy"]), yaml.safe_dump(STATED["charter"])
    venue = tmp_path / "venue.json"
    venue.write_bytes(orjson.dumps(STATED["venue"]))
    async with gate_house(
        tmp_path, policy=policy, charter=charter, venue_rules_files=venue
    ) as house:
        await prepare(house)
        await house.start("r1")
        ((symbol, price),) = STATED["prices"].items()
        async with speaking(house, symbol, str(price)):
            await priced(house, symbol, str(price))
            await house.publish([("intent.any", stated) for stated in stated_messages()])
            await house.settled()
        evidence = await gather(house)
        assert await equal_again(house) >= len(evidence.captured) > 0
    evidence.check()
    decisions = iter(evidence.captured)
    for case in STATED["cases"]:
        last = [next(decisions) for _ in case["messages"]][-1]
        assert evidence.final(last).codes == case["want"], case


def test_every_code_is_given_over_the_wire() -> None:
    given = {ReasonCode(code) for case in STATED["cases"] for code in case["want"]}
    assert given | IN_TROUBLE == set(ReasonCode)


# --- in trouble -----------------------------------------------------------------------------------


async def codes_of(house: GateHouse, **fields: object) -> list[str]:
    """Publish one intent and return the reason codes of its verdict, and of a withdrawal."""
    await house.publish([message(house.published, **fields)])
    await house.settled()
    evidence = await gather(house)
    assert await equal_again(house)
    last = evidence.captured[-1]
    withdrawn = evidence.reasons.get(("withdrawal", last))
    return evidence.final(last).codes + ([withdrawn] if withdrawn else [])


async def test_a_fund_whose_portfolio_nobody_knows(tmp_path: Path) -> None:
    policy = f"{WIDE_POLICY}  portfolio_required: true\n"
    async with gate_house(tmp_path, policy=policy) as house:
        await house.start("r1")
        assert await codes_of(house) == ["PORTFOLIO_UNKNOWN"]


async def test_a_fund_with_as_many_open_orders_as_it_may_have(tmp_path: Path) -> None:
    policy = f"{WIDE_POLICY}  max_open_orders: 0\n"
    async with gate_house(tmp_path, policy=policy) as house:
        await house.start("r1")
        assert await codes_of(house) == ["OPEN_ORDERS_ABOVE_MAX"]


async def test_a_halted_fund(tmp_path: Path) -> None:
    async with gate_house(tmp_path) as house:
        await house.store.set_trading_state(FUND, TradingState.HALTED, reason="test", author="ann")
        await house.start("r1")
        assert await codes_of(house) == [ReasonCode.FUND_HALTED]
        assert await codes_of(house, action="close") == []


async def test_a_policy_that_vanishes_from_the_store(tmp_path: Path) -> None:
    async with gate_house(tmp_path, policy_max_age_s=2) as house:
        await house.start("r1")
        await house.redis_client.delete("cio:{house}:policy")
        assert ReasonCode.POLICY_MISSING in await codes_of(house)

        async def is_stale() -> bool:
            return await codes_of(house) == [ReasonCode.POLICY_STALE]

        await eventually(is_stale)


async def test_a_policy_that_cannot_be_trusted(tmp_path: Path) -> None:
    async with gate_house(tmp_path) as house:
        await house.start("r1")
        await put_next(house.store, b"{", tightens=False, fund=HOUSE)

        async def is_untrusted() -> bool:
            return ReasonCode.POLICY_UNTRUSTED in await codes_of(house)

        await eventually(is_untrusted)
        assert ReasonCode.POLICY_UNTRUSTED not in await codes_of(house, action="close")


async def test_a_ledger_that_stays_away(tmp_path: Path) -> None:
    policy = WIDE_POLICY.replace("max_intent_age_s: 300", "max_intent_age_s: 1")
    async with gate_house(tmp_path, policy=policy) as house:
        await house.start("r1")
        await house.redis.stop()
        assert {ReasonCode.INTENT_STALE, ReasonCode.LEDGER_UNAVAILABLE} <= {*await codes_of(house)}
        assert not house.signals


async def test_an_override_that_was_used(tmp_path: Path) -> None:
    policy = "name: narrow\nfund: {max_order_notional_usd: 1, max_intent_age_s: 300}\n"
    async with gate_house(tmp_path, policy=policy) as house:
        order = parse_intent(body(1))
        assert isinstance(order, Intent)
        now, lifts = datetime.now(UTC), (ReasonCode.NOTIONAL_ABOVE_MAX,)
        ends = now + timedelta(minutes=10)
        override = Override("f" * 64, order_fingerprint(order), lifts, now, ends, "ann", ("bob",))
        signed = signed_override(override, HOUSE, SIGNER)
        await house.store.put_override(override.override_id, signed)
        await house.start("r1")
        assert await codes_of(house, strategy_id=order.strategy, intent_id="first") == []
        await house.redis_client.hset("cio:{house}:overrides", override.override_id, signed)

        async def is_used() -> bool:
            wanted = [ReasonCode.NOTIONAL_ABOVE_MAX, ReasonCode.OVERRIDE_USED]
            return await codes_of(house, strategy_id=order.strategy) == wanted

        await eventually(is_used)


async def test_a_caller_whose_time_is_over(tmp_path: Path) -> None:
    async with gate_house(tmp_path) as house:
        await house.start("r1")
        await house.ask(body(1))  # so that the ledger's scripts are known
        assert house.redis.process
        house.redis.process.send_signal(signal.SIGSTOP)
        answer = await house.ask(body(2))
        house.redis.process.send_signal(signal.SIGCONT)
        assert await equal_again(house)
    assert answer["reasons"] == [ReasonCode.DEADLINE_EXCEEDED]


def fails(case: Case) -> Finding | None:
    raise ZeroDivisionError


async def test_a_check_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = decide.CHECKS_WITHIN[Applies.TO_OPENINGS]
    broken = {**decide.CHECKS_WITHIN, Applies.TO_OPENINGS: (replace(first, run=fails), *others)}
    async with gate_house(tmp_path) as house, gate_in_this_process(house):
        run_other_checks(monkeypatch, broken)
        await house.publish([message(1), message(2, action="close")])
        await eventually(lambda: len(house.decided) == 2)
        evidence = await gather(house)
        assert await equal_again(house) == 2
        monkeypatch.undo()
        again = [one.outcome for one in await decided_again(house)]
    opening, exit_ = evidence.captured
    assert again == [Outcome.DIFFERENT, Outcome.EQUAL]
    assert evidence.final(opening).codes == [ReasonCode.CHECK_FAILED]
    assert evidence.final(exit_).codes == []


@asynccontextmanager
async def gate_in_this_process(house: GateHouse) -> AsyncIterator[None]:
    """Run the role ``gate`` here, so that a fault can be put into it."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_gate(load_settings(house.environ), stop))
    try:
        await eventually(lambda: house.beats)
        yield
    finally:
        stop.set()
        await running
