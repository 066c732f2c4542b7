"""Whether what the Strategist says may be proposed; if not, every problem, in words to mend it by.

Pure.

It is no approval. What passes here goes the way of every change of policy, where it is judged anew.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from pydantic import ValidationError

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.governance.policy_text import with_fields, with_overlay
from petrosa_cio.governance.thought import thought_problem
from petrosa_cio.risk.compare import Comparison, compare_documents
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import ANY, PolicyDocument
from petrosa_cio.risk.policy_findings import Severity, policy_findings
from petrosa_cio.strategist.proposal import ANSWERS, Answer, FieldChange, NoChange, PolicyProposal
from petrosa_cio.strategist.safe_names import SafeNames
from petrosa_cio.strategist.situation import Situation

MOST_LOOSENED: Final = 3
"""Fields that one proposal may loosen: people must be able to judge what they approve."""

MOST_PROBLEMS: Final = 20
"""Problems that are told at once."""

LONGEST_ANSWER: Final = 100_000
"""Characters of an answer that are read at most."""

OVERLAY_MARK: Final = "-strategist-"
"""Stands in the identity of every overlay that the Strategist made, before who of it thought."""

MODEL: Final = "model"
"""Who thought, where it was a language model."""

_WITH_A_STRATEGY: Final = ("strategies", "strategy_symbols")
_LOSES_MEANING: Final = frozenset("=\n\r")
_MOST_DIGITS: Final = 34
_FENCE: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal that may be made.

    Attributes:
        document: The policy that it asks for.
        comparison: What that changes of the policy in force.
    """

    document: PolicyDocument
    comparison: Comparison


def read_answer(text: str) -> tuple[Answer | None, list[str]]:
    """Return what a model said, or None and every reason why it is no answer."""
    if len(text) > LONGEST_ANSWER:
        return None, [f"the answer has more than {LONGEST_ANSWER} characters"]
    fenced = _FENCE.match(text)
    try:
        return ANSWERS.validate_json(fenced.group(1) if fenced else text), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        told = [f"{_place(one['loc'])}: {one['msg']}" for one in found[:MOST_PROBLEMS]]
        return None, told


def judged(
    said: PolicyProposal, situation: Situation, names: SafeNames, *, by: str = MODEL
) -> tuple[Judged | None, list[str]]:
    """Return what a proposal amounts to; None, and every problem, where it may not be made.

    Args:
        said: The proposal.
        situation: What it was made of.
        names: Who is meant by the names in it.
        by: Who of the Strategist thought: `MODEL`, or a rule of the playbook.
    """
    fields, problems = _fields_of(said.changes, names)
    thought = thought_problem(said.thought_trace)
    if thought is not None:
        problems.insert(0, f"thought_trace: {thought}")
    if said.lasts_minutes is not None:
        problems += [
            f"{one.path}: only fields that are set can be for a time; leave lasts_minutes null"
            for one in said.changes
            if one.value is None
        ]
    document, wrong = _wanted(said, fields, situation, by)
    problems += wrong
    if document is None:
        return None, problems[:MOST_PROBLEMS]
    comparison = compare_documents(situation.document, document, situation.at)
    problems += _against_the_charter(document, situation)
    problems += _of_the_whole(comparison, said)
    if not problems and not comparison.changes:
        problems = ["changes: no limit would move; say no_change, or move one"]
    if problems:
        return None, problems[:MOST_PROBLEMS]
    return Judged(document, comparison), []


def problems_of(answer: Answer, situation: Situation, names: SafeNames) -> list[str]:
    """Return why an answer cannot be taken; empty where it can."""
    return [] if isinstance(answer, NoChange) else judged(answer, situation, names)[1]


def _wanted(
    said: PolicyProposal, fields: list[str], situation: Situation, by: str
) -> tuple[PolicyDocument | None, list[str]]:
    """Return the document that a proposal asks for, or why there is none."""
    try:
        if said.lasts_minutes is None:
            return with_fields(situation.document, fields), []
        ends = (situation.at + timedelta(minutes=said.lasts_minutes)).replace(microsecond=0)
        name = f"{situation.at:%Y%m%dT%H%M%SZ}{OVERLAY_MARK}{by}"[:64]
        made = with_overlay(
            situation.document, fields, overlay_id=name, reason=said.thought_trace[:2_000] or "-",
            expires_at=ends,
        )  # fmt: skip
    except PolicyRejected as rejected:
        return None, list(rejected.problems)
    return made, []


def _against_the_charter(document: PolicyDocument, situation: Situation) -> Iterator[str]:
    found = policy_findings(document, situation.charter, now=situation.at, known_regimes=NAMES)
    return (str(one) for one in found if one.severity is Severity.ERROR)


def _of_the_whole(comparison: Comparison, said: PolicyProposal) -> Iterator[str]:
    loosens = comparison.change in (Change.LOOSER, Change.MIXED)
    if loosens and any(one.change is Change.TIGHTER for one in comparison.changes):
        yield (
            "changes: some tighten and some loosen. What loosens waits for people, and what "
            "tightens would wait with it: propose what tightens alone"
        )
    if loosens and len(said.changes) > MOST_LOOSENED:
        yield (
            f"changes: at most {MOST_LOOSENED} fields may be loosened at once, "
            f"were {len(said.changes)}"
        )
    if loosens and said.lasts_minutes is not None:
        yield "lasts_minutes: an overlay only narrows, and this would loosen; leave it null"


def _fields_of(changes: Iterable[FieldChange], names: SafeNames) -> tuple[list[str], list[str]]:
    """Return changes with everybody's own names, and which cannot be."""
    fields, problems, seen = [], [], set[str]()
    for one in changes:
        try:
            path = _own_path(one.path.strip(), names)
            value = "" if one.value is None else _own_value(path, one.value.strip(), names)
        except ValueError as error:
            problems.append(str(error))
            continue
        if path in seen:
            problems.append(f"{one.path}: it is stated twice")
        if one.value is not None and not value:
            problems.append(f"{one.path}: it is empty; null takes a field away")
        seen.add(path)
        fields.append(f"{path}={value}")
    return fields, problems


def _own_path(path: str, names: SafeNames) -> str:
    """Return a path with everybody's own names. Raises ValueError."""
    family, *rest = path.split(".")
    if family not in {"fund", "symbols", "regimes", "overlays", *_WITH_A_STRATEGY}:
        raise ValueError(f"{path}: expected a path such as fund.max_order_notional_usd")
    if family == "overlays" and len(rest) != 1:
        raise ValueError(f"{path}: an overlay can only be ended as a whole, as overlays.O1")
    if family == "fund" or family in ("symbols", "regimes"):
        return _plain(path)
    known = names.overlays if family == "overlays" else names.strategies
    safe = rest[0] if rest else ""
    if safe == ANY and family in _WITH_A_STRATEGY:
        return _plain(path)
    if safe not in known:
        raise ValueError(f"{path}: nobody is called {safe!r} in the briefing")
    return _plain(".".join((family, known[safe], *rest[1:])))


def _plain(path: str) -> str:
    if _LOSES_MEANING & set(path):
        raise ValueError(f"{path!r}: a name with such signs can only be changed by a person")
    return path


def _own_value(path: str, value: str, names: SafeNames) -> str:
    """Return a value with everybody's own names. Raises ValueError."""
    if path.rsplit(".", 1)[-1] != "allowed_strategies":
        return _as_number(value)
    listed = [one.strip() for one in value.strip("[] ").split(",") if one.strip()]
    unknown = [one for one in listed if one not in names.strategies]
    if unknown:
        raise ValueError(f"{path}: nobody is called {', '.join(unknown)} in the briefing")
    return json.dumps([names.strategies[one] for one in listed])


def _as_number(value: str) -> str:
    """Return a number as a policy file writes it, and any other value as it is."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    is_plain = number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS
    return f"{number:f}" if is_plain else value


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "the answer"
