"""Policies that are tried beside the one in force, and what they would have decided."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class Shadow:
    """A candidate policy that is decided beside the one in force, and enforced by nobody.

    Attributes:
        shadow_id: SHA-256 of everything else, hexadecimal: another content has another name.
        fund: The fund.
        number: Counted 1, 2, 3...; no two have the same.
        parent: The revision that it was made from.
        document: Canonical JSON of policy and overlays.
        author: Who started it.
        role: What the author was trusted with then.
        thought: Why.
        at: When it was started, aware UTC: it judges what was decided from then on.
        ends_at: When it ends by itself, aware UTC.
    """

    shadow_id: str
    fund: str
    number: int
    parent: int
    document: str
    author: str
    role: str
    thought: str
    at: datetime
    ends_at: datetime


class EndingKind(StrEnum):
    """What ends a shadow before its time, or settles it afterwards."""

    DROP = "drop"
    PROMOTE = "promote"


@dataclass(frozen=True, slots=True)
class ShadowEnding:
    """What somebody made of a shadow. There is one at most of each.

    Attributes:
        shadow_id: The shadow, by its content.
        kind: ``drop`` or ``promote``.
        author: Who did it.
        role: What they were trusted with then.
        thought: Why.
        at: When, aware UTC: what was decided from then on it does not judge.
        became: What was made of it: ``revision 4``, or ``proposal 1f0c...``; empty if dropped.
    """

    shadow_id: str
    kind: EndingKind
    author: str
    role: str
    thought: str
    at: datetime
    became: str = ""


class ShadowFlip(Struct, frozen=True, gc=False):
    """A verdict that would have been another under a shadow.

    Attributes:
        kind: What it would be: ``denied``, ``approved``, ``smaller`` or ``larger``.
        decision_id: The decision.
        at: The moment of decision, aware UTC.
        strategy: The strategy's name; None where none is stated.
        symbol: The symbol, alike.
        policy_revision: The revision under which it was decided; None without a policy.
        quantity_was: The approved quantity as text; None where denied, or for all of a position.
        quantity_would: What it would be, alike.
        codes: Codes of the reasons that make the difference.
        reasons: Every reason of the stricter verdict, as text.
    """

    kind: str
    decision_id: str
    at: datetime
    strategy: str | None
    symbol: str | None
    policy_revision: int | None
    quantity_was: str | None
    quantity_would: str | None
    codes: tuple[str, ...]
    reasons: tuple[str, ...]


class ShadowCount(Struct, frozen=True, gc=False):
    """How many verdicts of a page have something in common.

    Attributes:
        what: What they have in common: ``was`` and ``would`` count verdicts; ``kind``, ``code``,
            ``strategy``, ``symbol`` and ``revision`` count flips; ``undecidable`` counts what
            cannot be decided again, and ``error`` what could not be decided for an error.
        name: Which one: a verdict, a code, a symbol, or why.
        flip: Of flips, what they would be; else empty.
        number: How many.
    """

    what: str
    name: str
    flip: str
    number: int


class ShadowPage(Struct, frozen=True):
    """What a shadow made of one stretch of the chain of records. It is written once.

    Attributes:
        shadow_id: The shadow.
        number: Counted 1, 2, 3...; each begins where the one before ended.
        after_seq: Position of the last record before it.
        until_seq: Position of its last record.
        until: When that one was journaled, aware UTC.
        counts: How many verdicts were what.
        flips: Verdicts that would be others, in the order of decision.
        first: The earliest moment of decision in it; None without any.
        last: The latest.
        other_reasons: Verdicts that stay, but for other reasons.
        other_versions: Verdicts that another version of the program gave.
        is_last: Whether nothing that the shadow judges comes after it.
    """

    shadow_id: str
    number: int
    after_seq: int
    until_seq: int
    until: datetime
    counts: tuple[ShadowCount, ...] = ()
    flips: tuple[ShadowFlip, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    other_reasons: int = 0
    other_versions: int = 0
    is_last: bool = False


class ShadowStore(Protocol):
    """Holds the shadows of a fund and what became of them. It inserts and finds, nothing else."""

    async def start(self, shadow: Shadow) -> bool:
        """Keep a shadow; return False if another one has its number."""

    async def recent(self, *, limit: int) -> list[Shadow]:
        """Return the newest shadows, the highest number first."""

    async def shadow(self, number: int) -> Shadow | None:
        """Return one shadow, or None where there is none of that number."""

    async def end(self, ending: ShadowEnding) -> bool:
        """Keep what was made of a shadow; return False if something else was before."""

    async def ending(self, shadow_id: str) -> ShadowEnding | None:
        """Return what was made of a shadow, or None."""

    async def write(self, page: ShadowPage) -> bool:
        """Keep a page; return False if one of its number is there."""

    async def pages(self, shadow_id: str) -> list[ShadowPage]:
        """Return the pages of a shadow in order, without their flips."""

    async def flips(self, shadow_id: str, *, limit: int) -> list[ShadowFlip]:
        """Return the newest flips of a shadow, the last decided first."""
