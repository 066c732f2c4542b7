"""What the program needs from the outside world, as small protocols.

Adapters implement them; the same contract tests run on each implementation. Every method raises
`petrosa_cio.errors.Unavailable` when the dependency is away or slow, and nothing else of its own.

The module is longer than others, as it is the one list of all that is outside; nothing in it runs.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from petrosa_cio.risk.claims import DecisionState, Reserved, ReserveRequest
from petrosa_cio.risk.trading_state import Scope, TradingState, TradingStates


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


class TradingStateStore(Protocol):
    """Holds the kill switch."""

    async def trading_states(self) -> TradingStates:
        """Return every stated trading state and the epoch."""

    async def set_trading_state(
        self, scope: Scope, state: TradingState, *, reason: str, author: str
    ) -> int:
        """Set one state and return the new epoch. Setting it again changes nothing and is fine."""


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """The policy document in force, as stored.

    Attributes:
        revision: Grows by one with every activation; 0 where the store holds none that reads.
        tightened_revision: The newest revision that was tighter than its parent in any field.
        document: Canonical JSON of policy and overlays.
        signed: The signed statement that this is that revision, as JSON; empty where nobody
            signed.
    """

    revision: int
    tightened_revision: int
    document: bytes
    signed: bytes = b""


class PolicyStore(Protocol):
    """Holds the active policy, for the gates: a projection of the `RevisionStore`."""

    async def active_policy(self) -> ActivePolicy | None:
        """Return the active policy, or None when the store holds none."""

    async def put_policy(
        self, policy: ActivePolicy, *, instead_of: ActivePolicy | None = None
    ) -> bool:
        """Put a revision in force if what is there is older, or still ``instead_of``; else False.

        An older revision never replaces a newer one, unless it is that very one.
        """


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One field that a change of policy moves, in words.

    Attributes:
        path: The field, such as ``fund.max_order_notional_usd``.
        change: ``tighter``, ``looser`` or ``mixed``.
        old: What it was; empty where nothing was stated.
        new: What it is; empty where nothing is stated any more.
    """

    path: str
    change: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One revision of the policy, with who made it and why. It never changes.

    Attributes:
        fund: The fund that it governs.
        revision: Counted 1, 2, 3...
        parent: The revision that it was made of; 0 for the first.
        content_of: The revision whose content it repeats; None where the content is its own.
        document: Canonical JSON of policy and overlays.
        document_hash: SHA-256 of that, hexadecimal.
        tightened_revision: The newest revision, up to this one, that was tighter than its parent
            in any field.
        author: Name of who made it.
        role: What they were trusted with.
        thought: Why, in their words.
        change: Beside its parent: ``tighter``, ``looser``, ``mixed``, ``equal`` or ``first``.
        diff: Every field that it moves.
        at: When it was made, aware UTC, to the millisecond.
        key_id: Which key signed it.
        signature: The ed25519 signature, base64.
    """

    fund: str
    revision: int
    parent: int
    content_of: int | None
    document: str
    document_hash: str
    tightened_revision: int
    author: str
    role: str
    thought: str
    change: str
    diff: tuple[ChangedField, ...]
    at: datetime
    key_id: str = ""
    signature: str = ""


class RevisionStore(Protocol):
    """Every revision of one fund's policy: the truth, of which the `PolicyStore` shows the newest.

    Revisions are added and found, never changed.
    """

    async def newest(self) -> PolicyRevision | None:
        """Return the newest revision, or None where there is none."""

    async def revision(self, number: int) -> PolicyRevision | None:
        """Return one revision, or None where there is none of that number."""

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[PolicyRevision]:
        """Return revisions, the newest first: those below ``before``, at most ``limit``."""

    async def add(self, revision: PolicyRevision) -> bool:
        """Add a revision; return False if one of its number is there."""


class RegimeStore(Protocol):
    """Holds the market regime by symbol, as JSON documents of the caller's making.

    What was observed and what people say instead are kept apart.
    """

    async def regimes(self) -> dict[str, bytes]:
        """Return every observed regime by symbol; ``*`` is the default of all symbols."""

    async def set_regime(self, symbol: str, document: bytes) -> None:
        """Store one observed regime."""

    async def replace_regime(
        self, symbol: str, document: bytes, *, instead_of: bytes | None
    ) -> bool:
        """Store one observed regime if what is stored is still this, or nothing; else False."""

    async def clear_regime(self, symbol: str) -> bool:
        """Forget one observed regime; return whether there was one."""

    async def regime_overrides(self) -> dict[str, bytes]:
        """Return every stored override by symbol or ``*``, those that are over among them."""

    async def set_regime_override(self, symbol: str, document: bytes) -> None:
        """Store one override."""

    async def clear_regime_override(self, symbol: str) -> bool:
        """Forget one override; return whether there was one."""


@dataclass(frozen=True, slots=True)
class VenueRulesMark:
    """Which version of the venue's rules the store holds.

    Attributes:
        content_hash: SHA-256 of their canonical form.
        source: Who was asked.
        confirmed_at: When it last said so, aware UTC.
        symbols: How many symbols they are for.
        answered_symbols: How many of those the answer named; the others come from files.
    """

    content_hash: str
    source: str
    confirmed_at: datetime
    symbols: int
    answered_symbols: int


class VenueRulesStore(Protocol):
    """Holds the venue's rules, where they are asked for and not only read from files."""

    async def venue_rules_mark(self) -> VenueRulesMark | None:
        """Return which version is held, or None; one that does not read is none."""

    async def venue_rules_document(self) -> bytes | None:
        """Return the packed rules, or None."""

    async def set_venue_rules(self, mark: VenueRulesMark, document: bytes) -> None:
        """Hold this version from now on."""


class OverrideStore(Protocol):
    """Holds overrides for single orders, signed, until they are used or long over."""

    async def overrides(self) -> dict[str, bytes]:
        """Return every override that nobody used, by name; those that are over may be among."""

    async def put_override(self, override_id: str, document: bytes) -> bool:
        """Keep an override; return False if it was used."""

    async def override_user(self, override_id: str) -> str | None:
        """Return the decision that used an override lately, or None."""


class GovernanceStore(PolicyStore, TradingStateStore, RegimeStore, OverrideStore, Protocol):
    """The store of everything that governs."""


class Delivery(Struct, frozen=True, gc=False):
    """One captured message of a durable stream.

    Attributes:
        subject: Where it was published.
        headers: Its headers.
        body: Its payload, untouched.
        stream: Name of the stream.
        stream_created_ns: Creation time of the stream, to tell two streams of one name apart.
        sequence: Its number in the stream.
        stored_at: When the stream stored it.
        reply: The acknowledgement address, the adapter's own business.
    """

    subject: str
    headers: dict[str, str]
    body: bytes
    stream: str
    stream_created_ns: int
    sequence: int
    stored_at: datetime
    reply: str


class Intake(Protocol):
    """The durable stream of intents, shared by all replicas."""

    async def next_batch(self, limit: int) -> list[Delivery]:
        """Wait for at least one delivery and return up to ``limit`` that are there."""

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are finished for good."""

    async def give_back(self, deliveries: Sequence[Delivery], *, delay_s: float) -> None:
        """Ask for redelivery of these, to any replica, after a delay."""

    def take_waiting(self) -> list[Delivery]:
        """Return, without waiting, what was delivered here and not yet taken."""


class Backlog(Protocol):
    """How much of a stream its consumer still has before it."""

    async def waiting(self) -> int:
        """Return how many messages were delivered to nobody yet."""

    async def outstanding(self) -> int:
        """Return how many deliveries are not acknowledged, by anybody."""


class Journal(Protocol):
    """The durable, ordered log of verdicts, written before the effect."""

    async def append(self, records: Sequence[bytes]) -> int:
        """Write records durably, in order, and return the last journal sequence."""


class SignalMessage(Struct, frozen=True, gc=False):
    """A promoted intent on its way to the order engine."""

    decision_id: str
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a batch of signals after it was sent.

    Attributes:
        undelivered: Decisions whose signal provably reached nobody.
        unconfirmed: Decisions of which nothing is known, as the connection broke meanwhile.
    """

    undelivered: frozenset[str] = frozenset()
    unconfirmed: frozenset[str] = frozenset()

    @property
    def unsure(self) -> frozenset[str]:
        """Decisions whose signal is not simply on its way."""
        return self.undelivered | self.unconfirmed


class SignalBus(Protocol):
    """The way out to the order engine. Never buffers while disconnected, never sends twice."""

    async def send(self, signals: Sequence[SignalMessage], *, until: float) -> None:
        """Write each signal once, but none after ``until``, in seconds of the monotonic clock.

        Never raises Unavailable: `confirm` tells what became of them.
        """

    async def confirm(self, decision_ids: Sequence[str]) -> Published:
        """Return what is known of signals that were sent; to be asked once, by one at a time."""


class Announcer(Protocol):
    """Tells live watchers what happened. It promises nothing and never raises."""

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish (subject, body) pairs."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One journal message, which holds a batch of records."""

    sequence: int
    stored_at: datetime
    records: tuple[bytes, ...]
    reply: str


class JournalReader(Protocol):
    """Reads the journal in order, for the drain."""

    async def next_entries(self, limit: int) -> list[JournalEntry]:
        """Wait for at least one entry and return up to ``limit``."""

    async def acknowledge(self, entries: Sequence[JournalEntry]) -> None:
        """Say that these are stored for good."""

    async def purge(self, before_sequence: int) -> None:
        """Drop entries below a sequence: those that are stored and no longer needed here."""


class Stored(Struct, frozen=True, gc=False):
    """One message of a stream, read and not taken.

    Attributes:
        sequence: Its number in the stream.
        stored_at: When the stream stored it.
        subject: Where it was published.
        body: Its payload; empty where only headers are read.
    """

    sequence: int
    stored_at: datetime
    subject: str
    body: bytes = b""


class StreamEnds(Struct, frozen=True, gc=False):
    """Where a stream begins and ends.

    Attributes:
        created_ns: When it was made, to tell two streams of one name apart.
        first: Number of its oldest message.
        last: Number that its newest message has, or had.
    """

    created_ns: int
    first: int
    last: int


JournalPlace = tuple[int, int]
"""Journal sequence, and index within the entry."""


class Kept(Struct, frozen=True, gc=False):
    """What the record has of one decision.

    Attributes:
        verdict: ``approve``, ``reduce`` or ``deny``; empty where it has no verdict.
        places: Where in the journal each of its records stood, by kind.
        journaled_at: When its verdict was journaled; None without one.
    """

    verdict: str
    places: dict[str, JournalPlace]
    journaled_at: datetime | None = None

    def has(self, *kinds: str) -> bool:
        """Return whether any of these kinds is recorded."""
        return any(kind in self.places for kind in kinds)


OVER = "over"
"""Kind of the document that says that a finding is over: it names the finding under ``ends``, its
kind under ``of``, and under ``began_at`` when it was found."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain of records.

    Attributes:
        seq: Position of its last record; 0 where there is none.
        hash: Hash of that record.
    """

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of traces that were to continue the chain.

    Attributes:
        stored: How many, from the first on, now stand in the chain.
        refused: Which one can never be stored as it is; None if none.
        why: Why it cannot.
    """

    stored: int
    refused: int | None = None
    why: str = ""


class Archive(Protocol):
    """The record, with all that the drain needs of it. It inserts and finds, and nothing else."""

    async def head(self) -> Head | None:
        """Return the end of the chain; None where there is no record."""

    async def append(self, traces: Sequence[dict[str, object]]) -> Appended:
        """Insert chained traces in order, and stop at the first whose place is taken."""

    async def stored(self, ids: Sequence[str]) -> Collection[str]:
        """Return which of some traces are stored."""

    async def set_aside(self, lines: Sequence[dict[str, object]]) -> int:
        """Keep poisoned lines, idempotently by ``_id``, and return how many were new."""

    async def verdicts_of(self, decision_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the stored verdicts of some decisions, by decision id."""

    async def sequence_at(self, moment: datetime) -> int:
        """Return the journal sequence of the newest trace journaled until then; 0 if none."""


class PastVerdict(Struct, frozen=True, gc=False):
    """One verdict that was given, as far as it is counted.

    Attributes:
        at: The moment of decision, aware UTC.
        strategy: The strategy's name; None where a malformed message states none.
        symbol: The symbol, alike.
        verdict: ``approve``, ``reduce`` or ``deny``.
        codes: The codes of its reasons, in table order.
    """

    at: datetime
    strategy: str | None
    symbol: str | None
    verdict: str
    codes: tuple[str, ...]


class PastVerdicts(Protocol):
    """Reads from the record what was decided in a span of time: ``since``, up to ``until``."""

    def verdicts(self, since: datetime, until: datetime) -> AsyncIterator[PastVerdict]:
        """Iterate over the verdicts, in no order. Each is held only while it is looked at."""

    async def befell(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """Return how many approvals met each later fate, by kind of record, if any did."""


class PastRecords(Protocol):
    """Reads records back, in the bytes in which they were journaled."""

    async def change(self, change_id: str) -> bytes | None:
        """Return the record of a change by its identity, or None."""

    async def verdicts_called(self, name: str) -> list[bytes]:
        """Return the records of the verdicts that go by a name, the oldest first.

        Args:
            name: A decision id, or what a bot called its intent.
        """

    async def later(self, decision_id: str) -> list[bytes]:
        """Return the records of what became of a decision afterwards, the oldest first."""

    async def count(self, since: datetime, until: datetime) -> int:
        """Return how many verdicts were given from ``since`` on, before ``until``."""

    def verdict_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over their records, in no order."""

    def later_records(self, since: datetime, until: datetime) -> AsyncIterator[bytes]:
        """Iterate over what became of approvals, journaled in a span of time, in no order."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of policy that somebody wants, exactly as it would come into force.

    Attributes:
        proposal_id: SHA-256 of everything else, hexadecimal: another content has another name.
        fund: The fund.
        parent: The revision that it replaces, and no other.
        content_of: The revision whose content it repeats, where it is a rollback.
        document: Canonical JSON of policy and overlays.
        author: Who wants it.
        role: What the author was trusted with then.
        thought: Why.
        at: When it was made, aware UTC.
        expires_at: From when on it cannot be approved or activated any more, aware UTC.
        what_if: What it would have made otherwise of the recent past, as JSON text; empty where
            the program was too old to say.
    """

    proposal_id: str
    fund: str
    parent: int
    content_of: int | None
    document: str
    author: str
    role: str
    thought: str
    at: datetime
    expires_at: datetime
    what_if: str = ""


class StepKind(StrEnum):
    """What somebody does about a proposal."""

    APPROVE = "approve"
    CONFIRM = "confirm"
    REJECT = "reject"
    USE = "use"


@dataclass(frozen=True, slots=True)
class ProposalStep:
    """What one person did about a proposal.

    Attributes:
        proposal_id: The proposal, by its content.
        kind: ``approve``, ``confirm`` (once more, where one person decides alone), ``reject``, or
            ``use``, of what is done once and not by a revision.
        author: Who did it.
        role: What they were trusted with then.
        reason: Why.
        at: When, aware UTC.
    """

    proposal_id: str
    kind: StepKind
    author: str
    role: str
    reason: str
    at: datetime


class ProposalStore(Protocol):
    """Holds proposals and what was done about them. It inserts and finds, and nothing else."""

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; return False if this very one is there."""

    async def proposals(self, *, called: str = "", limit: int = 50) -> list[Proposal]:
        """Return the proposals whose id begins so, the newest first."""

    async def step(self, step: ProposalStep) -> bool:
        """Keep a step; return False if its author took this very step before."""

    async def steps(self, proposal_ids: Sequence[str]) -> list[ProposalStep]:
        """Return the steps of some proposals, the oldest first."""


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


class ChainLine(Struct, frozen=True, gc=False):
    """One record of the chain, as far as it is read along.

    Attributes:
        seq: Its position.
        kind: What it tells.
        at: The moment that it tells of, aware UTC, to the millisecond.
        journaled_at: When the journal stored it, alike.
        decision_id: The decision, or the identity of a change.
        fund: The fund.
        record: Its own JSON; None for what stands for a poisoned line.
    """

    seq: int
    kind: str
    at: datetime
    journaled_at: datetime
    decision_id: str | None = None
    fund: str | None = None
    record: str | None = None


class RecordTail(Protocol):
    """Reads along the chain of records, while it grows."""

    async def last(self) -> int:
        """Return the position of the last record; 0 where there is none."""

    async def before(self, moment: datetime) -> int:
        """Return the position of the last record that was journaled before a moment; 0 if none."""

    async def lines(self, after: int, *, most: int) -> list[ChainLine]:
        """Return the records at the next ``most`` positions, in order, as far as there are any."""

    async def befell(self, decision_ids: Sequence[str]) -> list[bytes]:
        """Return the records of what became of some approvals afterwards, in no order."""


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """What is kept of one API token. The token itself is known to its owner alone.

    Attributes:
        token_id: Its short name, the beginning of its hash.
        token_hash: SHA-256 of it, hexadecimal.
        name: Whose it is.
        role: What they are trusted with.
        made_by: Who made it.
        made_at: When, aware UTC.
        expires_at: From when on it does not count any more; None for never.
    """

    token_id: str
    token_hash: str
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a token does not count any more.

    Attributes:
        token_id: Its short name.
        author: Who revoked it.
        reason: Why.
        at: When, aware UTC.
    """

    token_id: str
    author: str
    reason: str
    at: datetime


class TokenStore(Protocol):
    """Holds the API tokens of a fund, hashed. It inserts and finds, and nothing else."""

    async def add_token(self, entry: TokenEntry) -> bool:
        """Keep a token; return False if one of that short name is there."""

    async def token(self, token_id: str) -> TokenEntry | None:
        """Return what is kept of a token, or None."""

    async def tokens(self) -> list[TokenEntry]:
        """Return every token, the oldest first."""

    async def revoke(self, revocation: Revocation) -> bool:
        """Keep a revocation; return False if it was revoked before."""

    async def revocations(self) -> dict[str, Revocation]:
        """Return every revocation by the short name of its token."""


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records to find. What is not stated asks for nothing in particular.

    Attributes:
        strategy: Name of a strategy, as it names itself.
        symbol: A symbol, in capitals.
        verdicts: ``approve``, ``reduce``, ``deny``: any of these.
        codes: Reason codes, of which a verdict must give at least one.
        kinds: Kinds of record: any of these.
        since: From this moment of decision on, aware UTC.
        until: Before this moment, alike.
        trace_id: Trace of the intent, 32 hexadecimal digits.
        intent_id: What the bot called its intent.
        decision_id: A decision: its verdict and what became of it.
        fund: The fund.
        oldest_first: Whether the oldest come first, and not the newest.
    """

    strategy: str | None = None
    symbol: str | None = None
    verdicts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    trace_id: str | None = None
    intent_id: str | None = None
    decision_id: str | None = None
    fund: str | None = None
    oldest_first: bool = False


class StoredRecord(Struct, frozen=True, gc=False, rename={"intent_id": "stated_id"}):
    """One record as it stands in the chain. What a kind of record does not tell is None.

    Attributes:
        seq: Its position.
        hash: Its hash, and so that of all before it.
        prev_hash: The hash of the record before.
        kind: What it tells: ``verdict``, ``withdrawal``, ``change``, ...
        at: The moment that it tells of, aware UTC, to the millisecond.
        journaled_at: When the journal stored it, alike.
        decision_id: The decision, or the identity of a change.
        fund: The fund.
        strategy: The strategy, as it names itself.
        symbol: The symbol.
        action: What the bot wants to do.
        intent_id: What the bot calls its intent.
        trace_id: Its trace.
        verdict: ``approve``, ``reduce`` or ``deny``.
        codes: Reason codes, in table order.
        policy_revision: Revision under which it was decided.
        reason: Why an approval came to nothing.
        record: The record's own JSON, as it was journaled.
    """

    seq: int
    hash: str
    prev_hash: str
    kind: str
    at: datetime
    journaled_at: datetime
    decision_id: str | None = None
    fund: str | None = None
    strategy: str | None = None
    symbol: str | None = None
    action: str | None = None
    intent_id: str | None = None
    trace_id: str | None = None
    verdict: str | None = None
    codes: tuple[str, ...] = ()
    policy_revision: int | None = None
    reason: str | None = None
    record: str | None = None


class Place(Struct, frozen=True, gc=False):
    """Where among found records one stands: they are ordered by moment, then by position."""

    at: datetime
    seq: int


class RecordSearch(Protocol):
    """Finds records. Raises `petrosa_cio.errors.RecordUnreadable` besides."""

    async def last_position(self) -> int:
        """Return the position of the last record; 0 where there is none."""

    async def page(
        self, query: RecordQuery, *, after: Place | None, last: int, most: int
    ) -> list[StoredRecord]:
        """Return the next records that a query asks for, in its order.

        Args:
            query: What is asked for.
            after: Where the page before ended; None for the first.
            last: Position of the last record that counts.
            most: Most records to return.
        """

    def walk(self, query: RecordQuery, *, last: int, after: int = 0) -> AsyncIterator[StoredRecord]:
        """Iterate over all records that a query asks for, in the order of the chain.

        Only those at positions beyond ``after``, up to ``last``, count. Each is held only while it
        is looked at. ``oldest_first`` does not matter here.
        """


class ChangePace(Protocol):
    """Keeps changes of the neighbours' settings apart, for every process of a fund together."""

    async def take(self, neighbour: str, author: str) -> int:
        """Count a change that is about to be sent; return 0, or seconds to wait, uncounted."""


@dataclass(frozen=True, slots=True)
class WaitingAlert:
    """An alert that is to be told to whoever asked for alerts.

    Attributes:
        alert_id: Its identity; told twice, it has the same one.
        body: What is told, as JSON.
        tries: How often it was tried.
        since_ms: When it was put here, epoch milliseconds.
    """

    alert_id: str
    body: str
    tries: int
    since_ms: int


class AlertOutbox(Protocol):
    """Holds alerts until they are told. It is bounded, and survives a restart of the program."""

    async def put(self, alert_id: str, body: str, *, now_ms: int) -> bool:
        """Keep an alert, due at once; return False if there is no room. A known one is kept."""

    async def due(self, now_ms: int, limit: int) -> list[WaitingAlert]:
        """Return alerts that are due, the longest due first."""

    async def later(self, alert: WaitingAlert, *, due_ms: int) -> None:
        """Try an alert once more, at a time; it counts one try more."""

    async def done(self, alert_id: str) -> None:
        """Forget an alert: it was told, or given up."""

    async def waiting(self) -> int:
        """Return how many wait."""
