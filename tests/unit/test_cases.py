"""Every control, at its boundaries, as the cases under ``tests/cases`` state them."""

from typing import Any

import pytest

from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.reasons import ReasonCode
from tests.deciding import Plain, decide, load, over

GROUPS = (
    "well_formed",
    "permission",
    "order",
    "venue",
    "price",
    "protection",
    "meaning",
    "sizing",
    "regime",
    "losses",
    "trading_state",
    "policy",
    "shared_limits",
    "repetition",
    "portfolio",
    "override",
    "parse",
)

GIVEN_BY_THE_GATE = {ReasonCode.DEADLINE_EXCEEDED}


def cases_of(group: str) -> list[Plain]:
    found = load(f"{group}.yaml")
    return [over(found["base"], case) for case in found["cases"]]


CASES = {f"{group}: {case['note']}": case for group in GROUPS for case in cases_of(group)}


def wanted(case: Plain) -> Plain:
    want = case["want"]
    return {"verdict": want, "reasons": {}} if isinstance(want, str) else want


@pytest.mark.parametrize("name", CASES)
def test_verdict_is_as_the_case_wants(name: str) -> None:
    case = CASES[name]
    want, verdict = wanted(case), decide(case).verdict

    found = {str(reason.code): reason for reason in verdict.reasons}
    assert (verdict.kind, set(found)) == (want["verdict"], set(want["reasons"]))
    assert len(found) == len(verdict.reasons)
    for code, details in want["reasons"].items():
        stated = {"effect": "deny"} | (details or {})
        assert {name: getattr(found[code], name) for name in stated} == stated
    lifted = {str(reason.code): reason for reason in verdict.lifted}
    assert set(lifted) == set(want.get("lifted", ()))
    for field in ("quantity", "requested_quantity", "price", "first_verdict"):
        if field in want:
            assert _plain(getattr(verdict, field)) == want[field]


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str) else f"{value:f}"


def test_every_case_has_a_note_of_its_own() -> None:
    assert len(CASES) == sum(len(cases_of(group)) for group in GROUPS)


def test_every_reason_is_given_by_a_case() -> None:
    given = {code for case in CASES.values() for code in wanted(case)["reasons"]}
    assert given == set(ReasonCode) - GIVEN_BY_THE_GATE


def test_every_limit_is_used_by_a_case() -> None:
    used = {key for case in CASES.values() for key in _keys(case)}
    assert LIMIT_KINDS.keys() <= used


def _keys(plain: Any) -> set[str]:
    if not isinstance(plain, dict):
        return set()
    return set(plain).union(*(_keys(inner) for inner in plain.values()))
