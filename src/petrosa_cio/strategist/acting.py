"""What becomes of a thought: it is proposed as any agent's change is, and recorded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import orjson

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import CioError, NotAllowed
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import Stage
from petrosa_cio.governance.lifecycle import Lifecycle, Outcome
from petrosa_cio.governance.refusals import Tell
from petrosa_cio.governance.what_if.stage import LAST_DAY
from petrosa_cio.office.shown import comparison_fields
from petrosa_cio.ports import Proposal
from petrosa_cio.risk.policy import PolicyDocument, canonical_json
from petrosa_cio.strategist.proposal import NoChange
from petrosa_cio.strategist.thinking import Thought

SUBJECT: Final = "thought"
"""Of the records of thoughts."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What became of a thought.

    Attributes:
        decision: In words: ``in force``, ``waits for people``, ``waits already``, ``no change``,
            ``dry run``.
        outcome: What became of the change; None where none was asked for.
        waiting: The proposal that says the same and waits already, if there is one.
        unrecorded: Why the thought could not be recorded, if so; what it did stands all the same.
    """

    decision: str
    outcome: Outcome | None = None
    waiting: Proposal | None = None
    unrecorded: str | None = None


def check_is_agent(actor: Actor) -> None:
    """Raise NotAllowed unless somebody is an agent: nobody stands behind these thoughts."""
    if actor.is_person:
        raise NotAllowed(
            f"{actor.name} is a person ({actor.role}): the Strategist acts as an agent alone, so "
            "that nobody's name stands behind what a program thought. Make it a token: "
            "`cio token create strategist --role agent`",
            roles=[Role.AGENT],
        )


async def act(
    lifecycle: Lifecycle,
    tell: Tell,
    actor: Actor,
    thought: Thought,
    *,
    what_if: timedelta | None = LAST_DAY,
) -> Acted:
    """Propose what was thought, as an agent, and record the thought, whatever becomes of it.

    Args:
        lifecycle: The one way to change the policy.
        tell: Records a change; returns why it could not.
        actor: In whose name; an agent.
        thought: What was thought.
        what_if: How far back the what-if of a loosening looks.

    Raises:
        NotAllowed: The actor is a person, or may not.
        RevisionConflict: The policy was changed meanwhile.
        PolicyRejected: The change may not govern.
        Unavailable: MongoDB is away.
    """
    check_is_agent(actor)
    if thought.judged is None or isinstance(thought.answer, NoChange):
        return Acted("no change", unrecorded=await record(tell, actor.name, thought, "no change"))
    wanted = thought.judged.document
    waiting = await _waiting(lifecycle, wanted)
    if waiting is not None:
        named = {"proposal": waiting.proposal_id}
        unrecorded = await record(tell, actor.name, thought, "waits already", named)
        return Acted("waits already", waiting=waiting, unrecorded=unrecorded)
    try:
        outcome = await lifecycle.propose(
            actor,
            wanted,
            parent=thought.situation.revision,
            thought=thought.answer.thought_trace,
            what_if=what_if,
        )
    except CioError as error:
        await record(tell, actor.name, thought, f"refused: {error.code}", {"why": str(error)})
        raise
    link = {
        "revision": outcome.revision.revision if outcome.revision else None,
        "proposal": outcome.proposal.proposal_id if outcome.proposal else None,
    }
    decision = "in force" if outcome.revision else "waits for people"
    return Acted(
        decision, outcome, unrecorded=await record(tell, actor.name, thought, decision, link)
    )


async def _waiting(lifecycle: Lifecycle, wanted: PolicyDocument) -> Proposal | None:
    """Return a proposal of the same change that waits already: it is not made twice."""
    document = canonical_json(wanted).decode()
    for one in await lifecycle.listed():
        is_open = one.stage in (Stage.OPEN, Stage.COOLING_OFF, Stage.APPROVED)
        if is_open and one.proposal.document == document:
            return one.proposal
    return None


async def record(
    tell: Tell, who: str, thought: Thought, decision: str, link: Mapping[str, Any] | None = None
) -> str | None:
    """Record a thought; return why it could not be, if so.

    Args:
        tell: Records a change; returns why it could not.
        who: In whose name it was thought.
        thought: What was thought.
        decision: What became of it, in words.
        link: What it led to: a revision, a proposal.
    """
    value = orjson.dumps(thought_fields(thought) | {"decision": decision, **(link or {})})
    identity = sha256(value).hexdigest()
    return await tell(Change(SUBJECT, identity, value.decode(), who, reason_of(thought)))


def reason_of(thought: Thought) -> str:
    """Return why, in the words of who thought."""
    said = thought.answer
    return said.reason if isinstance(said, NoChange) else said.thought_trace


def thought_fields(thought: Thought) -> dict[str, Any]:
    """Return a thought for a program: exact numbers are text, times ISO-8601."""
    return {
        "at": thought.situation.at.isoformat(timespec="milliseconds"),
        "revision_thought_of": thought.situation.revision,
        "briefing_sha256": thought.briefing.content_hash,
        "briefing_tokens": thought.briefing.tokens,
        "prompt_version": thought.prompt_version,
        "by": thought.by,
        "rule": thought.rule,
        "answer": thought.answer.model_dump(mode="json"),
        "changes": {} if thought.judged is None else comparison_fields(thought.judged.comparison),
        "attempts": [asdict(one) for one in thought.attempts],
        "cost_usd": f"{_cost_usd(thought):f}",
    }


def _cost_usd(thought: Thought) -> Decimal:
    return Decimal(sum(one.cost_microdollars for one in thought.attempts)) / 1_000_000
