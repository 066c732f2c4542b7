"""Warning bands: when a shared limit is half used, four fifths used, or full.

Only what is shared has bands: exposure, and rates in a window of time. The limits on one order have
none, as no order brings the next one closer to them.

The ledger reads and takes in one atomic step. So what was in use before a decision and what is in
use after it are exact, and of all replicas only the one that decided sees a band crossed. What was
taken counts even where the approval is withdrawn later: else what was granted meanwhile would have
crossed the band unseen.
"""

from decimal import Decimal

from msgspec import Struct

from petrosa_cio.risk.claims import Claim, RateClaim, Readings, from_units
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.shared_limits import SHARED_LIMIT_FIELDS, rate_counters
from petrosa_cio.risk.summed_limits import NET_LIMITS
from petrosa_cio.risk.verdict import Assessment

_USD, _ORDERS = "USD", "max_open_orders"

BANDS = (50, 80, 100)
"""In percent of the limit."""

FULL = BANDS[-1]

LEAST_EVENTS = 2
"""A rate that allows fewer events has no bands: the first one fills it, as it is meant to."""

BANDED_LIMITS = tuple(
    name for names in SHARED_LIMIT_FIELDS.values() for name in names if name.startswith("max_")
)
"""The limits that have bands."""


class Taken(Struct, frozen=True, gc=False):
    """How full one decision found a shared limit, and how full it left it.

    Attributes:
        claim: What it asked for.
        limit: The limit, in ledger units for exposure, in events for a rate.
        before: In use before it.
        after: In use after it; the same where nothing was taken.
        window_ms: Length of a rate's window; 0 for exposure.
        is_refused: Whether it was denied because too little of the limit was left.
    """

    claim: Claim | RateClaim
    limit: int
    before: int
    after: int
    window_ms: int
    is_refused: bool


class Crossing(Struct, frozen=True, gc=False):
    """A limit that has come to a band.

    Attributes:
        limit: Its field in the policy.
        code: The reason code that it denies with.
        scope: The counter: ``gross``, ``position:BTCUSDT:long``, ``intents:momentum``.
        band_pct: The band, percent of the limit.
        used: In use now, in the limit's unit.
        value: The limit.
        unit: Unit of both.
        entry: The policy entry that states it.
        is_refused: Whether an intent was denied because too little of it was left.
    """

    limit: str
    code: ReasonCode
    scope: str
    band_pct: int
    used: Decimal
    value: Decimal
    unit: str
    entry: str | None
    is_refused: bool


def is_far_from_bands(assessment: Assessment, readings: Readings) -> bool:
    """Return whether every shared limit stays below the lowest band, taken or not: the usual case.

    Args:
        assessment: What was asked of the ledger.
        readings: What the ledger read before it took anything.
    """
    lowest, full = BANDS[0], FULL
    for rate, used in zip(assessment.rates, readings.rates, strict=True):
        ceiling = rate.ceiling
        if (used + 1) * full >= ceiling * lowest and ceiling >= LEAST_EVENTS:
            return False
    for claim, used in zip(assessment.claims, readings.used, strict=True):
        most = claim.ceiling
        if most is None:
            continue
        beside = claim.beside
        if (max(used, claim.floor) + beside + claim.amount) * full >= (most + beside) * lowest:
            return False
    return True


def all_taken(assessment: Assessment, readings: Readings) -> list[Taken]:
    """Return each shared limit that a decision asked for and that has bands.

    Args:
        assessment: What was asked of the ledger.
        readings: What the ledger read before it took anything.
    """
    return [*_rates_taken(assessment, readings), *_claims_taken(assessment, readings)]


def _rates_taken(assessment: Assessment, readings: Readings) -> list[Taken]:
    """Return the rates.

    An intent counts, approved or not, unless it is over one of them; where only approvals count,
    it counts if it was held.
    """
    pairs = list(zip(assessment.rates, readings.rates, strict=True))
    is_counted = not [used for rate, used in pairs if used >= rate.ceiling and not rate.of_held]
    counts = {False: is_counted, True: readings.held}
    return [
        Taken(
            rate, rate.ceiling, used, used + counts[rate.of_held], rate.window_ms,
            used >= rate.ceiling,
        )
        for rate, used in pairs
        if rate.ceiling >= LEAST_EVENTS
    ]  # fmt: skip


def _claims_taken(assessment: Assessment, readings: Readings) -> list[Taken]:
    """Return the exposures. An order that not even an empty limit lets pass says nothing of use."""
    held = readings.held
    may_be_full = not held and _only_the_limits_object(assessment, readings)
    found = []
    for claim, used in zip(assessment.claims, readings.used, strict=True):
        if claim.ceiling is None or claim.amount > claim.ceiling:
            continue
        before = max(used, claim.floor) + claim.beside
        after = max(used + claim.amount, claim.floor) + claim.beside if held else before
        limit, refused = claim.ceiling + claim.cut + claim.beside, not claim.fits(used)
        found.append(Taken(claim, limit, before, after, 0, may_be_full and refused))
    return found


def _only_the_limits_object(assessment: Assessment, readings: Readings) -> bool:
    unique = readings.first_decision is None and readings.name_holder is None
    return unique and not assessment.denies


def crossed_bands(taken: Taken) -> tuple[int, ...]:
    """Return the bands that a decision brought a limit to; a refusal is as good as full."""
    if taken.is_refused:
        return (FULL,)
    before, after, limit = taken.before * 100, taken.after * 100, taken.limit
    if after < BANDS[0] * limit:
        return ()
    return tuple(band for band in BANDS if before < band * limit <= after)


def crossing(taken: Taken, band_pct: int, intent: Intent) -> Crossing:
    """Return what there is to say of a band that was reached.

    Args:
        taken: The limit.
        band_pct: The band.
        intent: What was decided.
    """
    claim, name = taken.claim, _limit_name(taken.claim, intent)
    in_unit = from_units if isinstance(claim, Claim) else Decimal
    return Crossing(
        limit=name,
        code=claim.code,
        scope=claim.counter,
        band_pct=band_pct,
        used=in_unit(taken.after),
        value=in_unit(taken.limit),
        unit=_USD if isinstance(claim, Claim) and name != _ORDERS else LIMIT_KINDS[name].unit,
        entry=claim.entry,
        is_refused=taken.is_refused,
    )


def _limit_name(claim: Claim | RateClaim, intent: Intent) -> str:
    """Return the field that states the limit; where several have one code, the window tells."""
    fields = SHARED_LIMIT_FIELDS[claim.code]
    if isinstance(claim, Claim) and intent.direction in NET_LIMITS and len(fields) > 1:
        return NET_LIMITS[intent.direction]
    if len(fields) == 1 or isinstance(claim, Claim):
        return fields[0]
    counters = rate_counters(intent.token, intent.symbol)
    window = (claim.counter, claim.window_ms)
    return next(name for name in fields if counters.get(name) == window)
