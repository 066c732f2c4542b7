"""The client for strategy authors, against a real gate that answers, hesitates or is away."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from petrosa_cio.client import (
    NO_ANSWER,
    Action,
    AnswerKind,
    Client,
    ExecutionKind,
    Intent,
    NoAnswer,
    NotConnected,
    OnSilence,
    ReportsMissed,
    connect,
)
from tests.integration.gate_house import GateHouse, gate_house
from tests.loading import ROOT
from tests.waiting import eventually

pytestmark = pytest.mark.integration

PATIENT_S = 20.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path) as running:
        yield running


@pytest.fixture
async def cio(house: GateHouse) -> AsyncIterator[Client]:
    async with connect(house.nats.url, timeout_s=PATIENT_S) as client:
        yield client


def proposal(quantity: str = "0.002", confidence: str = "0.8") -> Intent:
    return Intent(
        strategy_id="my bot", symbol="BTCUSDT", action=Action.BUY, confidence=Decimal(confidence),
        quantity=Decimal(quantity), price=50_000, current_price=50_000,
    )  # fmt: skip


async def test_a_proposal_is_approved_or_denied_and_stays_so(house: GateHouse, cio: Client) -> None:
    await house.start("r1", door_timeout_ms=10_000)
    good = proposal()
    approved = await cio.ask(good)
    assert (approved.kind, approved.approved, approved.is_heard) == ("approve", True, True)
    assert (approved.quantity, approved.intent_id) == (Decimal("0.002"), good.intent_id)
    await eventually(lambda: house.signals)
    denied = await cio.ask(proposal(confidence="7"))
    assert (denied.kind, denied.approved, denied.quantity) == (AnswerKind.DENY, False, None)
    assert [one.code for one in denied.reasons] == ["CONFIDENCE_INVALID"]
    assert denied.reasons[0].observed == "7"
    again = await cio.ask(good)
    assert (again.approved, again.was_approved_before) == (False, True)
    assert again.decision_to_follow == approved.decision_id
    assert again.reasons[0].code == "INTENT_REPEATED"
    assert [one.decision_id for one in house.signals] == [approved.decision_id]


async def test_without_a_gate_silence_counts_as_the_author_says(
    house: GateHouse, cio: Client
) -> None:
    one = proposal()
    denied = await cio.ask(one)
    assert (denied.kind, denied.approved, denied.is_heard) == (AnswerKind.DENY, False, False)
    assert denied.reasons[0].code == NO_ANSWER
    assert "no gate listens on cio.nurse.audit" in str(denied.reasons[0])
    assert denied.may_ask_again
    safe = await cio.ask(one, on_silence=OnSilence.RETRY_SAFE)
    assert (safe.kind, safe.approved, safe.may_ask_again) == (AnswerKind.RETRY_SAFE, False, True)
    with pytest.raises(NoAnswer, match=f"intent {one.intent_id}: no gate listens"):
        await cio.ask(one, on_silence=OnSilence.RAISE)


async def test_a_gate_that_hangs_is_not_waited_for_and_decides_the_same_intent_once(
    house: GateHouse, cio: Client
) -> None:
    (gate,) = await house.start("r1", door_timeout_ms=10_000)
    one = proposal()
    gate.send(signal.SIGSTOP)
    try:
        silent = await cio.ask(one, timeout_s=0.2)
    finally:
        gate.send(signal.SIGCONT)
    assert (silent.approved, silent.is_heard, silent.may_ask_again) == (False, False, True)
    assert "no answer within 0.2 s" in str(silent.reasons[0])
    answers = [await cio.ask(one)]

    async def is_settled() -> bool:
        if answers[-1].may_ask_again:
            answers.append(await cio.ask(one))
        return not answers[-1].may_ask_again

    await eventually(is_settled)
    assert answers[-1].approved or answers[-1].was_approved_before
    await eventually(lambda: house.signals)
    assert [one.decision_id for one in house.signals] == [answers[-1].decision_to_follow]


async def test_a_gate_that_cannot_decide_says_that_it_is_safe_to_ask_again(
    house: GateHouse, cio: Client
) -> None:
    await house.start("r1")
    assert house.redis.process
    house.redis.process.send_signal(signal.SIGSTOP)
    try:
        answer = await cio.ask(proposal(), on_silence=OnSilence.RAISE)
    finally:
        house.redis.process.send_signal(signal.SIGCONT)
    assert (answer.kind, answer.is_heard, answer.approved) == (AnswerKind.RETRY_SAFE, True, False)
    assert answer.may_ask_again
    assert [one.code for one in answer.reasons] == ["DEADLINE_EXCEEDED"]


async def test_what_is_submitted_is_decided_without_waiting(house: GateHouse, cio: Client) -> None:
    await house.start("r1")
    await cio.submit(proposal())
    await eventually(lambda: house.signals)
    assert house.signals[0].body["strategy_id"] == "my_bot"


async def test_the_fills_of_a_decision_are_followed(house: GateHouse, cio: Client) -> None:
    await house.start("r1", door_timeout_ms=10_000)
    async with cio.following("my bot") as reports:
        answer = await cio.ask(proposal())
        assert answer.decision_to_follow
        await eventually(lambda: house.signals)
        for decision in ("another", answer.decision_to_follow):
            for kind in ("placed", "filled"):
                event = {
                    "event_type": kind, "decision_id": decision, "order_id": "o-1", "side": "buy",
                    "symbol": "BTCUSDT", "fill_qty": 0.002, "fill_price": 50_010.5,
                }  # fmt: skip
                await house.engine.publish("execution.events.my_bot", orjson.dumps(event))
        found = [one async for one in reports.of(answer.decision_to_follow)]
    assert [one.kind for one in found] == [ExecutionKind.PLACED, ExecutionKind.FILLED]
    assert (found[1].quantity, found[1].price) == (Decimal("0.002"), Decimal("50010.5"))


async def test_while_nats_is_away_nothing_is_sent_and_missed_reports_are_told(
    house: GateHouse, cio: Client
) -> None:
    async with cio.following("my bot") as reports:
        await house.nats.stop()
        with pytest.raises(ReportsMissed, match="connection to NATS was lost"):
            await anext(aiter(reports))
        answer = await cio.ask(proposal())
        assert (answer.approved, answer.is_heard) == (False, False)
        assert "NATS is away" in str(answer.reasons[0])
        with pytest.raises(NotConnected, match="not known to be sent"):
            await cio.submit(proposal())
        with pytest.raises(NotConnected, match="while NATS is away"):
            async with cio.following("other"):
                pass
        await house.nats.start()

        async def is_back() -> bool:
            return "no gate listens" in str((await cio.ask(proposal())).reasons[0])

        await eventually(is_back)


async def test_where_nobody_is_it_says_what_to_do() -> None:
    with pytest.raises(NotConnected, match="is it running, and may you sign in"):
        async with connect("nats://127.0.0.1:1"):
            pass


async def test_the_example_bot_trades_and_says_why(house: GateHouse) -> None:
    await house.start("r1", door_timeout_ms=10_000)
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "examples/bot.py", "--url", house.nats.url, "--prices", "120",
        "--pause-s", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    shown = (await bot.communicate())[0].decode()
    assert bot.returncode == 0
    assert re.search(r"^buy 0\.00\d+ at \d+\.\d\d: approve 0\.00\d+$", shown, re.MULTILINE), shown
    assert re.search(r"^close .*: (approve|deny)", shown, re.MULTILINE), shown


async def test_the_example_bot_says_what_is_missing(tmp_path: Path) -> None:
    bot = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "examples" / "bot.py"), cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = (await bot.communicate())[1].decode()
    assert (bot.returncode, "make run" in said) == (1, True)
