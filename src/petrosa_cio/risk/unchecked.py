"""Denials without a check: of an intent that is part of a flood, and where the gate itself failed.

What was seen then is not of the message nor of the snapshot, so it is an input of its own, and
recorded as one: from it the same denial is made again.
"""

from msgspec import Struct

from petrosa_cio.risk.claims import RateClaim
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.reasons import Reason, ReasonCode
from petrosa_cio.risk.shared_limits import rate_reason, rates_of
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.verdict import Assessment


class Flood(Struct, frozen=True, gc=False):
    """That an intent is part of a flood, as the gate saw it.

    Attributes:
        place: Which of the rates that the intent counts against is exceeded, from 0.
        tried: How often it was tried within that rate's window.
    """

    place: int
    tried: int


def flood_reason(rate: RateClaim, tried: int) -> Reason:
    """Return why an intent of a flood is denied."""
    return rate_reason(rate, f"a flood of more than {tried}")


def rates_in_force(intent: Intent, snapshot: Snapshot) -> tuple[RateClaim, ...]:
    """Return the rates that an intent counts against."""
    return rates_of(intent, snapshot.limits_for(intent.strategy, intent.symbol))


def shed(intent: Intent, snapshot: Snapshot, flood: Flood) -> Assessment:
    """Return the assessment of an intent that is part of a flood.

    Raises:
        IndexError: No such rate is in force.
    """
    reason = flood_reason(rates_in_force(intent, snapshot)[flood.place], flood.tried)
    revision = snapshot.policy.revision if snapshot.policy else 0
    return Assessment((reason,), policy_revision=revision)


def failed_on(failure: str) -> tuple[Malformed, Assessment]:
    """Return what is said of a message on which the gate itself failed.

    Args:
        failure: Name of the exception.
    """
    reason = Reason(ReasonCode.CHECK_FAILED, observed=failure, scope="gate")
    intent = Malformed(f"the gate failed on it: {failure}")
    return intent, Assessment((reason,), asks_ledger=False)
