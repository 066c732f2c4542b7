"""The controls on what was approved lately: the same once more, too often, or the opposite.

Only openings that were held count, so that one that is denied never stands in another's way. The
ledger keeps them, tests and takes in one atomic step; here is what an intent asks of it and what
its readings mean, with the same arithmetic on both sides.
"""

from decimal import Decimal
from hashlib import blake2b

from petrosa_cio.risk.claims import Opponent, OppositeClaim, RateClaim, Readings
from petrosa_cio.risk.exact import EXACT
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.reasons import Reason, ReasonCode

DAY_MS = 86_400_000

FIRST_WINS = "first_wins"
STRONGEST_WINS = "strongest_wins"
BOTH_DENIED = "both_denied"

CONFIDENCE_UNITS = 10**15
"""Units in a confidence of 1: as fine as 2^53, up to which Lua counts exactly, allows."""

_UNITS = Decimal(CONFIDENCE_UNITS)

_CONTENT_REPEATED = ReasonCode.CONTENT_REPEATED
_REPEATED_EXECUTION = ReasonCode.REPEATED_EXECUTION
_SIGNAL_CONFLICT = ReasonCode.SIGNAL_CONFLICT


def repetitions_of(intent: Intent, in_force: InForce) -> tuple[RateClaim, ...]:
    """Return how often the like of an opening may have been held before it."""
    limits = in_force.limits
    seconds, most = limits.min_seconds_between_repeats, limits.max_same_executions_per_day
    found: tuple[RateClaim, ...] = ()
    if intent.direction is None or (not seconds and most is None):
        return found
    if seconds:
        entry = in_force.entries.get("min_seconds_between_repeats")
        counter, window_ms = content_counter(intent), seconds * 1000
        found = (RateClaim(_CONTENT_REPEATED, counter, 1, window_ms, entry, of_held=True),)
    return found if most is None else found + _executions(intent, most, in_force)


def _executions(intent: Intent, most: int, in_force: InForce) -> tuple[RateClaim, ...]:
    counter = f"executions:{intent.token}:{intent.symbol}:{intent.direction}"
    found = in_force.rates.get(counter)
    if found is None:
        entry = in_force.entries.get("max_same_executions_per_day")
        once_more = RateClaim(
            _REPEATED_EXECUTION, counter, most, DAY_MS, entry, of_held=True, pauses=True
        )
        found = in_force.keep_rates(counter, (once_more,))
    return found


def content_counter(intent: Intent) -> str:
    """Return the name under which openings of the same content are counted.

    What is the same is strategy, symbol, action and the size as it is stated; prices are not looked
    at. A size of 0 is none.
    """
    sizes = (intent.quantity, intent.position_size_pct, intent.quote_quantity)
    stated = (str(size.normalize(EXACT)) if size else "" for size in sizes)
    # Names have no control characters, so no two different contents read the same.
    content = "\x1f".join((intent.strategy, intent.symbol, intent.action, *stated))
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"content:{digest}"


def opposite_claim(intent: Intent, in_force: InForce) -> OppositeClaim | None:
    """Return what an opening asks of those the other way; None where that is not limited."""
    limits, direction = in_force.limits, intent.direction
    seconds = limits.min_seconds_between_opposites
    if not seconds or direction is None:
        return None
    return OppositeClaim(
        symbol=intent.symbol,
        direction=direction,
        confidence=_confidence_units(intent.confidence),
        window_ms=seconds * 1000,
        rule=limits.on_conflict or FIRST_WINS,
        entry=in_force.entries.get("min_seconds_between_opposites"),
    )


def _confidence_units(confidence: Decimal | None) -> int:
    """Return a confidence as the ledger compares it; one that is none is denied elsewhere."""
    if confidence is None or not confidence.is_finite() or not 0 <= confidence <= 1:
        return 0
    return int(EXACT.multiply(confidence, _UNITS))


def loses_to(claim: OppositeClaim, opponent: Opponent | None) -> bool:
    """Return whether an opening is denied for what stands against it."""
    if opponent is None:
        return False
    is_stronger = claim.confidence > opponent.confidence
    return opponent.is_shut or claim.rule != STRONGEST_WINS or not is_stronger


def conflict_reasons(readings: Readings, claim: OppositeClaim) -> list[Reason]:
    """Return what openings the other way object to."""
    opponent = readings.opponent
    if opponent is None or not loses_to(claim, opponent):
        return []
    rule = claim.rule.replace("_", " ")
    confidence = (Decimal(opponent.confidence) / _UNITS).normalize()
    return [
        Reason(
            _SIGNAL_CONFLICT,
            limit=f"{rule}, {claim.window_ms // 1000} s",
            observed=f"{opponent.decision_id} with confidence {confidence:f}",
            scope=claim.symbol,
            entry=claim.entry,
        )
    ]


def repetition_reason(rate: RateClaim, used: int, readings: Readings) -> Reason | None:
    """Return what too many of the same object to."""
    if not rate.pauses and readings.first_decision is not None:
        return None  # no other intent but the same id again, which is objected to as such
    window = "24 h" if rate.pauses else f"{rate.window_ms // 1000} s"
    return Reason(
        rate.code,
        limit=f"{rate.ceiling} in {window}",
        observed=str(used + 1),
        scope=rate.counter if rate.pauses else "",
        entry=rate.entry,
    )
