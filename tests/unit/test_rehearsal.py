"""Recorded intents, decided at the time at which they were sent."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.adapters.memory_ledger import MemoryLedger
from petrosa_cio.adapters.memory_state import MemoryStateStore
from petrosa_cio.fleet.recordings import RecordedIntent
from petrosa_cio.launch import rehearsal_ledger
from petrosa_cio.nurse.rehearsal import BATCH_MAX, Rehearsal, Scene, SimulatedClock, at_once
from petrosa_cio.ports import PastVerdict
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.trading_state import FUND, TradingState
from tests.gates import intent
from tests.policies import put_next

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def recorded(minutes: float | None, **fields: object) -> RecordedIntent:
    """Return an intent worth 500 USD that was sent so many minutes after noon."""
    at = None if minutes is None else NOON + minutes * MINUTE
    return RecordedIntent("intent.momentum", orjson.loads(intent(**fields)), at)


async def rehearse(
    policy: dict[str, Any], intents: Iterable[RecordedIntent], **scene: Any
) -> list[PastVerdict]:
    document = PolicyDocument.model_validate({"policy": {"fund": policy}})
    clock = SimulatedClock(NOON)
    ledger = await rehearsal_ledger(clock.epoch_ms, document)
    rehearsal = Rehearsal(Scene(document, Charter(), 65_536, **scene), ledger, clock)
    return [one for batch in at_once(intents) for one in await rehearsal.decide(batch)]


def codes(verdicts: Iterable[PastVerdict]) -> list[str]:
    return [" ".join(one.codes) or one.verdict for one in verdicts]


FRESH = {"max_intent_age_s": 60}


async def test_intents_bear_the_time_at_which_they_were_sent() -> None:
    stale = {"timestamp": "2020-01-01T00:00:00+00:00"}
    found = await rehearse(FRESH, [recorded(0, **stale), recorded(90, **stale)])
    assert found == [
        PastVerdict(NOON, "momentum", "BTCUSDT", "approve", ()),
        PastVerdict(NOON + 90 * MINUTE, "momentum", "BTCUSDT", "approve", ()),
    ]


async def test_windows_pass_with_the_recorded_time() -> None:
    limits = FRESH | {"max_intents_per_minute": 2}
    found = await rehearse(limits, [recorded(at) for at in (0, 0.5, 0.9, 1.5)])
    assert codes(found) == ["approve", "approve", "RATE_ABOVE_MAX", "approve"]


async def test_time_never_goes_back() -> None:
    found = await rehearse(FRESH, [recorded(5), recorded(1), recorded(None), recorded(6)])
    assert [(one.at - NOON) / MINUTE for one in found] == [5, 5, 5, 6]


async def test_without_a_recorded_time_the_message_tells_it() -> None:
    later = (NOON + 7 * MINUTE).isoformat()
    (found,) = await rehearse(FRESH, [recorded(None, timestamp=later)])
    assert (found.at, found.verdict) == (NOON + 7 * MINUTE, "approve")


async def test_positions_stay_open_unless_they_close() -> None:
    limits = FRESH | {"max_position_usd": 1000, "max_gross_exposure_usd": 1000}
    moments = (0, 1, 2, 59.9, 60, 61)
    kept = await rehearse(limits, [recorded(at) for at in moments])
    full = "POSITION_ABOVE_MAX GROSS_EXPOSURE_ABOVE_MAX"
    assert codes(kept) == ["approve", "approve", full, full, full, full]
    closed = await rehearse(limits, [recorded(at) for at in moments], closes_after=60 * MINUTE)
    assert codes(closed) == ["approve", "approve", full, full, "approve", "approve"]


async def test_a_repeated_id_is_known_with_its_first_verdict() -> None:
    found = await rehearse(FRESH, [recorded(0, id="a"), recorded(1, id="a")])
    assert codes(found) == ["approve", "INTENT_REPEATED"]


async def test_prices_regime_and_equity_count() -> None:
    limits = FRESH | {"max_order_notional_usd": 501}

    def prices_at(symbols: Iterable[str], moment: datetime) -> Mapping[str, Decimal]:
        assert (set(symbols), moment) == ({"BTCUSDT"}, NOON)
        return {"BTCUSDT": Decimal(50_200)}

    assert codes(await rehearse(limits, [recorded(0)])) == ["approve"]
    dear = await rehearse(limits, [recorded(0)], prices_at=prices_at)
    assert codes(dear) == ["NOTIONAL_ABOVE_MAX"]

    share = recorded(0, quantity=None, position_size_pct=0.01)
    assert codes(await rehearse(FRESH, [share])) == ["SIZE_UNKNOWN"]
    assert codes(await rehearse(FRESH, [share], equity_usd=Decimal(1_000))) == ["approve"]

    needed = FRESH | {"regime_required": True}
    assert codes(await rehearse(needed, [recorded(0)])) == ["REGIME_UNKNOWN"]
    assert codes(await rehearse(needed, [recorded(0)], regime="calm")) == ["approve"]


async def test_what_the_fence_withdraws_is_denied() -> None:
    document = PolicyDocument.model_validate({"policy": {"fund": FRESH}})
    clock = SimulatedClock(NOON)
    states = MemoryStateStore(clock.epoch_ms)
    ledger = MemoryLedger(clock.epoch_ms, states)
    await ledger.initialise(fresh=True)
    await put_next(states)
    await states.set_trading_state(FUND, TradingState.HALTED, reason="test", author="ann")
    rehearsal = Rehearsal(Scene(document, Charter(), 65_536), ledger, clock)
    (batch,) = at_once([recorded(0)])
    assert codes(await rehearsal.decide(batch)) == ["FUND_HALTED"]


async def test_what_is_no_intent_is_denied_like_anything_else() -> None:
    odd = RecordedIntent("intent.x", {"symbol": 7}, NOON)
    (found,) = await rehearse(FRESH, [odd])
    assert (found.verdict, found.codes) == ("deny", ("INTENT_MALFORMED",))


@pytest.mark.parametrize(
    ("moments", "sizes"),
    [
        ((), []),
        ((0, 0, 1, 1, 1, 0), [2, 3, 1]),
        ((0,) * (BATCH_MAX + 1), [BATCH_MAX, 1]),
        ((None, None, 0), [2, 1]),
    ],
)
def test_what_was_sent_at_once_is_a_batch(
    moments: tuple[float | None, ...], sizes: list[int]
) -> None:
    batches = at_once(recorded(at) for at in moments)
    assert [len(batch.intents) for batch in batches] == sizes
