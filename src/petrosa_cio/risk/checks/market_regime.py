"""Checks on the market regime: the semantic veto and the scaling of sizes."""

from petrosa_cio.risk.checks.case import Case, Finding
from petrosa_cio.risk.reasons import Effect


def regime_unknown(case: Case) -> Finding | None:
    """The policy wants the market regime to be known and it is not."""
    if not case.limits.regime_required or case.regime is not None:
        return None
    return Finding("a known market regime", "none", scope=case.intent.symbol)


def regime_stale(case: Case) -> Finding | None:
    """The market regime of the limits was observed longer ago than the policy allows.

    One observed as far in the future, as the clock was set back, is no fresher.
    Only what a feed observed grows old. A regime that a person has set (`cio regime set`) counts
    until it expires, however long ago it was set: its expiry is its bound.
    """
    regime, limit = case.regime, case.limits.max_regime_age_s
    if regime is None or limit is None or regime.is_override:
        return None
    age = case.snapshot.now - regime.observed_at
    if abs(age.total_seconds()) <= limit:
        return None
    return Finding(f"{limit} s", f"{age.total_seconds():.0f} s", scope=case.intent.symbol)


def regime_confidence_low(case: Case) -> Finding | None:
    """The market regime is less certain than the policy asks for."""
    regime, limit = case.regime, case.limits.min_regime_confidence
    if regime is None or limit is None or regime.confidence >= limit:
        return None
    return Finding(limit, regime.confidence, scope=regime.name)


def regime_veto(case: Case) -> Finding | None:
    """In this market regime the policy does not allow openings in this direction, or any."""
    allowed, direction = case.limits.regime_directions, case.direction
    if allowed is None or direction is None or direction in allowed:
        return None
    return Finding(", ".join(sorted(allowed)) or "none", direction, scope=_regime_name(case))


def regime_scaled(case: Case) -> Finding | None:
    """In this market regime sizes are scaled down; a scale of 0 denies."""
    scale = case.limits.size_scale
    if scale is None or scale == 1:
        return None
    effect = Effect.REDUCE if scale > 0 else Effect.DENY
    return Finding(scale, 1, scope=_regime_name(case), effect=effect)


def _regime_name(case: Case) -> str:
    return case.regime.name if case.regime else "unknown"
