"""The catalogue of controls: every reason that a verdict can carry, and the limits behind it."""

from collections.abc import Iterator
from typing import Any

from petrosa_cio.risk.catalogue import MEANINGS
from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.checks.case import Applies
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.shared_limits import SHARED_CODES, SHARED_LIMIT_FIELDS

APPLIES = {
    Applies.TO_OPENINGS: "openings",
    Applies.TO_ORDERS: "openings and exits",
    Applies.TO_EVERYTHING: "everything, advice included",
}

SHARED_REACH = {
    code: "openings and exits" if code.startswith(("INTENT_", "STRATEGY_")) else "openings"
    for code in SHARED_CODES
} | {ReasonCode.RATE_ABOVE_MAX: "openings; exits have a bound of their own"}

_CHECKS = {check.code: check for check in CHECKS}


def applies_to(code: ReasonCode) -> str:
    """Return what a control looks at, in words."""
    check = _CHECKS.get(code)
    return APPLIES[check.applies] if check else SHARED_REACH.get(code, "everything")


def limits_of(code: ReasonCode) -> list[str]:
    """Return the limits that a control reads, by their fields."""
    check = _CHECKS.get(code)
    fields = (check.limit_field,) if check else SHARED_LIMIT_FIELDS.get(code, ())
    return [field for field in fields if field]


def controls_shown() -> Iterator[dict[str, Any]]:
    """Iterate over every control, in the order in which reasons are listed."""
    schema = LimitSet.model_json_schema()
    for code, meaning in MEANINGS.items():
        yield {
            "code": code,
            "meaning": meaning,
            "applies_to": applies_to(code),
            "limits": [_limit(name, schema) for name in limits_of(code)],
        }


def _limit(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    kind, stated = LIMIT_KINDS[name], schema["properties"][name]
    bounds = next(iter(stated.get("anyOf", (stated,))))
    return {
        "name": name,
        "unit": kind.unit,
        "description": LimitSet.model_fields[name].description or "",
        "when_to_change": kind.when_to_change,
        "bounds": bounds,
    }
