"""What an approval takes from shared, limited quantities, and what the ledger found there.

The decision is split in two pure halves around one atomic step. ``assess`` says what an intent
would take (`ReserveRequest`); the ledger grants it or not, for all replicas at once, and reports
what it saw (`Readings`); ``conclude`` turns both into the verdict. Amounts cross this border as
integers, because the ledger counts in integers.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.intent import Direction
from petrosa_cio.risk.reasons import ReasonCode

UNITS_PER_USD = 10_000
"""Ledger units in one USD. 2^53 units, up to which Lua counts exactly, are 900 bn USD."""

MAX_UNITS = 2**53 - 1

_UNITS_PER_USD = Decimal(UNITS_PER_USD)


def to_units(amount_usd: Decimal) -> int:
    """Return an amount in ledger units, rounded up so that exposure is never understated."""
    exact = EXACT.multiply(amount_usd, _UNITS_PER_USD)
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

    A portfolio may show more than the ledger has granted: ``beside`` is what is held besides (or,
    below zero, what stands against it), which the ceiling is less too; and ``floor`` is the least
    that counts as used, whatever the ledger says.

    With ``members`` it takes nothing of its own: it tests the sum of what is used of these
    counters. Such claims stand behind all that take something.
    """

    code: ReasonCode
    counter: str
    amount: int
    ceiling: int | None
    entry: str | None = None
    cut: int = 0
    beside: int = 0
    floor: int = 0
    members: tuple[str, ...] = ()

    def fits(self, used: int) -> bool:
        """Return whether it fits where so many units are used."""
        ceiling = MAX_UNITS if self.ceiling is None else self.ceiling
        return max(used, self.floor) + self.amount <= ceiling


class RateClaim(Struct, frozen=True, gc=False, array_like=True):
    """A wish to be one more event in a sliding window of ``window_ms`` with at most ``ceiling``.

    An event is an intent, approved or not. With ``of_held`` it is an approval that was held, and
    one that came to nothing (withdrawn, undelivered, refused by the engine) is taken out again.
    With ``pauses`` the one intent too many, if nothing else objects to it, pauses its strategy;
    what happened before a person last resumed the strategy does not count.

    Where it is written it is a list of these fields, in this order: so it stands in the record.
    """

    code: ReasonCode
    counter: str
    ceiling: int
    window_ms: int
    entry: str | None = None
    of_held: bool = False
    pauses: bool = False


class OppositeClaim(Struct, frozen=True, gc=False):
    """A wish to open a symbol in a direction, against whatever was held the other way lately.

    Attributes:
        symbol: The symbol.
        direction: The side that is to be opened.
        confidence: The intent's confidence in units of 10^-15, rounded down: of two that differ
            by less than a unit neither is the stronger.
        window_ms: For how long an opening counts, milliseconds.
        rule: What happens then: ``first_wins``, ``strongest_wins`` or ``both_denied``.
        entry: The policy entry that states the window; the ledger does not read it.
    """

    symbol: str
    direction: Direction
    confidence: int
    window_ms: int
    rule: str
    entry: str | None = None


class DriftClaim(Struct, frozen=True, gc=False):
    """A wish to open a symbol at a price not too far from those of the openings of the last hour.

    Prices are exact text that compares as the numbers do: see `petrosa_cio.risk.drift`.

    Attributes:
        symbol: The symbol.
        price: Where the order would trade.
        lowest: The lowest price of the hour with which this one is within the limit.
        highest: The highest such price.
        max_bps: The limit, in basis points.
        entry: The policy entry that states it; the ledger does not read it.
    """

    symbol: str
    price: str
    lowest: str
    highest: str
    max_bps: int
    entry: str | None = None


class ReserveRequest(Struct, frozen=True, gc=False, omit_defaults=True):
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
        opposite: For an opening, against what opposes it, where the policy limits that.
        drift: For an opening, its price, where the policy limits how far prices may drift.
        override_id: The override without which it may not be held; whoever is held uses it up.
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
    opposite: OppositeClaim | None = None
    drift: DriftClaim | None = None
    override_id: str | None = None


class DecisionState(StrEnum):
    """Where a decision stands in the ledger."""

    NEW = "new"
    RESERVED = "reserved"
    BEGUN = "begun"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Opponent(Struct, frozen=True, gc=False):
    """What stands against an opening.

    Attributes:
        decision_id: The strongest opening the other way that was held within the window; where the
            symbol is shut, the decision that shut it.
        confidence: Its confidence, in units of 10^-15.
        is_shut: Whether both directions are shut, as two had opposed each other.
    """

    decision_id: str
    confidence: int
    is_shut: bool = False


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
        opponent: What stands against the opening, whether it loses to that or not.
        prices: Lowest and highest price of the openings of the symbol that were held in the last
            hour, as a `DriftClaim` says them; None where there was none.
        paused: True where this very intent paused its strategy.
        override_used_by: The other decision that used the override, if one did.
    """

    held: bool
    used: tuple[int, ...]
    rates: tuple[int, ...]
    time_ms: int
    first_decision: str | None = None
    first_verdict: str = ""
    same_content: bool = False
    name_holder: str | None = None
    opponent: Opponent | None = None
    prices: tuple[str, str] | None = None
    paused: bool = False
    override_used_by: str | None = None


class Reserved(Struct, frozen=True, gc=False):
    """The ledger's answer to one request.

    Attributes:
        readings: What was read when the decision was first made, also on redelivery while it is
            ``reserved``; afterwards empty but for ``time_ms``, the ledger's time of this answer.
        state: State in which the decision was found now.
        resumable: The assessment of the first attempt, while the decision is ``reserved``.
        detail: For ``begun`` the owner, for ``done`` the verdict, for ``withdrawn`` the reason; for
            ``reserved`` the reason for which the fence will withdraw it, if there is one.
        since_ms: When it came to that state, ledger's clock; 0 for a new one.
    """

    readings: Readings
    state: DecisionState
    resumable: str | None = None
    detail: str = ""
    since_ms: int = 0
