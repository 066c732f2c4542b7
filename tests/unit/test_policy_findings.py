"""What is said about a policy before it governs, as ``policy_findings.yaml`` states it."""

import pytest

from petrosa_cio.risk.limit_facts import FACTS
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.policy_findings import PolicyFinding, Severity, policy_findings
from petrosa_cio.risk.policy_rules import CONTRADICTIONS, POINTLESS
from tests.deciding import NOW, Plain, ago, load

CASES = {case["note"]: case for case in load("policy_findings.yaml")["cases"]}


def found(case: Plain) -> list[PolicyFinding]:
    overlays = [
        {name: value for name, value in one.items() if name != "ended"}
        | {
            "overlay_id": f"o{number}",
            "reason": "x",
            "expires_at": (NOW if one.get("ended") else ago(-60)).isoformat(),
        }
        for number, one in enumerate(case.get("overlays", ()))
    ]
    policy = as_text(case["policy"])
    document = PolicyDocument.model_validate({"policy": policy, "overlays": as_text(overlays)})
    charter = Charter.model_validate(as_text(case.get("charter", {})))
    known = frozenset(case.get("known_regimes", ()))
    return policy_findings(document, charter, now=NOW, known_regimes=known)


def as_text(plain: object) -> object:
    """Return the same with exact numbers, as the reader of YAML keeps them."""
    if isinstance(plain, dict):
        return {key: as_text(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [as_text(value) for value in plain]
    return str(plain) if isinstance(plain, float) else plain


@pytest.mark.parametrize("note", CASES)
def test_a_policy_is_judged_as_the_case_wants(note: str) -> None:
    case, all_found = CASES[note], found(CASES[note])
    for severity, key in ((Severity.ERROR, "errors"), (Severity.WARNING, "warnings")):
        said = {one.path: one.sentence for one in all_found if one.severity is severity}
        wanted = case.get(key, {})
        assert said.keys() == wanted.keys(), all_found
        for path, words in wanted.items():
            assert words in said[path]


def test_every_finding_says_what_to_do() -> None:
    every = [one for case in CASES.values() for one in found(case)]
    assert len(every) > 30
    for one in every:
        assert one.fix.endswith(".")
        assert not one.sentence.endswith(".")
        assert "{" not in one.sentence
        assert one.path in str(one)


def test_errors_come_first_and_nothing_is_said_twice() -> None:
    for case in CASES.values():
        every = found(case)
        assert every == sorted(every, key=lambda one: one.severity is Severity.WARNING)
        assert len(every) == len(set(every))


def test_rules_and_facts_are_about_limits_that_exist() -> None:
    assert FACTS.keys() == LIMIT_KINDS.keys()
    named = {name for one in CONTRADICTIONS for name in (one.field, one.against)}
    named |= {name for one in POINTLESS for name in (one.field, *one.by)}
    assert named <= LIMIT_KINDS.keys()


def test_every_limit_says_how_two_statements_meet() -> None:
    assert [name for name, kind in LIMIT_KINDS.items() if not kind.how_they_meet] == []
