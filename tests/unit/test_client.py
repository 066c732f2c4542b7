"""The client's own words: what it sends, how it reads answers, and how little it loads."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio import client
from petrosa_cio.client import Action, AnswerKind, ExecutionKind, Intent, Reports, ReportsMissed
from petrosa_cio.client import fills as following
from petrosa_cio.client.answer import read_answer, read_reason
from petrosa_cio.risk import intent as wire
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.reasons import Reason, ReasonCode

SERVERS = ["fastapi", "mcp", "opentelemetry", "pymongo", "redis", "starlette", "structlog", "typer"]

WORDS = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters=".:*"), min_size=1
)


def test_importing_it_loads_no_server() -> None:
    script = "import sys, petrosa_cio.client; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "nats" in loaded
    assert loaded.isdisjoint(SERVERS)
    ours = {name for name in done.stdout.split() if name.startswith("petrosa_cio.")}
    assert {name.split(".")[1] for name in ours} == {"adapters", "client", "fleet", "risk"}
    drivers = {name for name in ours if name.startswith("petrosa_cio.adapters.")}
    assert drivers == {"petrosa_cio.adapters.nats_client"}


def test_the_gate_reads_every_field_as_it_was_meant() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    sent = Intent(
        strategy_id="my bot", symbol="BTCUSDT", action=Action.BUY, confidence=Decimal("0.80"),
        quantity=Decimal("0.00200000000000000001"), quote_quantity=100,
        position_size_pct=Decimal("0.1"), price=Decimal("50000.10"), current_price=50_001,
        stop_loss=49_000, take_profit=52_000, leverage=3, order_type=client.OrderType.LIMIT,
        timeframe="15m", metadata={"why": ["a", 1]}, intent_id="i-1", timestamp=at,
    )  # fmt: skip
    read = parse_intent(sent.as_json())
    assert isinstance(read, wire.Intent)
    assert (read.strategy, read.token, read.stated_id) == ("my bot", sent.token, "i-1")
    assert (read.stated_at, read.action, read.order_type) == (at, "buy", "limit")
    assert read.quantity == sent.quantity
    assert (read.quote_quantity, read.position_size_pct) == (Decimal(100), Decimal("0.1"))
    assert (read.price, read.current_price) == (Decimal("50000.10"), Decimal(50_001))
    assert (read.stop_loss, read.take_profit) == (Decimal(49_000), Decimal(52_000))
    assert read.leverage == 3
    assert (read.confidence, read.timeframe) == (Decimal("0.80"), "15m")
    assert read.metadata == {"why": ["a", 1]}


def test_each_intent_has_an_id_and_a_time_of_its_own() -> None:
    one, other = (Intent(strategy_id="a", symbol="BTCUSDT", action=Action.BUY) for _ in range(2))
    assert one.intent_id != other.intent_id
    assert parse_intent(one.as_json()).stated_at == one.timestamp  # type: ignore[union-attr]


def test_what_is_not_exact_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=r'quantity: expected Decimal.*Decimal\("0.1"\)'):
        Intent(strategy_id="a", symbol="BTCUSDT", action=Action.BUY, quantity=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="leverage"):
        Intent(strategy_id="a", symbol="BTCUSDT", action=Action.BUY, leverage=True)
    with pytest.raises(ValueError, match="price: expected a number"):
        Intent(strategy_id="a", symbol="BTCUSDT", action=Action.BUY, price=Decimal("NaN"))
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        Intent(strategy_id="a", symbol="BTCUSDT", action=Action.BUY, timestamp=naive)


@given(
    st.builds(
        Reason,
        code=st.sampled_from(ReasonCode),
        limit=st.none() | WORDS | st.just("BTCUSDT, ETHUSDT"),
        observed=st.none() | WORDS,
        scope=st.just("") | WORDS,
        entry=st.none() | WORDS,
        would_pass=st.none() | st.decimals(0, 10**9, places=8).map(lambda one: f"{one:f}"),
    )
)
def test_every_reason_of_the_gate_is_read_back(said: Reason) -> None:
    read = read_reason(str(said))
    assert (read.code, read.text, str(read)) == (said.code, str(said), str(said))
    assert (read.limit, read.observed, read.entry) == (said.limit, said.observed, said.entry)
    assert (read.scope or "") == said.scope
    assert read.would_pass == (said.would_pass and Decimal(said.would_pass))


@given(st.text())
def test_whatever_is_said_is_a_reason(text: str) -> None:
    assert read_reason(text).text == text


@pytest.mark.parametrize(
    "reply", [b"", b"{}", b"[]", b'{"verdict":"maybe"}', b'{"verdict":"approve","quantity":"x"}']
)
def test_an_answer_that_cannot_be_read_is_none(reply: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_answer("i", reply)


def test_a_repetition_says_what_was_decided_first() -> None:
    said = {"decision_id": "b", "verdict": "deny", "reasons": ["INTENT_REPEATED: limit=once"]}
    again = read_answer(
        "i", orjson.dumps(said | {"first_decision": "a", "first_verdict": "approve"})
    )
    assert (again.kind, again.approved, again.was_approved_before) == (AnswerKind.DENY, False, True)
    assert (again.decision_to_follow, again.may_ask_again) == ("a", False)
    early = read_answer("i", orjson.dumps(said | {"first_decision": "a", "first_verdict": ""}))
    assert (early.was_approved_before, early.may_ask_again) == (False, True)


# --- reports --------------------------------------------------------------------------------------


def report(decision: str, kind: str = "filled") -> bytes:
    return orjson.dumps(
        {"event_type": kind, "decision_id": decision, "order_id": "o", "side": "buy"}
    )


async def test_reports_of_one_decision_end_with_its_order() -> None:
    reports = Reports()
    for body in (report("a", "placed"), report("b"), b"noise", report("a"), report("a")):
        reports.hear(body)
    found = [one.kind async for one in reports.of("a")]
    assert found == [ExecutionKind.PLACED, ExecutionKind.FILLED]


async def test_whoever_waits_hears_of_the_next_report_and_of_a_break() -> None:
    reports = Reports()
    reading = aiter(reports)
    waiting = asyncio.ensure_future(anext(reading))
    await asyncio.sleep(0)
    reports.hear(report("a"))
    assert (await waiting).decision_id == "a"
    waiting = asyncio.ensure_future(anext(reading))
    await asyncio.sleep(0)
    reports.break_off("the line was cut")
    with pytest.raises(ReportsMissed, match="the line was cut"):
        await waiting


async def test_what_was_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_KEPT", 2)
    reports = Reports()
    for _ in range(3):
        reports.hear(report("a"))
    with pytest.raises(ReportsMissed, match="more than 2"):
        await anext(aiter(reports))
