"""A day of two real replicas, decided again: nothing flips, and what flips is explained."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson
import pytest
import yaml

from petrosa_cio import __version__
from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.demo.chance import dice
from petrosa_cio.governance.desk import policy_change_id
from petrosa_cio.governance.what_if import Findings, FlipKind
from petrosa_cio.ports import Settlement, SettlementKind
from petrosa_cio.risk.policy import PolicyDocument, canonical_json
from petrosa_cio.risk.trading_state import FUND as THE_FUND
from petrosa_cio.risk.trading_state import TradingState
from tests.integration.gate_house import FUND, GateHouse, gate_house
from tests.integration.gate_intents import body
from tests.past import what_if
from tests.policies import put_next
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

POLICY = """\
schema_version: 1
name: busy
fund:
  max_order_notional_usd: 400
  on_order_above_max: reduce
  max_gross_exposure_usd: 9000
  max_fund_intents_per_second: 150
  max_intents_per_minute: 40
  min_confidence: 0.6
  min_seconds_between_repeats: 1
  min_seconds_between_opposites: 1
  on_conflict: strongest_wins
  max_drift_bps_per_hour: 200
  max_intent_age_s: 300
symbols:
  "*":
    max_position_usd: 2500
"""
TIGHTER = POLICY.replace("max_position_usd: 2500", "max_position_usd: 2000")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPUSDT")
PART = 400


def document(text: str) -> PolicyDocument:
    """Return a policy file as a document."""
    return PolicyDocument.model_validate({"policy": yaml.safe_load(text)})


def intents(seed: int, count: int = PART) -> Iterator[tuple[str, bytes]]:
    """Make intents of a busy fleet: of all sizes, both ways, some twice, some that are none."""
    chance = dice(seed, "what if")
    for number in range(count):
        buys, strategy = chance.random() < 0.6, chance.randrange(24)
        fields: dict[str, object] = {
            "intent_id": f"i-{chance.randrange(4)}" if chance.random() < 0.2 else None,
            "strategy_id": f"bot_{strategy}",
            "symbol": chance.choice(SYMBOLS),
            "action": "buy" if buys else "sell",
            "stop_loss": 49_000 if buys else 51_000,
            "quantity": chance.choice([0.001, 0.002, 0.004, 0.01, 0.02]),
            "confidence": chance.choice([0.5, 0.65, 0.7, 0.8, 0.95]),
            "price": 50_000 + chance.randrange(-600, 600, 50),
        }
        if chance.random() < 0.05:
            fields |= {"action": chance.choice(["close", "hold"]), "stop_loss": None}
        content = b"{" if chance.random() < 0.02 else body(number, **fields)
        yield f"cio.intent.trading.bot_{strategy}", content


async def give_back(house: GateHouse, share: float) -> None:
    """Let the engine refuse some of what is held, of which the record knows nothing."""
    held = sorted(await house.ledger.reservations())
    for one in held[: int(len(held) * share)]:
        await house.ledger.settle([Settlement(f"{one}:over", SettlementKind.RELEASE, one)])


async def tighten(house: GateHouse) -> bytes:
    """Put the tighter policy in force; return the record of it, as the desk would write it."""
    content = canonical_json(document(TIGHTER))
    await put_next(house.store, content, fund=FUND)
    await house.client.publish("cio.policy.updated", b"")
    change = Change("policy", "2", content.decode(), "ann", "test")
    return change_record(policy_change_id(FUND, 2), change, at=datetime.now(UTC), fund=FUND)


async def recorded(house: GateHouse) -> list[bytes]:
    """Return everything in the journal."""
    entries = read_journal(house.client, since=datetime(1970, 1, 1, tzinfo=UTC))
    return [line async for entry in entries for line in entry.records]


@pytest.fixture(scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[bytes]]:
    """Let a busy day pass at two replicas, and return its records."""
    folder: Path = tmp_path_factory.mktemp("day")
    async with gate_house(folder, policy=POLICY, batch_max=16) as house:
        await house.start("r1", "r2")
        await house.publish(intents(1))
        await house.settled()
        await give_back(house, 0.5)
        await house.stop_listening()
        await house.publish(intents(2))
        await house.settled()
        await house.listen_for_signals()
        await house.publish(intents(3))
        tighter = await tighten(house)
        await house.publish(intents(4))
        await house.settled()
        await give_back(house, 0.7)

        async def shows(text: bytes) -> bool:
            await house.publish(intents(5, 20))
            await house.settled()
            return text in b"".join((await recorded(house))[-20:])

        await eventually(partial(shows, b'"policy_revision":2,"policy_hash"'), timeout_s=40)
        await house.publish(intents(6))
        await house.store.set_trading_state(THE_FUND, TradingState.HALTED, reason="x", author="ann")
        await eventually(partial(shows, b"FUND_HALTED"), timeout_s=40)
        yield [*await recorded(house), tighter]


async def asked(day: list[bytes], candidate: PolicyDocument | None) -> Findings:
    return await what_if(day, candidate, version=__version__)


def verdicts(day: list[bytes]) -> list[dict[str, object]]:
    records = [orjson.loads(line) for line in day]
    return [one for one in records if one["kind"] == "verdict"]


async def test_nothing_of_a_real_day_flips_under_the_policies_of_then(day: list[bytes]) -> None:
    found = await asked(day, None)
    assert found.flips == []
    assert found.other_reasons == 0
    assert set(found.undecidable) <= {"it was part of a flood, which is denied without a check"}
    assert found.decided + found.undecidable.total() == len(verdicts(day))
    assert found.was == found.would


async def test_the_day_has_what_makes_it_hard(day: list[bytes]) -> None:
    text = b"".join(day).decode()
    assert {one["replica"] for one in verdicts(day)} == {"r1", "r2"}
    for code in (
        "POSITION_ABOVE_MAX", "SIGNAL_CONFLICT", "INTENT_ID_REUSED", "CONTENT_REPEATED",
        "CONFIDENCE_BELOW_MIN", "INTENT_MALFORMED", "RATE_ABOVE_MAX",
    ):  # fmt: skip
        assert f'["{code}","deny"' in text, code
    assert "FUND_HALTED" in text  # a denial, or a withdrawal of what was approved before
    assert '"kind":"undelivered"' in text
    assert '"policy_revision":2,"policy_hash"' in text


async def test_a_tighter_candidate_flips_what_it_says(day: list[bytes]) -> None:
    stricter = TIGHTER.replace("min_confidence: 0.6", "min_confidence: 0.75")
    found = await asked(day, document(stricter))
    confidence = found.by_code["CONFIDENCE_BELOW_MIN"]
    assert confidence[FlipKind.DENIED] > 0
    assert confidence[FlipKind.APPROVED] == 0
    for flip in found.flips:
        assert flip.reasons, flip
        if flip.kind is FlipKind.APPROVED:  # only what others no longer take, or stand against
            assert set(flip.codes) <= {
                "POSITION_ABOVE_MAX", "GROSS_EXPOSURE_ABOVE_MAX", "SIGNAL_CONFLICT",
                "CONTENT_REPEATED", "COLLAR_DRIFT", "RATE_ABOVE_MAX",
            }, flip  # fmt: skip
    assert found.flipped == found.by_kind.total() == len(found.flips)
