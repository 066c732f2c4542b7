"""Legal holds: which records may not be deleted, by whose word, until it is taken back. Pure.

A hold and its release are records of the chain, journaled like every change of what governs: nobody
can take one away or put one in unseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from petrosa_cio.audit.record import Change, RecordKind
from petrosa_cio.audit.trace import POISONED

HOLD: Final = "hold"
RELEASE: Final = "hold_release"

PREFIX: Final = "hold-"
"""How the identities of these records begin, by which they are found."""

BEYOND: Final = "hold."
"""The first text after all that begin with `PREFIX`."""


@dataclass(frozen=True, slots=True)
class Held:
    """Which records a hold names: those of which everything stated here is true.

    Attributes:
        strategy: Verdicts about this strategy; None for any.
        symbol: Verdicts about this symbol; None for any.
        since: Records of this moment and later, aware UTC; None from the first on.
        until: Records before this moment, aware UTC; None for ever.
        name: The decision of this id, or decisions on the intent that its bot called so.
    """

    strategy: str | None = None
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str | None = None

    def names(self, trace: Mapping[str, Any]) -> bool:
        """Return whether a stored record is held.

        Where a verdict or the stand-in of a poisoned record does not say its strategy, symbol or
        intent, it is held, as it may be the one that is meant. What became of a decision later, and
        changes, state none; they are held by their time, or with the decision that is named.
        """
        at = trace["at"]
        if (self.since and at < self.since) or (self.until and at >= self.until):
            return False
        if trace["kind"] in {RecordKind.VERDICT, POISONED}:
            about = (
                (self.strategy, (trace.get("strategy"),)),
                (self.symbol, (trace.get("symbol"),)),
                (self.name, (trace.get("decision_id"), trace.get("stated_id"))),
            )
            return all(_may_be(wanted, stated) for wanted, stated in about)
        is_named = self.name is None or self.name == trace.get("decision_id")
        return is_named and self.strategy is None and self.symbol is None


def _may_be(wanted: str | None, stated: tuple[object, ...]) -> bool:
    return wanted is None or wanted in stated or not any(stated)


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said, and when.

    Attributes:
        author: Who.
        reason: Why.
        at: When, aware UTC.
    """

    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as the record has it.

    Attributes:
        hold_id: Its identity.
        held: Which records it names.
        placed: Who placed it, why and when.
        released: Who released it, why and when; None while it stands.
    """

    hold_id: str
    held: Held
    placed: Word
    released: Word | None = None

    def keeps(self, trace: Mapping[str, Any]) -> bool:
        """Return whether a stored record may not be deleted, its own record among them."""
        if self.released is not None:
            return False
        return trace["_id"] == record_of(self.hold_id) or self.held.names(trace)


def record_of(change_id: str) -> str:
    """Return under which identity the record of a hold or a release is stored."""
    return f"{change_id}:{RecordKind.CHANGE}"


def release_id(hold_id: str) -> str:
    """Return the identity of a hold's release: there is one, whoever says it first."""
    return f"{hold_id}-release"


def hold_change(hold_id: str, held: Held, *, author: str, reason: str) -> Change:
    """Return the change that places a hold."""
    said = {name: value for name, value in asdict(held).items() if value is not None}
    return Change(HOLD, hold_id, orjson.dumps(said).decode(), author, reason)


def release_change(hold_id: str, *, author: str, reason: str) -> Change:
    """Return the change that takes a hold back."""
    return Change(RELEASE, hold_id, "", author, reason)


def read_holds(records: Iterable[bytes]) -> list[Hold]:
    """Return the holds that the record knows, in the order in which they were placed.

    Args:
        records: The records of holds and releases, as they were journaled, in any order.

    Raises:
        ValueError: One of them does not read; nothing may be deleted then.
    """
    found = [orjson.loads(line) for line in records]
    try:
        released = {one["change"]["scope"]: _word(one) for one in _about(found, RELEASE)}
        holds = [_hold(one, released) for one in _about(found, HOLD)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"a hold does not read: {type(error).__name__} {error}") from error
    return sorted(holds, key=lambda one: one.placed.at)


def _about(records: Sequence[dict[str, Any]], subject: str) -> list[dict[str, Any]]:
    return [one for one in records if one["change"]["subject"] == subject]


def _hold(record: Mapping[str, Any], released: Mapping[str, Word]) -> Hold:
    hold_id, said = record["change"]["scope"], orjson.loads(record["change"]["value"])
    for name in said.keys() & {"since", "until"}:
        said[name] = datetime.fromisoformat(said[name])
    return Hold(hold_id, Held(**said), _word(record), released.get(hold_id))


def _word(record: Mapping[str, Any]) -> Word:
    change = record["change"]
    return Word(change["author"], change["reason"], datetime.fromisoformat(record["at"]))
