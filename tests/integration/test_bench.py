"""The measuring itself: that it runs on every kind of rung, and judges what it sees."""

import asyncio
from pathlib import Path

import pytest

from tests.bench.house import Rung
from tests.bench.intents import FLEET
from tests.bench.long_record import measure_both
from tests.bench.measuring import Case, Kind, Measured, measure

pytestmark = pytest.mark.integration

INTENTS = 200


async def _measure(case: Case, folder: Path) -> Measured:
    found = await measure(case, folder / str(int(case.rung)), lambda _sent, _answers: None)
    judged = found.answers
    assert (judged.lost, judged.doubled, judged.strange, judged.contradicted) == (0, 0, 0, 0)
    assert judged.latency_ms["max"] >= judged.latency_ms["p50"] > 0
    assert {"nats", "load", "gate-1"} <= found.usage.cpu_s.keys()
    assert all(found.usage.rss_mib.values())
    return found


async def test_every_kind_of_rung_answers_each_intent_once(tmp_path: Path) -> None:
    """A relay, a gate on parts in memory, and two gates as shipped, at the same time."""
    relay, part, shipped = await asyncio.gather(
        _measure(Case(Rung.RELAY, Kind.PACED, INTENTS, rate=500), tmp_path),
        _measure(Case(Rung.LIMITED, Kind.BURST, INTENTS), tmp_path),
        _measure(Case(Rung.SHIPPED, Kind.BACKLOG, INTENTS, replicas=2, mix=FLEET), tmp_path),
    )
    assert relay.answers.verdicts == {"relayed": INTENTS}
    assert part.answers.verdicts == {"approve": INTENTS}
    assert sum(shipped.answers.verdicts.values()) == INTENTS
    assert set(shipped.answers.verdicts) == {"approve", "deny"}
    assert {"gate-1", "gate-2", "redis"} <= shipped.usage.cpu_s.keys()


async def test_a_long_record_is_proven_and_drained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await measure_both(tmp_path, records=1_500, drained=300)
    said = capsys.readouterr().out.splitlines()  # logs of the drain may stand between
    proof, drain = (one for one in said if one.startswith(("cio audit verify:", "drain:")))
    assert proof.startswith("cio audit verify: 1,500 records in ")
    assert drain.startswith("drain: 300 records in ")
