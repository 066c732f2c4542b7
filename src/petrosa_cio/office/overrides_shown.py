"""What is told of overrides for one order to programs, as fields: the same by every way."""

from typing import Any

from petrosa_cio.governance.overrides import ConsideredOverride
from petrosa_cio.office.shown import step_fields


def override_fields(one: ConsideredOverride) -> dict[str, Any]:
    """Return an override and where it stands, for JSON."""
    proposal, wanted = one.proposal, one.wanted
    return {
        "override": proposal.proposal_id,
        "stage": override_stage(one),
        "used_by": one.used_by,
        "decision_id": wanted.decision_id,
        "order": wanted.fields,
        "lifts": wanted.lifts,
        "left": wanted.left,
        "author": proposal.author,
        "role": proposal.role,
        "at": proposal.at,
        "expires_at": proposal.expires_at,
        "thought": proposal.thought,
        "behind": one.standing.behind,
        "steps": step_fields(one.steps),
    }


def override_stage(one: ConsideredOverride) -> str:
    """Return where an override stands, in a word."""
    return "used" if one.used_by is not None else one.stage
