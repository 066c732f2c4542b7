"""That the judge of a chaos run sees each promise broken, and is content with a sound run."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from petrosa_cio.audit.findings import FindingKind
from tests.chains import CHAIN, KEYS, chain_of, proof_of, signed
from tests.chaos.judging import Evidence, Recorded, Signal

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = AT.timestamp() + 1


def verdict(decision: str, kind: str = "approve", **fields: object) -> dict[str, Any]:
    stated = {"strategy": "s", "stated_id": f"i-{decision}", "codes": ["X"]}
    trace = {"kind": "verdict", "decision_id": decision, "verdict": kind, "journaled_at": AT}
    return trace | stated | fields


def later(decision: str, kind: str) -> dict[str, Any]:
    record = f'{{"reason": "why {kind}"}}'
    return {"kind": kind, "decision_id": decision, "journaled_at": AT, "record": record}


SOUND = (
    verdict("a"),
    verdict("b", "reduce"),
    verdict("c", "deny"),
    verdict("d"),
    verdict("e"),
    verdict("f"),
    verdict("g"),
    later("d", "unconfirmed"),
    later("e", "unconfirmed"),
    later("f", "undelivered"),
    later("g", "withdrawal"),
)
SIGNALS = [Signal("a", LATER), Signal("b", LATER), Signal("e", LATER)]


OPEN = {FindingKind.UNCONFIRMED: frozenset("d"), FindingKind.UNDELIVERED: frozenset("f")}


def evidence(*more: dict[str, Any], signals: list[Signal] | None = None) -> Evidence:
    recorded = Recorded()
    for trace in (*SOUND, *more):
        recorded.take(trace)
    chain = chain_of(3)
    captured = dict(enumerate("abcdefg", start=1))
    return Evidence(
        acknowledged=[(sequence, f"i-{name}") for sequence, name in captured.items()],
        captured=captured,
        recorded=recorded,
        proof=proof_of(chain, [signed(chain[-1])]),
        signals=SIGNALS if signals is None else signals,
        held=frozenset("abdeg"),
        open=OPEN,
    )


def test_a_sound_run_is_counted_and_not_found_fault_with() -> None:
    found = evidence()
    assert found.problems() == []
    assert found.kinds == {"approve": 5, "reduce": 1, "deny": 1}
    assert found.codes == {"X": 1}
    assert (found.missing, found.silent) == ({"d", "f"}, set())
    assert found.why_unconfirmed == {"why unconfirmed": {"missing": 1, "sent": 1}}
    assert (found.doubted, found.ended("unconfirmed")) == ({"e"}, {"d", "e"})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (evidence(signals=[*SIGNALS, SIGNALS[0]]), "a: more than one signal"),
        (evidence(signals=SIGNALS[1:]), "a: approved and lost, without a record of it"),
        (evidence(signals=[*SIGNALS, Signal("c", LATER, opens=False)]), "c: a signal after deny"),
        (
            evidence(signals=[*SIGNALS, Signal("z", LATER, opens=False)]),
            "z: a signal without a verdict",
        ),
        (
            evidence(signals=[*SIGNALS[1:], Signal("a", LATER - 2)]),
            "a: the signal came before its verdict was recorded",
        ),
        (
            evidence(signals=[*SIGNALS, Signal("g", LATER)]),
            "g: a signal and a record of withdrawal",
        ),
        (evidence(verdict("a", "deny")), "a: 2 final verdicts"),
        (evidence(verdict("z", "deny")), "z: a verdict on what was never captured"),
        (
            evidence(later("g", "unconfirmed")),
            "g: ended more than once: unconfirmed, withdrawal",
        ),
        (evidence({"kind": "poisoned"}), "1 records could not be stored"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_said(found: Evidence, said: str) -> None:
    assert said in found.problems()


SAID_OF_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"acknowledged": [(1, "i-z")]}, "a: acknowledged as i-z, decided as i-a"),
    ({"acknowledged": [(9, "i-z")]}, "sequence 9: acknowledged, and not in the stream"),
    (
        {"acknowledged": [(2, "i-b"), (2, "i-z")]},
        "sequence 2: acknowledged for 2 messages",
    ),
    ({"captured": {1: "a", 3: "c"}}, "1 captured intents are gone from the stream"),
    ({"captured": {1: "a", 2: "z"}}, "z: captured, and without a verdict"),
    ({"open": {}}, "d: no finding unconfirmed is open, and it is so"),
    (
        {"open": OPEN | {FindingKind.UNCONFIRMED: frozenset("de")}},
        "e: a finding unconfirmed is open, and it is not so",
    ),
    (
        {"open": OPEN | {FindingKind.UNACKNOWLEDGED: frozenset("a")}},
        "a: a finding unacknowledged is open, and it is not so",
    ),
    ({"held": frozenset("b")}, "a: a signal was sent, and the ledger holds nothing of it"),
]


@pytest.mark.parametrize(("change", "said"), SAID_OF_CHANGES)
def test_what_the_intake_and_the_ledger_contradict_is_said(
    change: dict[str, Any], said: str
) -> None:
    assert said in replace(evidence(), **change).problems()


def test_an_intent_that_comes_again_must_not_be_approved_again() -> None:
    recorded = Recorded()
    for decision in ("a", "b"):
        recorded.take(verdict(decision, stated_id="same"))
    found = replace(
        evidence(), recorded=recorded, captured={1: "a", 2: "b"}, acknowledged=[], signals=[]
    )
    assert "('s', 'same'): one intent of a bot, approved 2 times" in found.problems()


def test_a_chain_with_a_gap_or_without_a_signed_end_is_said() -> None:
    chain = chain_of(3)
    broken = proof_of(chain[:1] + chain[2:], [signed(chain[-1])], KEYS)
    open_ended = proof_of(chain, [signed(chain[1])], KEYS)
    assert broken.chain == CHAIN
    for proof, word in ((broken, "broken"), (open_ended, "not proven")):
        said = replace(evidence(), proof=proof).problems()
        assert any(one.startswith(f"the chain is {word}") for one in said)
