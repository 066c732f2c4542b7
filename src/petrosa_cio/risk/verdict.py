"""The two halves of a decision as values: what was assessed, and what was concluded."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from petrosa_cio.risk.claims import Claim, DriftClaim, OppositeClaim, RateClaim
from petrosa_cio.risk.reasons import Effect, Reason
from petrosa_cio.risk.sizing import Size


class VerdictKind(StrEnum):
    """What the Nurse says. Only ``approve`` and ``reduce`` become a signal."""

    APPROVE = "approve"
    REDUCE = "reduce"
    DENY = "deny"


class Lifted(Struct, frozen=True, gc=False):
    """What an override lifts, and what would be said without it.

    Attributes:
        override_id: The override.
        reasons: The objections that it lifts, in table order.
        claims: The claims with the ceilings that would count without it.
        rates: The rates likewise.
    """

    override_id: str
    reasons: tuple[Reason, ...]
    claims: tuple[Claim, ...]
    rates: tuple[RateClaim, ...]


class Assessment(Struct, frozen=True, gc=False):
    """What can be said of an intent before the ledger is asked.

    Attributes:
        reasons: Every objection, in table order.
        size: The size asked for; None for exits without one and where none can be told.
        quantity: The quantity that would be approved, in base units.
        claims: Exposure that an approval takes.
        rates: Rates that the intent counts against, and how often its like was held.
        opposite: For an opening, against what opposes it, where that is limited.
        drift: For an opening, its price, where the drift of prices is limited.
        lifted: What an override lifts for this one order, where one does.
        expires_at: When the intent becomes stale; it is never promoted after that.
        asks_ledger: False where the message alone decides, as it is no intent at all.
        halted_denies_exits: Whether a halt stops exits too, for the fence.
        policy_revision: Revision decided under; 0 without a policy.
    """

    reasons: tuple[Reason, ...]
    size: Size | None = None
    quantity: Decimal | None = None
    claims: tuple[Claim, ...] = ()
    rates: tuple[RateClaim, ...] = ()
    expires_at: datetime | None = None
    asks_ledger: bool = True
    halted_denies_exits: bool = False
    policy_revision: int = 0
    opposite: OppositeClaim | None = None
    drift: DriftClaim | None = None
    lifted: Lifted | None = None

    @property
    def denies(self) -> bool:
        """True when an objection already denies the intent, whatever the ledger says."""
        return any(reason.effect is Effect.DENY for reason in self.reasons)


class Verdict(Struct, frozen=True, gc=False):
    """The answer to an intent.

    Attributes:
        kind: Approve, reduce or deny.
        reasons: Every reason, in table order.
        quantity: The approved quantity in base units; None when denied, or for an exit without one.
        requested_quantity: What the intent asked for, if it can be told.
        price: The price the size is valued at, USD.
        first_decision: For a repetition, the decision whose answer this repeats.
        first_verdict: What that decision came to.
        override_id: The override that lifted limits for it, if one did.
        lifted: What would have been objected to without that.
    """

    kind: VerdictKind
    reasons: tuple[Reason, ...]
    quantity: Decimal | None = None
    requested_quantity: Decimal | None = None
    price: Decimal | None = None
    first_decision: str | None = None
    first_verdict: str = ""
    override_id: str | None = None
    lifted: tuple[Reason, ...] = ()

    @property
    def is_promoted(self) -> bool:
        """True when this verdict becomes a signal."""
        return self.kind is not VerdictKind.DENY
