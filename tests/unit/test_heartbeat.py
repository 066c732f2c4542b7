import json
from datetime import UTC, datetime

import pytest

from petrosa_cio.nurse.heartbeat import Health, Heartbeat

NOON = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)


def heartbeat(**dependencies: str | None) -> Heartbeat:
    health = Health(dependencies)
    return Heartbeat(
        lambda: health,
        clock=lambda: NOON,
        version="0.1.0",
        replica="gate-1",
        completeness=lambda: {"status": "clean"},
    )


def test_a_beat_is_what_the_order_engine_takes_for_one() -> None:
    beat = json.loads(heartbeat(nats=None, redis=None).beat())
    assert beat == {
        "service": "petrosa-cio",
        "timestamp": NOON.timestamp(),
        "version": "0.1.0",
        "status": "GOVERNANCE_ACTIVE",
        "replica": "gate-1",
        "dependencies": {"nats": "ok", "redis": "ok"},
        "completeness": {"status": "clean"},
    }
    assert isinstance(beat["timestamp"], float)


def test_what_is_wrong_is_said() -> None:
    beat = json.loads(heartbeat(nats=None, redis="silent for more than 3 s").beat())
    assert beat["status"] == "DEGRADED"
    assert beat["dependencies"]["redis"] == "silent for more than 3 s"


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff"])
async def test_whoever_asks_gets_a_beat(body: bytes) -> None:
    found = heartbeat(nats=None)
    assert await found.answer("cio.heartbeat", {}, body) == found.beat()


def test_problems_are_sentences() -> None:
    assert Health({"nats": None, "redis": "silent"}).problems == ["redis: silent"]
