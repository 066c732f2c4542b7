"""What somebody wants lifted, for which order: made of the record of a denial. Pure.

A proposal to override is kept as any proposal is, named by the hash of all of it; what is here is
its document.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from petrosa_cio.audit.recorded import read_recorded
from petrosa_cio.audit.redecide import is_cut
from petrosa_cio.errors import OverrideRejected
from petrosa_cio.ports import Proposal
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import LIFTS, WHY_NOT, Override, order_fingerprint, order_of
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind


@dataclass(frozen=True, slots=True)
class WantedOverride:
    """That limits be lifted for one order.

    Attributes:
        decision_id: The decision that denied it.
        policy_revision: The revision of the policy under which it was denied; 0 without any.
        order: The fingerprint of the order.
        fields: The order itself, every field as text.
        lifts: The reasons to lift, in table order.
        left: The other reasons of the denial, which stand.
        body: The message as the bot sent it.
    """

    decision_id: str
    policy_revision: int
    order: str
    fields: dict[str, str]
    lifts: tuple[ReasonCode, ...]
    left: tuple[ReasonCode, ...]
    body: str

    @property
    def document(self) -> str:
        """It as JSON text, keys in order."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def wanted_in(proposal: Proposal) -> WantedOverride:
    """Return what a proposal wants lifted. Raises OverrideRejected if it is no such proposal."""
    try:
        said: dict[str, Any] = orjson.loads(proposal.document)
        said |= {name: tuple(map(ReasonCode, said[name])) for name in ("lifts", "left")}
        wanted = WantedOverride(**said)
        intent = parse_intent(wanted.body.encode())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OverrideRejected(["the proposal is none of an override"]) from error
    if isinstance(intent, Malformed) or (wanted.order, wanted.fields) != (
        order_fingerprint(intent),
        order_of(intent),
    ):
        raise OverrideRejected(["the proposal shows another order than the one that it names"])
    return wanted


def wanted_of(verdicts: Sequence[bytes], lifts: Sequence[ReasonCode], fund: str) -> WantedOverride:
    """Return what is wanted: that reasons be lifted for the order that a verdict denied.

    Args:
        verdicts: The records of the verdicts that go by the name that was stated.
        lifts: The reasons to lift.
        fund: The fund whose order it must be.

    Raises:
        OverrideRejected: There is not just one such verdict, it is no denial, or a reason is not
            among its own or is one that nobody may lift.
    """
    if len(verdicts) != 1:
        many = "more than one verdict is called so: name its decision"
        raise OverrideRejected([many if verdicts else "no verdict in the record is called so"])
    content = orjson.loads(verdicts[0])
    try:
        found = read_recorded(content)
    except ValueError as error:
        raise OverrideRejected([str(error)]) from error
    codes = tuple(dict.fromkeys(reason.code for reason in found.verdict.reasons))
    problems = [*_unliftable(lifts, codes)]
    if content["fund"] != fund:
        problems.append(f"it is an order of the fund {content['fund']}")
    if found.verdict.kind is not VerdictKind.DENY:
        problems.append(f"its verdict is {found.verdict.kind}, not deny")
    if is_cut(content["source"]) or content["source"]["body_encoding"] != "utf-8":
        problems.append("its message was not kept whole")
    if isinstance(found.intent, Intent) and found.intent.direction is None:
        problems.append("only an opening has limits that can be lifted for it")
    if problems or isinstance(found.intent, Malformed):
        raise OverrideRejected(problems or ["the message is no intent"])
    return WantedOverride(
        decision_id=found.decision_id,
        policy_revision=found.policy_revision or 0,
        order=order_fingerprint(found.intent),
        fields=order_of(found.intent),
        lifts=tuple(code for code in codes if code in lifts),
        left=tuple(code for code in codes if code not in lifts),
        body=content["source"]["body"],
    )


def override_of(proposal: Proposal, approved_by: Sequence[str]) -> Override:
    """Return what a proposal comes to with these people behind it, the author among them or not."""
    wanted = wanted_in(proposal)
    return Override(
        override_id=proposal.proposal_id,
        order=wanted.order,
        lifts=wanted.lifts,
        proposed_at=proposal.at,
        expires_at=proposal.expires_at,
        author=proposal.author,
        approved_by=tuple(name for name in approved_by if name != proposal.author),
    )


def _unliftable(lifts: Sequence[ReasonCode], codes: Sequence[ReasonCode]) -> list[str]:
    if not lifts:
        return ["it names no reason to lift"]
    found = [f"nobody may lift {code}: {WHY_NOT[code]}" for code in lifts if code not in LIFTS]
    given = ", ".join(codes) or "no reason"
    return found + [
        f"the order was not denied for {code}, but for {given}"
        for code in lifts
        if code in LIFTS and code not in codes
    ]
