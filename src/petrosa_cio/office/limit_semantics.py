"""What every limit means, for programs that propose changes: unit, bounds, impact, when to change.

All of it comes from the models of the policy, so that it cannot say otherwise than they do.
"""

from collections.abc import Iterator
from typing import Any

from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import in_words

_BOUNDS = ("type", "enum", "minimum", "maximum", "pattern")
_IMPACTS = {
    True: "denies or reduces openings and exits",
    False: "denies or reduces openings; never holds up an exit",
}


def limits_described() -> Iterator[dict[str, Any]]:
    """Iterate over every limit, in the order of the policy reference."""
    schema = LimitSet.model_json_schema()
    for name, kind in LIMIT_KINDS.items():
        facts, stated = FACTS[name], schema["properties"][name]
        bounds = next(iter(stated.get("anyOf", (stated,))))
        yield {
            "name": name,
            "description": LimitSet.model_fields[name].description or "",
            "unit": kind.unit,
            "bounds": {key: bounds[key] for key in _BOUNDS if key in bounds},
            "impact": _IMPACTS[facts.holds_for_exits],
            "codes": [str(code) for code in facts.codes],
            "when_to_change": kind.when_to_change,
            "how_they_meet": kind.how_they_meet,
            "unstated": facts.unstated or f"{in_words(kind.unstated)} counts",
            "may_stand_in": sorted(kind.families) or ["any family"],
            "example": facts.example,
        }


def limits_in_lines() -> str:
    """Return every limit as a line, for whoever writes a change of policy."""
    return "\n".join(_line(one) for one in limits_described())


def _line(one: dict[str, Any]) -> str:
    bounds = one["bounds"]
    span = f" {bounds['minimum']:,.0f} to {bounds['maximum']:,.0f}" if "minimum" in bounds else ""
    return (
        f"- {one['name']} ({one['unit']}{span}): {one['description']} It {one['impact']}. "
        f"Change it when: {one['when_to_change']}"
    )
