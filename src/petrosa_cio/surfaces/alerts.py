"""What is worth an alert: findings about the record, the kill switch, lag, and a stale policy.

What begins and ends is told twice: that it began, and that it is over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

import orjson
from msgspec import Struct

from petrosa_cio.audit.findings import MEANINGS as FINDINGS
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.risk.trading_state import TradingState


class State(StrEnum):
    """What begins and ends."""

    RECORD_LAGS = "record_lags"
    POLICY_STALE = "policy_stale"
    NO_GATE_READY = "no_gate_ready"


TRADING_STATE = "trading_state"
LOSS_LIMIT = "loss_limit"

MEANINGS: Mapping[str, str] = {
    **{str(kind): sentence for kind, sentence in FINDINGS.items()},
    TRADING_STATE: "the trading state of the fund, a strategy or a symbol was switched",
    LOSS_LIMIT: "the fund or a strategy has lost as much as the policy lets it",
    State.RECORD_LAGS: "more of the journal waits to be stored than is usual",
    State.POLICY_STALE: "a gate has no policy that was confirmed lately, and denies openings",
    State.NO_GATE_READY: "no gate decides intents",
}
"""Every kind of alert, with a sentence for each."""


class Alert(Struct, frozen=True):
    """One thing that somebody should know.

    Attributes:
        alert_id: Its identity.
        kind: What it is, one of `MEANINGS`.
        fund: The fund.
        at: When it was noticed, aware UTC.
        is_over: Whether it is told that it ended.
        detail: What else is known.
    """

    alert_id: str
    kind: str
    fund: str
    at: datetime
    is_over: bool
    detail: dict[str, object]

    def body(self) -> str:
        """Return what is told, as JSON."""
        told = {
            "id": self.alert_id,
            "kind": self.kind,
            "meaning": MEANINGS[self.kind],
            "fund": self.fund,
            "at": self.at,
            "over": self.is_over,
            "detail": self.detail,
        }
        return orjson.dumps(told).decode()


def alert_of_finding(message: bytes, fund: str, at: datetime) -> Alert | None:
    """Return the alert of an announced finding of a fund; None for anything else."""
    found = _object(message)
    kind, name = found.get("kind"), found.get("_id")
    if (
        kind not in {*FindingKind, LOSS_LIMIT}
        or found.get("fund") != fund
        or not isinstance(name, str)
    ):
        return None
    detail = {"decision_id": found.get("decision_id"), "at": found.get("at")}
    return Alert(name, str(kind), fund, at, False, detail | {"seen": found.get("detail")})


def alert_of_state(message: bytes, fund: str, at: datetime) -> Alert | None:
    """Return the alert of an announced switch of a fund's trading state; None for all else."""
    record = _object(message)
    change, name = record.get("change"), record.get("decision_id")
    if record.get("fund") != fund or not isinstance(name, str) or not isinstance(change, dict):
        return None
    if change.get("subject") != TRADING_STATE:
        return None
    detail = {key: change.get(key) for key in ("scope", "value", "author", "reason")}
    is_over = change.get("value") == TradingState.ACTIVE
    return Alert(name, TRADING_STATE, fund, at, is_over, detail)


class Edges:
    """Notices when a state begins and when it ends.

    Args:
        fund: The fund.
        clock: The time.
    """

    def __init__(self, fund: str, clock: Callable[[], datetime]) -> None:
        self._fund = fund
        self._clock = clock
        self._since: dict[State, datetime] = {}

    def note(self, state: State, why: str | None) -> Alert | None:
        """Say whether a state holds, and why; return what is to be told of it, if anything."""
        began = self._since.get(state)
        if (began is None) == (why is None):
            return None
        now = self._clock()
        if why is not None:
            self._since[state] = now
            return Alert(uuid4().hex, state, self._fund, now, False, {"why": why})
        return Alert(
            uuid4().hex, state, self._fund, now, True, {"began_at": self._since.pop(state)}
        )


def _object(message: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
