"""What a follower of the fund is told: journal records and warnings as events, and who wants which.

An event of the journal has a *place*: what comes after it is read from there again, however often
and by whichever process. A warning about a limit stands in no journal, so it has none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import orjson
from msgspec import Struct

from petrosa_cio.audit.found_record import part, reasons_of
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.errors import QueryRejected
from petrosa_cio.governance.desk import REMEMBERED
from petrosa_cio.ports import Stored
from petrosa_cio.risk.snapshot import ANY_SYMBOL
from petrosa_cio.risk.trading_state import ScopeKind

SEPARATOR = b"\n"


class LiveKind(StrEnum):
    """What an event tells."""

    VERDICT = "verdict"
    OUTCOME = "outcome"
    LIMIT_WARNING = "limit_warning"
    STATE = "state"
    POLICY = "policy"
    MISSED = "missed"


WANTABLE = tuple(kind for kind in LiveKind if kind is not LiveKind.MISSED)
"""What may be asked for; that something is missing is told to everybody."""

OUTCOMES = frozenset({RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED, RecordKind.UNCONFIRMED})
STATES = frozenset({"trading_state", "regime", "regime_override"})
POLICIES = frozenset(
    {
        "policy", "charter", "venue_rules", "proposal", "proposal_step", "override",
        "override_proposal", "override_step", "shadow", "shadow_ending",
    }
)  # fmt: skip
"""Changes that are told as events; tokens, refusals, holds and neighbours are not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the journal to read on.

    Attributes:
        created_ns: When the journal was made, to tell it from another of its name.
        sequence: The entry that is read next.
        index: The record in it that is read next.
    """

    created_ns: int
    sequence: int
    index: int = 0

    def __str__(self) -> str:
        """Return it as the identity of an event."""
        return f"{self.created_ns:x}-{self.sequence}-{self.index}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the place that an event's identity names. Raises QueryRejected."""
        parts = text.split("-")
        try:
            created, sequence, index = int(parts[0], 16), int(parts[1]), int(parts[2])
            place = cls(created, sequence, index)
        except (ValueError, IndexError):
            place = None
        if place is None or str(place) != text:
            raise QueryRejected(
                [f"Last-Event-ID: expected the id of an event of this stream, was {text[:64]!r}"]
            )
        return place


class Live(Struct, frozen=True, gc=False):
    """One event.

    Attributes:
        kind: What it tells.
        data: It, as JSON.
        following: Where to read on after it; None where it stands in no journal.
        strategy: Whom it is about; None where it concerns all, or does not say.
        symbol: Which symbol, alike.
        verdict: ``approve``, ``reduce`` or ``deny``, of verdicts.
        codes: Reason codes, of verdicts and warnings.
    """

    kind: LiveKind
    data: bytes
    following: Place | None = None
    strategy: str | None = None
    symbol: str | None = None
    verdict: str | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are wanted. An empty set asks for nothing in particular.

    Attributes:
        kinds: Kinds of event.
        strategies: Names of strategies; an event that names none is wanted all the same.
        symbols: Symbols, alike.
        verdicts: Of verdicts, ``approve``, ``reduce``, ``deny``.
        codes: Of verdicts and warnings, codes of which they give at least one.
    """

    kinds: frozenset[LiveKind] = frozenset()
    strategies: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()

    def has(self, event: Live) -> bool:
        """Return whether an event is wanted; what tells of something missing always is."""
        if event.kind is LiveKind.MISSED:
            return True
        has_codes = event.kind in (LiveKind.VERDICT, LiveKind.LIMIT_WARNING)
        return (
            (not self.kinds or event.kind in self.kinds)
            and _fits(self.strategies, event.strategy)
            and _fits(self.symbols, event.symbol)
            and _fits(self.verdicts, event.verdict)
            and not (self.codes and has_codes and self.codes.isdisjoint(event.codes))
        )


def _fits(wanted: frozenset[str], found: str | None) -> bool:
    return not wanted or found is None or found in wanted


# --- the journal ----------------------------------------------------------------------------------


def events_of(entry: Stored, created_ns: int, *, fund: str) -> Iterator[Live]:
    """Iterate over the events of a fund in one journal message, in order.

    A line that is no record is told as missing: the record shows what was set aside for it.
    """
    lines = entry.body.split(SEPARATOR)
    for index, line in enumerate(lines):
        is_last = index + 1 == len(lines)
        place = Place(created_ns, entry.sequence + is_last, 0 if is_last else index + 1)
        event = _event_of(line, place, fund)
        if event is not None:
            yield event


def _event_of(line: bytes, following: Place, fund: str) -> Live | None:
    try:
        record = orjson.loads(line)
        if record.get("fund") != fund:
            return None
        kind = record["kind"]
        if kind == RecordKind.VERDICT:
            return _verdict(record, following)
        if kind == RecordKind.CHANGE:
            return _change(record, following)
        return _outcome(record, following) if kind in OUTCOMES else None
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return missed("a line of the journal cannot be read", "/records", following)


def missed(why: str, read: str, following: Place | None = None) -> Live:
    """Return the event that something is not told here, with the route that has it."""
    data = orjson.dumps({"why": why, "read": read})
    return Live(LiveKind.MISSED, data, following)


def _verdict(record: Mapping[str, Any], following: Place) -> Live:
    intent, verdict, decision = record["intent"], record["verdict"], record["decision"]
    codes = tuple(reason[0] for reason in verdict["reasons"])
    fields = {
        "decision_id": record["decision_id"],
        "at": decision["now"],
        "mode": record["mode"],
        "strategy": intent["strategy"],
        "symbol": intent["symbol"],
        "action": intent.get("action"),
        "intent_id": intent.get("stated_id"),
        "verdict": verdict["kind"],
        "codes": codes,
        "reasons": reasons_of(record),
        "requested_quantity": verdict["requested_quantity"],
        "quantity": verdict["quantity"],
        "price": verdict["price"],
        "first_decision": verdict["first_decision"],
        "first_verdict": verdict["first_verdict"],
        "policy_revision": decision["policy_revision"],
    }
    return Live(
        LiveKind.VERDICT, orjson.dumps(fields), following, intent["strategy"], intent["symbol"],
        verdict["kind"], codes,
    )  # fmt: skip


def _outcome(record: Mapping[str, Any], following: Place) -> Live:
    fields = {
        "decision_id": record["decision_id"],
        "at": record["at"],
        "outcome": record["kind"],
        "reason": record["reason"],
    }
    return Live(LiveKind.OUTCOME, orjson.dumps(fields), following)


def _change(record: Mapping[str, Any], following: Place) -> Live | None:
    change = part(record, "change")
    subject, scope = change["subject"], str(change["scope"])
    if change["author"] == REMEMBERED or subject not in STATES | POLICIES:
        return None  # what stands is stated anew now and then, which changes nothing
    fields = {"change_id": record["decision_id"], "at": record["at"], "subject": subject}
    fields |= {"scope": scope, "author": change["author"], "reason": change["reason"]}
    if subject not in STATES:
        return Live(LiveKind.POLICY, orjson.dumps(fields), following)
    data = orjson.dumps(fields | {"value": change["value"]})
    strategy, symbol = _about(subject, scope)
    return Live(LiveKind.STATE, data, following, strategy, symbol)


def _about(subject: str, scope: str) -> tuple[str | None, str | None]:
    """Return the strategy and the symbol that a state is about, where it is not about all."""
    if subject != "trading_state":
        return None, None if scope == ANY_SYMBOL else scope
    kind, _, name = scope.partition(":")
    return (
        name if kind == ScopeKind.STRATEGY else None,
        name if kind == ScopeKind.SYMBOL else None,
    )


# --- warnings -------------------------------------------------------------------------------------


def warning_of(body: bytes) -> Live | None:
    """Return the event of a warning that was heard; None for anything else said there."""
    try:
        said = orjson.loads(body)
        stated = isinstance(said["limit"], str) and isinstance(said["band_pct"], int)
        strategy, symbol, code = said["strategy"], said["symbol"], str(said["code"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not stated:
        return None
    return Live(LiveKind.LIMIT_WARNING, orjson.dumps(said), None, strategy, symbol, None, (code,))
