"""What the fleet's dashboard is shown: its own words, and nothing that is not known."""

from collections import Counter
from datetime import timedelta

import orjson
import pytest

from petrosa_cio.audit.books import Stage, Summary
from petrosa_cio.audit.gaps import Gaps
from petrosa_cio.office.dashboard import decision_fields, subsystems
from petrosa_cio.office.office import Status
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.records import NOON, verdict_line

FINE = Status("1", "enforce", 2, (), ())
BOOKS = Summary(NOON, NOON, NOON, Counter(dict.fromkeys(Stage, 0)), 0)


def stored(line: bytes, verdict: str) -> StoredRecord:
    return StoredRecord(
        1, "h", "p", "verdict", NOON, NOON, decision_id="d-1", strategy="momentum",
        symbol="BTCUSDT", action="buy", verdict=verdict, record=line.decode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "mode", "action"),
    [
        (VerdictKind.APPROVE, "enforce", "execute"),
        (VerdictKind.REDUCE, "enforce", "down_weight"),
        (VerdictKind.DENY, "enforce", "veto"),
        (VerdictKind.APPROVE, "observe", "skip"),
    ],
)
def test_a_verdict_is_shown_in_the_words_of_the_dashboard(
    kind: VerdictKind, mode: str, action: str
) -> None:
    line = verdict_line("d-1", kind, ReasonCode.FUND_HALTED)
    record = orjson.dumps(orjson.loads(line) | {"mode": mode})
    row = decision_fields(stored(record, kind.value))
    assert (row["action"], row["verdict"], row["confidence"]) == (action, kind.value, None)
    first, *others = row["reasoning_trace"].splitlines()
    assert first == f"buy BTCUSDT: {kind.value}"
    assert others[-1].startswith("FUND_HALTED")
    assert (len(others) == 2) is (mode == "observe")


@pytest.mark.parametrize(
    ("status", "verdict", "evidence"),
    [
        (FINE, "healthy", "2 gates decide"),
        (Status("1", "enforce", 1, (), ("a feed is old",)), "degraded", "a feed is old"),
        (
            Status("1", "enforce", 0, ("nobody", "no NATS"), ("old",)),
            "unhealthy",
            "nobody; no NATS",
        ),
    ],
)
def test_how_the_gates_are(status: Status, verdict: str, evidence: str) -> None:
    gate, _ = subsystems(status, Gaps(BOOKS, Counter(), NOON, NOON))
    assert (gate["verdict"], gate["evidence"]) == (verdict, evidence)


@pytest.mark.parametrize(
    ("gaps", "verdict", "evidence"),
    [
        (Gaps(BOOKS, Counter(rogue_signal=0), NOON, NOON), "healthy", "nothing is missing"),
        (Gaps(BOOKS, Counter(rogue_signal=2), NOON, NOON), "unhealthy", "2 rogue_signal"),
        (
            Gaps(BOOKS, Counter(), NOON, NOON + timedelta(hours=1)),
            "unknown",
            "nothing of the last 3600 s",
        ),
        (Gaps(None, Counter(), NOON, NOON), "unknown", "no reconciler has finished a round"),
    ],
)
def test_how_the_record_is(gaps: Gaps, verdict: str, evidence: str) -> None:
    _, record = subsystems(FINE, gaps)
    assert record["verdict"] == verdict
    assert record["evidence"].startswith(evidence)
    assert record["last_tick_at"] == NOON
