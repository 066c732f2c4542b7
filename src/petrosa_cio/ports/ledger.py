"""What grants shared limits and remembers decisions, and what settles or rebuilds it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from petrosa_cio.risk.claims import DecisionState, Reserved, ReserveRequest


class MoveKind(StrEnum):
    """What the fence is asked to do with a decision."""

    PROMOTE = "promote"
    DENY = "deny"
    WITHDRAW = "withdraw"


class Move(Struct, frozen=True, gc=False):
    """One decision's step through the fence.

    Attributes:
        decision_id: The decision.
        taken_at_ms: Stream time of its intent; says where the ledger keeps it.
        kind: Promote, close a denial, or withdraw.
        verdict: ``approve``, ``reduce`` or ``deny``: what is remembered as the answer.
        token: The strategy's token, for its trading state.
        symbol: The symbol, for its trading state.
        is_exit: True when the order only closes.
        halted_denies_exits: True when the policy lets a halt stop exits too.
        policy_revision: Revision under which it was decided.
        reason: For a withdrawal, its reason code.
        forget_identity: For a withdrawal, True when the same id may be sent again.
    """

    decision_id: str
    taken_at_ms: int
    kind: MoveKind
    verdict: str
    token: str
    symbol: str
    is_exit: bool = False
    halted_denies_exits: bool = False
    policy_revision: int = 0
    reason: str = ""
    forget_identity: bool = False


class Moved(Struct, frozen=True, gc=False):
    """What the fence did.

    Attributes:
        won: True when this very call moved the decision from ``reserved`` to its new state.
        state: The state it is in now; ``new`` when the ledger does not know the decision.
        detail: Owner, verdict or withdrawal reason code, by state.
    """

    won: bool
    state: DecisionState
    detail: str


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A decision of the synchronous door whose gate went down before its end was recorded.

    Attributes:
        decision_id: The decision.
        taken_at_ms: When it arrived; says where the ledger keeps it.
        state: ``withdrawn``, or ``begun``: nobody knows whether its signal was sent.
        detail: For a withdrawal its reason code.
    """

    decision_id: str
    taken_at_ms: int
    state: DecisionState
    detail: str


class Ledger(Protocol):
    """Grants what is shared and limited, atomically for all replicas, and remembers decisions."""

    async def reserve(self, requests: Sequence[ReserveRequest]) -> list[Reserved]:
        """Ask for a batch, walked in order. Raises LedgerLost when the ledger lost its data."""

    async def begin(self, moves: Sequence[Move], *, owner: str) -> list[Moved]:
        """Move decisions out of ``reserved``; only the winner of each may act on it."""

    async def finish(self, moves: Sequence[Move], *, undelivered: frozenset[str]) -> None:
        """Mark begun decisions as done; release the reservations of undelivered ones.

        Of the synchronous door's decisions, withdrawn ones too: their end is recorded.
        """

    async def settle(self, settlements: Sequence["Settlement"]) -> list[bool]:
        """Apply execution outcomes; each answer tells whether it was applied (not seen before)."""

    async def sweep(self) -> list[LeftOpen]:
        """Withdraw decisions of the door that were left open; return what nobody recorded.

        What is returned comes again with a later sweep until it was given to `finish`.
        """

    async def exposure(self) -> dict[str, int]:
        """Return units in use by counter."""

    async def reservations(self) -> dict[str, int]:
        """Return the units that each open decision holds, by decision id."""


class SettlementKind(StrEnum):
    """What an execution outcome does to exposure."""

    RELEASE = "release"
    BOOK = "book"
    REDUCE = "reduce"


@dataclass(frozen=True, slots=True)
class Settlement:
    """One execution outcome, in ledger terms.

    Attributes:
        event_key: Identity of the event, to apply it once.
        kind: ``release`` gives a reservation back, ``book`` replaces it by what was really filled,
            ``reduce`` takes units off counters.
        decision_id: The decision whose reservation is meant; empty for ``reduce``.
        units: For ``book`` the units now held, for ``reduce`` the units to take off.
        counters: For ``reduce``, the counters to take them off; none falls below zero.
    """

    event_key: str
    kind: SettlementKind
    decision_id: str = ""
    units: int = 0
    counters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the journal remembers of one decision, for a ledger that lost its data.

    Attributes:
        decision_id: The decision.
        taken_at_ms: Stream time of its intent.
        is_recent: Whether its message may still come again, so that its state matters.
        state: ``begun`` where nobody can say what became of an approval.
        detail: Owner, verdict or withdrawal reason code, by state.
        verdict: ``approve``, ``reduce`` or ``deny``.
        identity: Fingerprint of strategy and stated id, if any.
        digest: Fingerprint of what was wanted.
        strategy: The strategy's name.
        token: The name as one subject token.
        holdings: What it holds: pairs of counter and units.
        override_id: The override that it used, if it used one.
    """

    decision_id: str
    taken_at_ms: int
    is_recent: bool
    state: DecisionState
    detail: str
    verdict: str
    identity: str | None
    digest: str
    strategy: str
    token: str
    holdings: tuple[tuple[str, int], ...]
    override_id: str | None = None


@dataclass(frozen=True, slots=True)
class Governed:
    """What the journal remembers of what governed.

    Attributes:
        policy: The newest policy document, as JSON text; None when none is remembered that was
            signed.
        revision: Its revision.
        trading_states: State by scope of strategies and symbols; never the fund's.
        regimes: Regime documents by symbol, as JSON text.
        regime_overrides: The same of overrides; each says itself when it expires.
        signed: The signed statement about the policy, as JSON text.
        tightened_revision: The newest revision that was tighter, as that statement says.
    """

    policy: str | None
    revision: int
    trading_states: dict[str, str]
    regimes: dict[str, str]
    regime_overrides: dict[str, str] = field(default_factory=dict)
    signed: str = ""
    tightened_revision: int = 0


class LostLedger(Protocol):
    """A ledger that can be rebuilt. Nothing here touches a ledger that is in use."""

    async def is_lost(self) -> bool:
        """Return whether the ledger lost its data."""

    async def restore(self, remembered: Sequence[Remembered]) -> bool:
        """Give back what was remembered; return False if the ledger is in use again."""

    async def seal(self, governed: Governed) -> bool:
        """Put it to use again; return False if it already is."""
