"""The record's shape is a contract with whoever reads it later: golden records hold it."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit.record import (
    KEPT_OF_LONGER,
    MAX_BODY_BYTES,
    SCHEMA_VERSION,
    Change,
    Decided,
    DecisionParts,
    Provenance,
    RecordKind,
    Source,
    assessment_from,
    change_record,
    later_record,
    record_id,
    verdict_record,
)
from petrosa_cio.governance.regimes import write_regime
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.limits import NO_LIMITS
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.snapshot import Regime, Snapshot
from petrosa_cio.risk.verdict import Assessment, Verdict, VerdictKind
from tests.gates import House, intent
from tests.records import DECIDING

GOLDEN = json.loads((Path(__file__).parents[1] / "cases" / "record.json").read_text())
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROVENANCE = Provenance("main", "gate-1", "enforce", "0.1.0", "2026a")
TRACE = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}


async def records_of_one_of_each_kind() -> dict[str, Any]:
    """Let a gate write records, and write the others as the rest of the program does."""
    house = await House().open()
    regime = Regime("calm", Decimal("0.9"), house.now(), "ann")
    await house.states.set_regime("*", write_regime(regime))
    await house.feeds.refresh()
    wanted = intent(intent_id="i-1", quantity=0.05, timestamp="2026-11-22T11:59:59Z")
    reduced = house.arrive_bytes(wanted, TRACE)
    await house.gate().process([reduced, house.arrive_bytes(b"\xff not JSON")])
    change = Change("trading_state", "fund", "halted", "ann", "drill")
    return {
        "verdict": house.records[0],
        "verdict of what is no intent": house.records[1],
        "withdrawal": json.loads(
            later_record(
                RecordKind.WITHDRAWAL, "d" * 32, at=NOON, reason="FUND_HALTED",
                provenance=PROVENANCE,
            )
        ),
        "change": json.loads(change_record("c" * 32, change, at=NOON, fund="main")),
    }  # fmt: skip


async def test_records_keep_their_shape() -> None:
    found = await records_of_one_of_each_kind()
    assert found == GOLDEN, "a record of another shape needs another schema version"
    assert [list(one) for one in found.values()] == [list(one) for one in GOLDEN.values()]
    assert {one["schema_version"] for one in found.values()} == {SCHEMA_VERSION}


@pytest.mark.parametrize("left_ms", [1, 0])
async def test_the_record_says_which_regime_counted_and_until_when(left_ms: int) -> None:
    house = await House().open()
    observed = Regime("calm", Decimal("0.9"), house.now(), "feed")
    await house.states.set_regime("BTCUSDT", write_regime(observed))
    ends = house.now() + timedelta(milliseconds=60_000 + left_ms)
    said = Regime("wild", Decimal(1), house.now(), "ann", ends, "drill")
    await house.states.set_regime_override("*", write_regime(said))
    await house.pass_time(60)
    await house.gate().process([house.arrive()])
    found = house.records[0]["decision"]["snapshot"]["regime"]
    assert found == (
        {
            "scope": "*",
            "name": "wild",
            "confidence": "1",
            "observed_at": said.observed_at.isoformat(),
            "source": "ann",
            "expires_at": ends.isoformat(),
        }
        if left_ms
        else {
            "scope": "BTCUSDT",
            "name": "calm",
            "confidence": "0.9",
            "observed_at": observed.observed_at.isoformat(),
            "source": "feed",
        }
    )


async def test_the_assessment_reads_back_from_the_record() -> None:
    house = await House().open()
    await house.gate().process([house.arrive(quantity=0.05)])
    (record,) = house.records
    part = json.dumps(record["decision"]).encode()
    found = assessment_from(part.decode())
    assert found.quantity == Decimal("0.02")
    assert [str(reason.code) for reason in found.reasons] == ["NOTIONAL_ABOVE_MAX"]
    assert found.claims
    assert found.expires_at == NOON.replace(day=22, minute=1)


# --- the raw message ------------------------------------------------------------------------------


def source_of(
    body: bytes, *, subject: str = "intent.x", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return how a captured message stands in its record."""
    nothing = Malformed("no intent")
    snapshot = Snapshot(NOON, None, InForce(NO_LIMITS, {}))
    assessment = Assessment((), asks_ledger=False)
    part = DecisionParts(snapshot, DECIDING).of(nothing, assessment)
    source = Source(subject, headers or {}, body, "S", 1, 2, NOON)
    decided = Decided("d" * 32, source, nothing, part, None, "")
    verdict = Verdict(VerdictKind.DENY, ())
    record = verdict_record(decided, readings=None, verdict=verdict, provenance=PROVENANCE)
    return dict(json.loads(record)["source"])


def test_a_readable_body_is_kept_as_text() -> None:
    found = source_of('{"name": "ümlaut"}'.encode())
    assert (found["body"], found["body_encoding"]) == ('{"name": "ümlaut"}', "utf-8")


def test_a_body_that_is_no_text_is_kept_as_base64() -> None:
    body = bytes(range(256))
    found = source_of(body)
    assert (base64.b64decode(found["body"]), found["body_encoding"]) == (body, "base64")


@pytest.mark.parametrize("over", [0, 1, 1_000_000])
def test_a_huge_body_is_cut_but_known_by_length_and_hash(over: int) -> None:
    body = b"x" * (MAX_BODY_BYTES + over)
    found = source_of(body)
    assert len(found["body"]) == (KEPT_OF_LONGER if over else MAX_BODY_BYTES)
    assert found["body_bytes"] == len(body)
    assert found["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_huge_headers_and_subjects_are_cut() -> None:
    headers = {f"{n}-{'k' * 1_000}": "v" * 100_000 for n in range(1_000)}
    found = source_of(b"", subject="s" * 10_000, headers=headers)
    assert len(json.dumps(found)) < 50_000


@given(
    body=st.binary(),
    subject=st.text(st.characters(exclude_categories=["Cs"])),
    headers=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
)
def test_whatever_is_captured_can_be_recorded(
    body: bytes, subject: str, headers: dict[str, str]
) -> None:
    found = source_of(body, subject=subject, headers=headers)
    kept = found["body"]
    assert (kept.encode() if found["body_encoding"] == "utf-8" else base64.b64decode(kept)) == body


# --- identities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "identity"),
    [
        ("verdict", "d"),
        ("withdrawal", "d:withdrawal"),
        ("undelivered", "d:undelivered"),
        ("unconfirmed", "d:unconfirmed"),
        ("change", "d:change"),
    ],
)
def test_a_decision_has_one_record_of_each_kind(kind: str, identity: str) -> None:
    assert record_id({"decision_id": "d", "kind": kind}) == identity


def test_a_record_is_one_line() -> None:
    line = later_record(
        RecordKind.UNCONFIRMED, "d", at=NOON, reason="broke\noff", provenance=PROVENANCE
    )
    assert b"\n" not in line
