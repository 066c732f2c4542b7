"""What is told to programs, as fields: the same by command line, HTTP and MCP.

Exact numbers are text with every digit, sets are sorted lists, times are aware UTC.
"""

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import orjson

from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import MAY, PEOPLE_TO_LOOSEN, Act, Terms
from petrosa_cio.governance.lifecycle import Considered, Outcome
from petrosa_cio.governance.tokens import ListedToken
from petrosa_cio.ports import PolicyRevision, Proposal, ProposalStep
from petrosa_cio.risk.compare import Comparison
from petrosa_cio.risk.limits_in_use import LimitLine
from petrosa_cio.risk.policy import in_words
from petrosa_cio.risk.trading_hours import TradingHours, write_trading_hours

BANDS_IN_WORDS = {0: "ok", 50: "50 %", 80: "80 %", 100: "full"}


def comparison_fields(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison for JSON."""
    return {
        "change": comparison.change,
        "fields": [
            {
                "path": one.path,
                "change": one.change,
                "old": value_in_words(one.old),
                "new": value_in_words(one.new),
            }
            for one in comparison.changes
        ],
    }


def considered_fields(one: Considered) -> dict[str, Any]:
    """Return a proposal and where it stands, for JSON."""
    proposal = one.proposal
    return {
        "proposal": proposal.proposal_id,
        "stage": one.stage,
        "parent": proposal.parent,
        "content_of": proposal.content_of,
        "author": proposal.author,
        "role": proposal.role,
        "at": proposal.at,
        "expires_at": proposal.expires_at,
        "thought": proposal.thought,
        "what_if": proposal_what_if(proposal),
        "behind": one.standing.behind,
        "confirm_from": one.standing.confirm_from,
        "steps": step_fields(one.steps),
    }


def step_fields(steps: Iterable[ProposalStep]) -> list[dict[str, Any]]:
    """Return what people did about a proposal, for JSON."""
    return [
        {"kind": step.kind, "author": step.author, "reason": step.reason, "at": step.at}
        for step in steps
    ]


def needs_fields(actor: Actor, terms: Terms) -> dict[str, Any]:
    """Return what a change that somebody asked for waits for, for JSON."""
    alone = terms.is_one_person
    return {
        "people": 1 if alone else PEOPLE_TO_LOOSEN - actor.is_person,
        "roles": sorted(MAY[Act.APPROVE]),
        "cooling_off_s": int(terms.cooling_off.total_seconds()) if alone else None,
    }


def value_in_words(value: object) -> str:
    """Return the value of a limit as people write it; empty where there is none."""
    return "" if value is None else in_words(value)


def limit_fields(line: LimitLine) -> dict[str, object]:
    """Return a limit for a program; exact numbers are text, sets are sorted lists."""
    return {
        "name": line.name,
        "value": plain_value(line.value),
        "unit": line.unit,
        "entry": line.entry,
        "is_missing": line.is_missing,
        "description": line.description,
        "uses": [
            {
                "about": use.about,
                "used": f"{use.used:f}",
                "limit": plain_value(use.limit),
                "share": plain_value(use.share),
                "band": None if use.limit is None else BANDS_IN_WORDS[use.band_pct],
            }
            for use in line.uses
        ],
    }


def plain_value(value: object) -> object:
    """Return the value of a limit for a program."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, frozenset):
        return sorted(str(one) for one in value)
    if isinstance(value, TradingHours):
        return write_trading_hours(value)
    return value


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return what became of a change that somebody asked for."""
    return {
        "in_force": outcome.revision.revision if outcome.revision else None,
        "proposal": outcome.proposal.proposal_id if outcome.proposal else None,
        "expires_at": outcome.proposal.expires_at if outcome.proposal else None,
        **comparison_fields(outcome.comparison),
        "findings": [str(one) for one in outcome.findings],
        "what_if": proposal_what_if(outcome.proposal) if outcome.proposal else None,
    }


def listed_revision_fields(one: PolicyRevision) -> dict[str, Any]:
    """Return a revision of the policy without its document."""
    return {name: value for name, value in asdict(one).items() if name != "document"}


def revision_fields(one: PolicyRevision) -> dict[str, Any]:
    """Return a revision of the policy with its document."""
    return listed_revision_fields(one) | {"document": orjson.loads(one.document)}


def token_fields(one: ListedToken) -> dict[str, Any]:
    """Return what is known of a token; the token itself nobody knows but its owner."""
    entry, gone = one.entry, one.revocation
    return {
        "token_id": entry.token_id,
        "name": entry.name,
        "role": entry.role,
        "made_by": entry.made_by,
        "made_at": entry.made_at,
        "expires_at": entry.expires_at,
        "counts": one.counts,
        "revoked": None if gone is None else {"by": gone.author, "reason": gone.reason},
    }


def proposal_what_if(proposal: Proposal) -> Any:
    """Return the what-if of a proposal for JSON; None where it has none."""
    return orjson.loads(proposal.what_if) if proposal.what_if else None
