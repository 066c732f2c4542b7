"""What the journal remembers of decisions and of what governed."""

from collections.abc import Sequence
from typing import Any

from petrosa_cio.nurse.recollection import RECENT_MS, Recollection
from petrosa_cio.risk.claims import DecisionState
from tests.policies import signed

NOON_MS = 1_795_348_800_000
CLAIM = ["GROSS_EXPOSURE_ABOVE_MAX", "gross", 100, None, None, 0]
HELD = (("gross", 100),)


def recollect(records: Sequence[dict[str, Any]]) -> Recollection:
    found = Recollection(fund="main", now_ms=NOON_MS)
    for record in records:
        found.take(record)
    return found


def verdict(
    decision_id: str, kind: str = "approve", *, at: str = "11:59:00", mode: str = "enforce"
) -> dict[str, Any]:
    return {
        "kind": "verdict",
        "fund": "main",
        "decision_id": decision_id,
        "mode": mode,
        "intent": {"strategy": "A B", "token": "A_B", "identity": "i", "digest": "d"},
        "source": {"stored_at": f"2026-11-22T{at}+00:00"},
        "decision": {"assessment": {"claims": [CLAIM]}},
        "verdict": {"kind": kind},
    }


def later(kind: str, decision_id: str) -> dict[str, Any]:
    return {"kind": kind, "fund": "main", "decision_id": decision_id, "reason": "FUND_HALTED"}


def change(subject: str, scope: str, value: str) -> dict[str, Any]:
    said = {"subject": subject, "scope": scope, "value": value}
    return {"kind": "change", "fund": "main", "change": said}


def signed_policy(revision: int, document: str = "") -> dict[str, Any]:
    found = change("policy", str(revision), document)
    found["change"]["signed"] = signed(revision, document, tightened=1).signed.decode()
    return found


def only(*records: dict[str, Any]) -> tuple[DecisionState, str, tuple[Any, ...]]:
    (one,) = recollect(records).remembered()
    return one.state, one.detail, one.holdings


def test_noon_is_noon() -> None:
    assert RECENT_MS == 30 * 60_000


def test_an_approval_of_which_nothing_more_is_known_counts_as_begun_and_holds() -> None:
    assert only(verdict("a")) == (DecisionState.BEGUN, "before-the-loss", HELD)


def test_what_came_of_an_approval_is_remembered() -> None:
    approved = verdict("a")
    assert only(approved, later("withdrawal", "a")) == (DecisionState.WITHDRAWN, "FUND_HALTED", ())
    assert only(approved, later("undelivered", "a")) == (DecisionState.DONE, "approve", ())
    assert only(approved, later("unconfirmed", "a")) == (DecisionState.DONE, "approve", HELD)


def test_the_first_verdict_counts_and_what_befalls_a_denial_does_not() -> None:
    denied = (DecisionState.DONE, "deny", ())
    assert only(verdict("a", "deny"), verdict("a"), later("withdrawal", "a")) == denied


def test_an_old_denial_is_forgotten_and_an_old_approval_still_holds() -> None:
    found = recollect([verdict("a", "deny", at="11:29:00"), verdict("b", at="11:29:00")])
    (old,) = found.remembered()
    assert (old.decision_id, old.is_recent, old.holdings) == ("b", False, HELD)


def test_what_was_only_observed_holds_nothing() -> None:
    assert only(verdict("a", mode="observe")) == (DecisionState.DONE, "approve", ())


def test_a_message_that_was_no_intent_leaves_nothing_to_remember() -> None:
    record = verdict("a", "deny") | {"intent": {"strategy": None, "symbol": None}}
    assert list(recollect([record]).remembered()) == []


def test_what_governed_is_the_newest_of_each_but_never_the_funds_own_state() -> None:
    governed = recollect(
        [
            signed_policy(2, "new"),
            signed_policy(1, "old"),
            change("policy", "3", "that nobody signed"),
            change("regime", "BTCUSDT", "wild"),
            change("trading_state", "fund", "halted"),
            change("trading_state", "strategy:A_B", "halted"),
            change("trading_state", "symbol:BTCUSDT", "halted"),
            change("trading_state", "symbol:BTCUSDT", "active"),
        ]
    ).governed()
    assert (governed.revision, governed.policy) == (2, "new")
    assert (governed.tightened_revision, governed.signed) == (
        1,
        signed_policy(2, "new")["change"]["signed"],
    )
    assert governed.regimes == {"BTCUSDT": "wild"}
    assert governed.trading_states == {"strategy:A_B": "halted"}


def test_overrides_are_remembered_until_they_are_cleared() -> None:
    governed = recollect(
        [
            change("regime_override", "BTCUSDT", "first"),
            change("regime_override", "BTCUSDT", "second"),
            change("regime_override", "*", "calm"),
            change("regime_override", "*", ""),
            change("regime_override", "ETHUSDT", ""),
            change("regime", "SOLUSDT", "wild"),
            change("regime", "SOLUSDT", ""),
        ]
    ).governed()
    assert governed.regime_overrides == {"BTCUSDT": "second"}
    assert governed.regimes == {}


def test_a_pause_comes_back_until_somebody_resumed() -> None:
    paused = change("trading_state", "strategy:A_B", "paused")
    assert recollect([paused]).governed().trading_states == {"strategy:A_B": "paused"}
    resumed = change("trading_state", "strategy:A_B", "active")
    assert recollect([paused, resumed]).governed().trading_states == {}


def test_other_funds_are_passed_by() -> None:
    assert list(recollect([verdict("a") | {"fund": "other"}]).remembered()) == []
