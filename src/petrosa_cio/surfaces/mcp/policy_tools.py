"""Tools of the policy: what governs, drafts, shadows, and how it changes."""

from datetime import timedelta
from typing import Any

from fastapi import Response

from petrosa_cio.errors import NotAllowed
from petrosa_cio.governance.authority import MAY, Act, needs_approval
from petrosa_cio.office.drafts import Draft
from petrosa_cio.office.limit_semantics import limits_described, limits_in_lines
from petrosa_cio.surfaces.api import policies, shadows
from petrosa_cio.surfaces.api.asked import DraftBody, ProposalBody, WhatIfBody
from petrosa_cio.surfaces.api.asked_changes import StartingShadow, Thinking
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.api.told import (
    CharterAnswer,
    CheckAnswer,
    ComparisonAnswer,
    InForce,
    OutcomeAnswer,
    Page,
    ProposalAnswer,
    ProposalRow,
    RevisionAnswer,
    RevisionRow,
)
from petrosa_cio.surfaces.api.told_records import LimitMeaning, WhatIfAnswer
from petrosa_cio.surfaces.api.told_shadows import (
    EndedShadow,
    PromotedShadow,
    SeenShadow,
    StartedShadow,
)
from petrosa_cio.surfaces.mcp.asked import (
    Comparing,
    History,
    Narrowing,
    Newest,
    Nothing,
    OneProposal,
    Rollback,
    Step,
    Which,
    WhichShadow,
)
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()

HOW_FIELDS_ARE_WRITTEN = (
    "Fields are written FAMILY.LIMIT=VALUE: fund.max_order_notional_usd=500, "
    "symbols.BTCUSDT.max_position_usd=2000, strategies.momentum_v1.min_confidence=0.7; nothing "
    "behind the = takes a field away. Of all entries that match, the strictest counts. The limits:"
)


@tools.question(Which, RevisionAnswer, words=True)
async def get_policy(call: Call, asked: Which) -> Any:
    """Return a revision of the policy with its document, who made it and why."""
    if asked.revision is None:
        return await policies.active_policy(call)
    return await policies.policy_revision(call, asked.revision)


@tools.question(History, Page[RevisionRow], words=True)
async def get_policy_history(call: Call, asked: History) -> Any:
    """List the revisions of the policy, the newest first: who, when, what it moved and why."""
    return await policies.policy_history(call, asked.limit, asked.cursor)


@tools.question(Comparing, ComparisonAnswer)
async def compare_policies(call: Call, asked: Comparing) -> Any:
    """Say what one revision changes of another: each limit that is tighter or looser."""
    return await policies.compare_policies(call, asked.old, asked.new)


@tools.question(Nothing, Page[LimitMeaning])
async def describe_limits(call: Call, _asked: Nothing) -> Any:
    """Say of every limit what it means: unit, bounds, impact, and when people change it."""
    return call.told({"items": list(limits_described()), "cursor": None})


@tools.question(Nothing, CharterAnswer)
async def get_charter(call: Call, _asked: Nothing) -> Any:
    """Return the charter: the bounds that people set in a file, and no program changes."""
    return await policies.charter(call)


@tools.question(DraftBody, CheckAnswer)
async def check_policy(call: Call, asked: DraftBody) -> Any:
    """Say what is wrong with a draft, what it would change, and whether it would wait for approval.

    Nothing is changed. Fields are written as for propose_policy.
    """
    return await policies.check_draft(call, asked)


@tools.question(WhatIfBody, WhatIfAnswer)
async def what_if(call: Call, asked: WhatIfBody) -> Any:
    """Say which verdicts of a span of the past would have been others under a draft.

    At most seven days and 5,000 verdicts. Fields are written as for propose_policy. Without a
    draft it tries the policies of then, under which nothing should flip.
    """
    return await policies.try_draft(call, asked)


@tools.change(
    Act.PROPOSE,
    ProposalBody,
    OutcomeAnswer,
    replaces=True,
    more=f"{HOW_FIELDS_ARE_WRITTEN}\n{limits_in_lines()}",
)
async def propose_policy(call: Call, asked: ProposalBody) -> Any:
    """Change the policy: what only tightens is in force at once, what loosens waits for approval.

    Look at in_force and proposal in the answer: where it waits, needs says how many people of
    which roles must approve. State a document or fields, and a thought of at least 100 characters.
    Look whether it stands before you ask again.
    """
    return await policies.propose_policy(call, asked, Response())


@tools.change(Act.PROPOSE, Narrowing, OutcomeAnswer, replaces=True)
async def tighten(call: Call, asked: Narrowing) -> Any:
    """Tighten limits now, for a time or for good, and refuse whatever would loosen anything.

    Fields are written as for propose_policy. With lasts_s they end by themselves.
    """
    lasts = None if asked.lasts_s is None else timedelta(seconds=asked.lasts_s)
    async with call.office.refusals.recorded(call.actor.name, "tighten what would loosen"):
        found = await call.office.policies.checked(call.actor, Draft(None, asked.fields, lasts))
        if needs_approval(found.comparison.change):
            raise NotAllowed(
                f"this is {found.comparison.change}, not tighter: propose_policy lets it wait for "
                "approval",
                roles=sorted(MAY[Act.APPROVE]),
                waits=True,
            )
    body = ProposalBody(
        document=None,
        fields=asked.fields,
        lasts_s=asked.lasts_s,
        thought=asked.thought,
        what_if_s=None,
        parent=found.newest.revision,
    )
    return await policies.propose_policy(call, body, Response())


@tools.change(Act.PROPOSE, Rollback, OutcomeAnswer, replaces=True)
async def rollback_to_version(call: Call, asked: Rollback) -> Any:
    """Go back to an earlier policy: a new revision with its content and a thought of its own.

    What only tightens is in force at once; what loosens anything waits for approval.
    """
    return await policies.roll_back_policy(call, asked, Response())


@tools.question(Newest, Page[ProposalRow], words=True)
async def list_proposals(call: Call, asked: Newest) -> Any:
    """List the newest proposals and where each stands."""
    return await policies.proposals(call, asked.limit)


@tools.question(OneProposal, ProposalAnswer, words=True)
async def get_proposal(call: Call, asked: OneProposal) -> Any:
    """Return a proposal with all that it would change."""
    return await policies.one_proposal(call, asked.proposal)


@tools.change(Act.APPROVE, Step, ProposalRow, replaces=False, words=True)
async def approve_proposal(call: Call, asked: Step) -> Any:
    """Approve what somebody else proposed, as a person. It does not put it in force."""
    return await policies.approve_proposal(call, asked.proposal, asked)


@tools.change(Act.PROPOSE, Step, ProposalRow, replaces=True, words=True)
async def reject_proposal(call: Call, asked: Step) -> Any:
    """Reject a proposal for good, which takes a role that approves, or withdraw your own."""
    return await policies.reject_proposal(call, asked.proposal, asked)


@tools.change(Act.ACTIVATE, OneProposal, InForce, replaces=True)
async def activate_proposal(call: Call, asked: OneProposal) -> Any:
    """Put an approved proposal in force, on every replica, as a person. It is judged anew."""
    return await policies.activate_proposal(call, asked.proposal)


# --- shadows --------------------------------------------------------------------------------------


@tools.change(Act.TIGHTEN, StartingShadow, StartedShadow, replaces=False)
async def start_shadow(call: Call, asked: StartingShadow) -> Any:
    """Try a policy on what arrives, beside the one in force. It enforces nothing.

    There is one at a time. Fields are written as for propose_policy.
    """
    return await shadows.start_shadow(call, asked)


@tools.question(WhichShadow, SeenShadow, words=True)
async def show_shadow(call: Call, asked: WhichShadow) -> Any:
    """Show a shadow: where it stands, and which verdicts would have been others so far."""
    if asked.number is None:
        return await shadows.newest_shadow(call, asked.flips)
    return await shadows.one_shadow(call, asked.number, asked.flips)


@tools.change(Act.PROPOSE, Thinking, PromotedShadow, replaces=True)
async def promote_shadow(call: Call, asked: Thinking) -> Any:
    """Propose the policy of the newest shadow, exactly as it was tried, and end the shadow.

    What only tightens is in force at once; what loosens waits for approval, as needs says.
    """
    return await shadows.promote_shadow(call, asked, Response())


@tools.change(Act.TIGHTEN, Thinking, EndedShadow, replaces=True)
async def drop_shadow(call: Call, asked: Thinking) -> Any:
    """End the shadow that runs; what it found stays."""
    return await shadows.drop_shadow(call, asked)
