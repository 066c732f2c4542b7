"""What an approval takes from shared, limited quantities, and what the ledger found there.

The decision is split in two pure halves around one atomic step. ``assess`` says what an intent
would take (`ReserveRequest`); the ledger grants it or not, for all replicas at once, and reports
what it saw (`Readings`); ``conclude`` turns both into the verdict. Amounts cross this border as
integers, because the ledger counts in integers.
"""

from decimal import Context, Decimal
from enum import StrEnum

from msgspec import Struct

from petrosa_cio.risk.reasons import ReasonCode

UNITS_PER_USD = 10_000
"""Ledger units in one USD. 2^53 units, up to which Lua counts exactly, are 900 bn USD."""

MAX_UNITS = 2**53 - 1

_EXACT = Context(prec=80)
_UNITS_PER_USD = Decimal(UNITS_PER_USD)


def to_units(amount_usd: Decimal) -> int:
    """Return an amount in ledger units, rounded up so that exposure is never understated."""
    exact = _EXACT.multiply(amount_usd, _UNITS_PER_USD)
    whole = int(exact)
    return whole + 1 if exact > whole else whole


def from_units(units: int) -> Decimal:
    """Return ledger units as an exact amount in USD."""
    return Decimal(units) / UNITS_PER_USD


class Claim(Struct, frozen=True, gc=False):
    """A wish to take ``amount`` units from a counter that may not exceed ``ceiling`` units.

    A claim without a ceiling is booked all the same, so that a limit set later finds the truth.
    ``entry`` names the policy entry that states the ceiling; the ledger does not read it.

    Where other limits reduced the size, ``amount`` is what the reduced size takes, while the limit
    tests the size that was asked for: else a policy that cuts sizes could let pass what a looser
    one denies. The difference is ``cut``, and ``ceiling`` is the limit less it.
    """

    code: ReasonCode
    counter: str
    amount: int
    ceiling: int | None
    entry: str | None = None
    cut: int = 0


class RateClaim(Struct, frozen=True, gc=False):
    """A wish to be one more event in a sliding window of ``window_ms`` with at most ``ceiling``."""

    code: ReasonCode
    counter: str
    ceiling: int
    window_ms: int
    entry: str | None = None


class ReserveRequest(Struct, frozen=True, gc=False):
    """All that one intent asks of the ledger.

    Attributes:
        decision_id: Identity of the decision; stable under redelivery.
        taken_at_ms: Stream time of the intent, epoch milliseconds; says where its decision is kept.
        identity: Fingerprint of (strategy, stated id), or None when the intent states no id.
        digest: Fingerprint of what the intent wants, to tell a repetition from a reused id.
        strategy: The strategy's name as stated.
        token: The name as one subject token; two names may not share one.
        hold: True when nothing objected so far: take everything if everything fits.
        claims: Exposure taken, all or nothing.
        rates: Rates tested and, unless one is exceeded, counted.
        resumable: The serialised assessment, given back on redelivery while the decision is open.
        from_door: True for a request through the synchronous door, which a crash may abandon.
    """

    decision_id: str
    taken_at_ms: int
    identity: str | None
    digest: str
    strategy: str
    token: str
    hold: bool
    claims: tuple[Claim, ...]
    rates: tuple[RateClaim, ...]
    resumable: str
    from_door: bool = False


class DecisionState(StrEnum):
    """Where a decision stands in the ledger."""

    NEW = "new"
    RESERVED = "reserved"
    BEGUN = "begun"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Readings(Struct, frozen=True, gc=False):
    """What the ledger saw when it was asked, before it took anything.

    Attributes:
        held: True when the claims were taken.
        used: Units in use per claim, before this one.
        rates: Events in the window per rate claim, before this one.
        time_ms: The ledger's own clock, epoch milliseconds.
        first_decision: The decision that already holds this identity, if another does.
        first_verdict: What that decision came to (``approve``, ``reduce``, ``deny``), empty while
            open.
        same_content: Whether that decision wanted the same thing.
        name_holder: The other strategy name that holds this token, if any.
    """

    held: bool
    used: tuple[int, ...]
    rates: tuple[int, ...]
    time_ms: int
    first_decision: str | None = None
    first_verdict: str = ""
    same_content: bool = False
    name_holder: str | None = None


class Reserved(Struct, frozen=True, gc=False):
    """The ledger's answer to one request.

    Attributes:
        readings: What was read when the decision was first made, also on redelivery while it is
            ``reserved``; afterwards empty but for ``time_ms``, the ledger's time of this answer.
        state: State in which the decision was found now.
        resumable: The assessment of the first attempt, while the decision is ``reserved``.
        detail: For ``begun`` the owner, for ``done`` the verdict, for ``withdrawn`` the reason.
        since_ms: When it came to that state, ledger's clock; 0 for a new one.
    """

    readings: Readings
    state: DecisionState
    resumable: str | None = None
    detail: str = ""
    since_ms: int = 0
