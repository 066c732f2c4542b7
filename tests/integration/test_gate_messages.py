"""What arrives over the wire: everything the fleet sends, and everything that nobody should."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from petrosa_cio.audit.record import KEPT_OF_LONGER
from tests.deciding import load
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import body, intent, messages
from tests.waiting import eventually

pytestmark = pytest.mark.integration

POLICY = WIDE_POLICY + "  unsized_order_usd: 100\n"
MEGABYTE = 1_000_000

UNREADABLE = {
    "binary garbage": bytes(range(256)) * 4,
    "nothing at all": b"",
    "ten megabytes": b'{"x": "' + b"a" * 10 * MEGABYTE + b'"}',
    "deep nesting": b"[" * 20_000 + b"]" * 20_000,
    "deep nesting inside an intent": body(1, metadata=yaml.safe_load("[" * 40 + "]" * 40)),
    "not a number": body(2).replace(b"0.001", b"NaN"),
    "infinity": body(3).replace(b"0.001", b"-Infinity"),
    "a number without end": body(4).replace(b"0.001", b"1e999999999"),
    "a key twice": body(5).replace(b'"symbol"', b'"quantity":100,"symbol"'),
    "a line break in the strategy": body(6, strategy_id="bot\r\nPUB signals.trading.x 0"),
    "a wildcard for strategy": body(7, strategy_id=">"),
    "a wildcard in the strategy": body(8, strategy_id="signals.*"),
    "a lone surrogate": body(9).replace(b"bot_9", b"\\ud800"),
    "a list": b"[]",
    "half an intent": body(10)[:40],
    "another encoding": body(11).decode().encode("utf-16"),
}
HEADERS = (
    b"NATS/1.0\r\n\r\n",
    b"NATS/1.0\r\n",
    b"NATS/1.0",
    b"NATS/1.0 503\r\n\r\n",
    b"NATS/1.0 100 Idle Heartbeat\r\nA: \xff\r\n\r\n",
    b"NATS/1.0 \xff\xfe\xfd\r\n\r\n",
    b"NATS/1.0\r\n\xff: \xff\r\n\r\n",
    b"NATS/1.0\r\n: \r\n\r\n",
    b"x",
    b"\xff" * 20,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path, policy=POLICY) as running:
        yield running


async def test_whatever_bytes_arrive_are_denied_and_the_next_intent_is_served(
    house: GateHouse,
) -> None:
    (gate,) = await house.start("r1")
    await house.publish([("intent.bad", one) for one in UNREADABLE.values()])
    await house.publish(messages(1, first=99))
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    codes = [evidence.final(one).codes for one in evidence.captured]
    others = {
        note: found
        for note, found in zip(UNREADABLE, codes[:-1], strict=True)
        if found != ["INTENT_MALFORMED"]
    }
    assert not others
    assert codes[-1] == []
    assert len(evidence.signals) == 1
    longest = evidence.final(evidence.captured[list(UNREADABLE).index("ten megabytes")])
    assert len(longest.record["source"]["body"]) == KEPT_OF_LONGER
    assert longest.record["source"]["body_bytes"] > 10 * MEGABYTE
    assert gate.runs


async def test_no_headers_can_cut_off_the_gates(house: GateHouse) -> None:
    (gate,) = await house.start("r1")
    for number, headers in enumerate(HEADERS):
        await publish_raw(house, f"intent.raw.{number}", headers, body(number))
        await publish_raw(house, f"intent.raw.{number}", headers, b"")
        await publish_raw(house, "cio.nurse.audit", headers, body(number))
        await publish_raw(house, "cio.heartbeat", headers, b"")
    await house.publish(messages(1, first=99))
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert evidence.kinds() == {"approve": len(HEADERS) + 1, "deny": len(HEADERS)}
    assert gate.runs


async def publish_raw(house: GateHouse, subject: str, headers: bytes, payload: bytes) -> None:
    """Publish what no library would, and wait until the server has taken it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.nats.port)
    await reader.readline()
    sizes = f"{len(headers)} {len(headers) + len(payload)}"
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
    writer.write(f"HPUB {subject} {sizes}\r\n".encode() + headers + payload + b"\r\nPING\r\n")
    assert await reader.readline() == b"PONG\r\n"
    writer.close()
    await writer.wait_closed()
    house.published += subject.startswith("intent.")


async def test_names_become_one_safe_token_of_the_signals_subject(house: GateHouse) -> None:
    await house.start("r1")
    names = ["a.b c", "A/B", "métrique", "x" * 64, "$JS.API", "_INBOX.1"]
    wanted = ["a_b_c", "A_B", "m_trique", "x" * 64, "_JS_API", "_INBOX_1"]
    await house.publish(
        [("intent.any", body(number, strategy_id=name)) for number, name in enumerate(names)]
    )
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    assert {one.subject for one in evidence.signals} == {f"signals.trading.{one}" for one in wanted}
    assert {str(one.body["strategy_id"]) for one in evidence.signals} == set(wanted)


def as_of_now(message: Mapping[str, Any]) -> bytes:
    """Return a recorded message with its time moved to now, in the manner it was written."""
    now, stated = datetime.now(UTC), message.get("timestamp")
    fresh: object = now.isoformat()
    if isinstance(stated, int | float):
        fresh = now.timestamp() * (1 if stated < 1e11 else 1000)
    return orjson.dumps(dict(message) | ({} if stated is None else {"timestamp": fresh}))


async def test_every_kind_of_message_of_the_fleet_gets_its_verdict(house: GateHouse) -> None:
    cases = load("fleet_messages.yaml")
    await house.start("r1")
    await house.publish([("intent.fleet", as_of_now(case["message"])) for case in cases])
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    found = dict(zip((case["note"] for case in cases), evidence.captured, strict=True))
    for case in cases:
        final = evidence.final(found[case["note"]])
        action = final.record["intent"]["action"]
        assert action == case["want"].get("action", action), case["note"]
        assert final.codes == objections(case["message"], action), case["note"]
    assert evidence.signalled() == evidence.promoted()


def objections(message: Mapping[str, Any], action: str) -> list[str]:
    """Return what a policy of wide limits has against a message of the fleet."""
    if action == "hold":
        return ["NOT_AN_ORDER"]
    if action == "close":
        return []
    codes = []
    if not (message.get("price") or message.get("current_price")):
        codes += ["PRICE_NOT_POSITIVE", "SIZE_UNKNOWN"]
    if message.get("confidence", message.get("confidence_score")) is None:
        codes += ["CONFIDENCE_INVALID"]
    return codes


async def test_a_repeated_intent_and_a_stale_one_are_not_sent(house: GateHouse) -> None:
    await house.start("r1")
    first = body(1)
    old = body(2, timestamp=datetime(2026, 1, 1, tzinfo=UTC).isoformat())
    ahead = body(3, timestamp=datetime(2099, 1, 1, tzinfo=UTC).isoformat())
    await house.publish([("intent.a", first), ("intent.b", first), ("intent.c", old)])
    await house.publish([("intent.d", ahead), ("intent.e", orjson.dumps(intent(4, action="hold")))])
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    codes = [evidence.final(one).codes for one in evidence.captured]
    assert codes == [
        [], ["INTENT_REPEATED"], ["INTENT_STALE"], ["INTENT_FROM_FUTURE"], ["NOT_AN_ORDER"]
    ]  # fmt: skip
    assert len(evidence.signals) == 1


async def test_bad_messages_wait_for_the_ledger_like_all_others(house: GateHouse) -> None:
    await house.start("r1")
    await house.redis.stop()
    await house.publish([("intent.bad", b"\xff"), *messages(3)])
    await house.redis.start()
    await house.settled()
    evidence = await gather(house)
    evidence.check()
    await eventually(lambda: len(house.signals) == 3)
    assert evidence.kinds() == {"approve": 3, "deny": 1}
