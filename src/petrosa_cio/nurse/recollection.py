"""What the journal remembers, folded record by record into what a lost ledger must know again."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from petrosa_cio.audit.record import RecordKind, booked_of
from petrosa_cio.nurse.arrival import epoch_ms
from petrosa_cio.ports import Governed, Remembered
from petrosa_cio.risk.claims import DecisionState
from petrosa_cio.risk.trading_state import FUND, TradingState
from petrosa_cio.risk.verdict import VerdictKind

RECENT_MS = 1_800_000
"""Messages older than this do not come again; it outlasts every bucket of the ledger."""

BEFORE_THE_LOSS = "before-the-loss"


class Recollection:
    """Takes the journal's records in order and says what they amount to.

    An approval of which nothing further is known counts as begun: its signal may have been sent, so
    it is never sent again, and what it reserved stays reserved.
    """

    def __init__(self, *, fund: str, now_ms: int) -> None:
        """Take the fund, and the moment from which to tell what is recent, epoch milliseconds."""
        self._fund = fund
        self._recent_since_ms = now_ms - RECENT_MS
        self._decisions: dict[str, dict[str, Any]] = {}
        self._policy: tuple[int, int, str, str] | None = None
        self._trading_states: dict[str, str] = {}
        self._regimes: dict[str, str] = {}
        self._regime_overrides: dict[str, str] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Take the next record; those of other funds are passed by."""
        if record["fund"] != self._fund:
            return
        match RecordKind(record["kind"]):
            case RecordKind.VERDICT:
                self._take_verdict(record)
            case RecordKind.WITHDRAWAL | RecordKind.UNDELIVERED | RecordKind.UNCONFIRMED as kind:
                self._take_later(kind, str(record["decision_id"]), str(record["reason"]))
            case RecordKind.CHANGE:
                self._take_change(record["change"])

    def _take_verdict(self, record: Mapping[str, Any]) -> None:
        """Remember the first verdict of a decision; a denial only while its message is recent."""
        decision_id, intent = str(record["decision_id"]), record["intent"]
        verdict = str(record["verdict"]["kind"])
        taken_at_ms = epoch_ms(datetime.fromisoformat(record["source"]["stored_at"]))
        is_recent = taken_at_ms >= self._recent_since_ms
        is_denied = verdict == VerdictKind.DENY
        if decision_id in self._decisions or "token" not in intent or (is_denied and not is_recent):
            return
        holds = not is_denied and record["mode"] == "enforce"
        claims = record["decision"]["assessment"]["claims"] if holds else []
        self._decisions[decision_id] = {
            "decision_id": decision_id,
            "taken_at_ms": taken_at_ms,
            "is_recent": is_recent,
            "state": DecisionState.BEGUN if holds else DecisionState.DONE,
            "detail": BEFORE_THE_LOSS if holds else verdict,
            "verdict": verdict,
            "identity": intent["identity"],
            "digest": intent["digest"],
            "strategy": intent["strategy"],
            "token": intent["token"],
            "holdings": tuple(booked_of(claims)),
            "override_id": record["verdict"].get("override_id") if holds else None,
        }

    def _take_later(self, kind: RecordKind, decision_id: str, reason: str) -> None:
        known = self._decisions.get(decision_id)
        if known is None or known["verdict"] == VerdictKind.DENY:
            return
        if kind is RecordKind.UNCONFIRMED:
            known |= {"state": DecisionState.DONE, "detail": known["verdict"]}
        elif kind is RecordKind.UNDELIVERED:
            known |= {"state": DecisionState.DONE, "detail": known["verdict"], "holdings": ()}
        else:
            known |= {"state": DecisionState.WITHDRAWN, "detail": reason, "holdings": ()}

    def _take_change(self, change: Mapping[str, str]) -> None:
        scope, value = change["scope"], change["value"]
        if change["subject"] == "policy":
            self._take_policy(int(scope), value, change.get("signed", ""))
        elif change["subject"] == "regime":
            _state(self._regimes, scope, value)
        elif change["subject"] == "regime_override":
            _state(self._regime_overrides, scope, value)
        elif change["subject"] == "trading_state" and scope != str(FUND):
            self._trading_states[scope] = value

    def _take_policy(self, revision: int, document: str, signed: str) -> None:
        """Take the newest policy that somebody signed; no gate would take another."""
        if signed and (self._policy is None or revision >= self._policy[0]):
            tightened_revision = int(orjson.loads(signed)["tightened_revision"])
            self._policy = revision, tightened_revision, document, signed

    def remembered(self) -> Iterator[Remembered]:
        """Iterate over the decisions that a ledger must know again."""
        return (Remembered(**known) for known in self._decisions.values())

    def governed(self) -> Governed:
        """Return what governed, but for the fund's own state, which a person states anew."""
        revision, tightened, policy, signed = self._policy or (0, 0, None, "")
        states = {
            scope: state
            for scope, state in self._trading_states.items()
            if state != TradingState.ACTIVE
        }
        regimes, overrides = dict(self._regimes), dict(self._regime_overrides)
        return Governed(policy, revision, states, regimes, overrides, signed, tightened)


def _state(stated: dict[str, str], scope: str, value: str) -> None:
    """Take what is stated of a scope; nothing, where it was cleared."""
    if value:
        stated[scope] = value
    else:
        stated.pop(scope, None)
