"""What the market says on the wire reaches the decision: prices, and the venue's rules."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nats.errors import NoRespondersError

from petrosa_cio.app import run_control
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.governance.venue_rules import load_venue_rules, unpack
from petrosa_cio.settings import load_settings
from tests.integration.gate_evidence import Evidence, gather
from tests.integration.gate_house import FUND, WIDE_POLICY, GateHouse, gate_house
from tests.integration.gate_intents import body
from tests.integration.test_whole_way import role
from tests.loading import ROOT
from tests.market import SUBJECT, book, ticker
from tests.policies import TRUSTING
from tests.venue_server import VenueServer, venue_server
from tests.venues import exchange_info, symbol_entry
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

POLICY = WIDE_POLICY.replace("max_order_notional_usd: 1000000", "max_order_notional_usd: 100")
FILES = [ROOT / "examples" / "venue" / name for name in ("futures.json", "brackets.json")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[GateHouse]:
    async with gate_house(tmp_path, policy=POLICY) as running:
        yield running


async def decision_of(house: GateHouse, **fields: object) -> tuple[Mapping[str, Any], list[str]]:
    """Ask at the door, and return what was recorded of the decision with its codes."""
    answer = await house.ask(body(house.published, **fields))
    evidence: Evidence = await gather(house)
    final = evidence.final(str(answer["decision_id"]))
    return final.record["decision"], final.codes


@asynccontextmanager
async def speaking(house: GateHouse, symbol: str, price: str) -> AsyncIterator[None]:
    """Let the market say a price again and again, among many books."""

    async def speak() -> None:
        while True:
            for _ in range(50):
                await house.client.publish(SUBJECT, book(symbol))
            await house.client.publish(SUBJECT, ticker(symbol, price, datetime.now(UTC)))
            await asyncio.sleep(0.05)

    speaks = asyncio.create_task(speak())
    try:
        yield
    finally:
        speaks.cancel()
        await asyncio.wait([speaks])


async def priced(house: GateHouse, symbol: str, price: str) -> Mapping[str, Any]:
    """Wait until a gate decides with this price, and return what it recorded of it."""
    seen: list[Mapping[str, Any]] = []

    async def decides_with_it() -> bool:
        number = f"probe-{len(seen)}-{price}"
        decision, _ = await decision_of(house, symbol=symbol, quantity=1e-6, intent_id=number)
        seen.append(decision["snapshot"]["reference_price"] or {})
        return seen[-1].get("price") == price

    await eventually(decides_with_it)
    return seen[-1]


async def test_a_price_on_the_wire_is_in_the_decision(house: GateHouse) -> None:
    await house.start("r1")
    decision, codes = await decision_of(house, intent_id="unpriced")
    assert (decision["snapshot"]["reference_price"], codes) == (None, [])
    began = datetime.now(UTC)
    async with speaking(house, "BTCUSDT", "51000.50"):
        found = await priced(house, "BTCUSDT", "51000.50")
    assert found["source"] == "ticker"
    assert datetime.fromisoformat(found["observed_at"]) > began.replace(microsecond=0)
    decision, _ = await decision_of(house, symbol="ETHUSDT", intent_id="other")
    assert decision["snapshot"]["reference_price"] is None


async def test_an_order_is_valued_at_the_market_price(house: GateHouse) -> None:
    await house.start("r1")
    small = {"quantity": 0.0015, "price": None, "current_price": 50_000}  # worth 75 USD
    _, codes = await decision_of(house, intent_id="before", **small)
    assert codes == []
    async with speaking(house, "BTCUSDT", "70000"):
        await priced(house, "BTCUSDT", "70000")
    decision, codes = await decision_of(house, intent_id="after", **small)
    assert codes == ["NOTIONAL_ABOVE_MAX"]
    assert decision["assessment"]["size"][1:3] == ["70000", "105.0000"]


async def test_a_single_jump_is_not_believed_and_a_confirmed_one_is(house: GateHouse) -> None:
    await house.start("r1")
    async with speaking(house, "BTCUSDT", "50000"):
        await priced(house, "BTCUSDT", "50000")
    await house.client.publish(SUBJECT, ticker("BTCUSDT", "5000", datetime.now(UTC)))
    await house.client.publish(SUBJECT, b'{"stream":"btcusdt@ticker","data":' + b"[" * 5_000)
    async with speaking(house, "ETHUSDT", "3000"):
        await priced(house, "ETHUSDT", "3000")
    assert (await priced(house, "BTCUSDT", "50000"))["price"] == "50000"
    async with speaking(house, "BTCUSDT", "55000"):
        await priced(house, "BTCUSDT", "55000")


async def test_prices_come_again_after_nats_was_away(house: GateHouse) -> None:
    await house.start("r1")
    await house.nats.stop()
    await house.nats.start()
    await eventually(lambda: house.client.is_connected, timeout_s=40)

    async def answers() -> bool:
        with suppress(NoRespondersError):
            return bool(await house.ask(b""))
        return False

    await eventually(answers)
    async with speaking(house, "BTCUSDT", "50500"):
        await priced(house, "BTCUSDT", "50500")


def venue_changes(evidence: Evidence) -> dict[str, Mapping[str, str]]:
    changes = [one["change"] for one in evidence.changes]
    return {one["scope"]: one for one in changes if one["subject"] == "venue_rules"}


async def test_the_rules_of_files_are_in_the_record_and_can_be_found_again(
    house: GateHouse,
) -> None:
    await house.start("r1", "r2", venue_rules_files=",".join(map(str, FILES)))
    decision, _ = await decision_of(house, intent_id="one")
    found = venue_changes(await gather(house))
    assert set(found) == {decision["venue_rules_hash"]}
    change = found[decision["venue_rules_hash"]]
    assert change["author"] == "files"
    assert unpack(change["value"]) == load_venue_rules(FILES)


async def test_a_bad_file_is_a_clear_error_at_the_start(house: GateHouse, tmp_path: Path) -> None:
    file = tmp_path / "venue.json"
    file.write_bytes(exchange_info({"symbol": "BTCUSDT", "status": "TRADING"}))
    gate = house.launch("r1", venue_rules_files=file)
    assert await gate.ended() == ExitCode.SET_UP_WRONGLY
    said = gate.log.read_text()
    assert "CIO_VENUE_RULES_FILES" in said
    assert "filters are missing" in " ".join(said.replace("│", " ").split())


@asynccontextmanager
async def asking(house: GateHouse, venue: VenueServer) -> AsyncIterator[None]:
    """Run a control that asks a venue, beside the gates of a house."""
    stated = {
        "nats_url": house.nats.url,
        "redis_url": house.redis.url,
        "fund": FUND,
        "http_port": 0,
        "venue_rules_url": venue.url,
    }
    environ = {f"CIO_{name.upper()}": str(value) for name, value in stated.items()}
    async with role(run_control, load_settings(environ | TRUSTING)):
        yield


async def rules_hash(house: GateHouse, number: int) -> str | None:
    decision, _ = await decision_of(house, intent_id=f"hash-{number}")
    found: str | None = decision["venue_rules_hash"]
    return found


async def test_every_gate_takes_over_what_the_venue_answers(house: GateHouse) -> None:
    async with venue_server() as venue:
        venue.say(exchange_info(symbol_entry("BTCUSDT"), symbol_entry("ETHUSDT")))
        await house.start("r1", venue_rules_url=venue.url)
        assert await rules_hash(house, 0) is None
        async with asking(house, venue):
            numbers = iter(range(1, 1_000))

            async def known() -> str | None:
                return await rules_hash(house, next(numbers))

            first = str(await eventually(known))
        assert len(venue.asked) == 1
        change = venue_changes(await gather(house))[first]
        assert set(unpack(change["value"]).symbols) == {"BTCUSDT", "ETHUSDT"}
        assert change["author"].startswith("http://127.0.0.1")
        await house.start("r2", venue_rules_url=venue.url)
        assert {await rules_hash(house, number) for number in range(2_000, 2_006)} == {first}
