"""Who may do what, and that the documents say the same."""

import pytest

from petrosa_cio.errors import NotAllowed
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import MAY, MEANINGS, Act, check_may, needs_approval
from petrosa_cio.risk.limit_kinds import Change
from tests.loading import ROOT


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", Act)
def test_a_role_does_what_the_table_says(role: Role, act: Act) -> None:
    if role in MAY[act]:
        check_may(Actor("ann", role), act)
        return
    with pytest.raises(NotAllowed, match=f"ann \\({role}\\) may not"):
        check_may(Actor("ann", role), act)


def test_the_document_has_the_very_table() -> None:
    head = f"| role | {' | '.join(MEANINGS[act] for act in Act)} |"
    rows = [
        f"| {role} | {' | '.join('yes' if role in MAY[act] else '-' for act in Act)} |"
        for role in Role
    ]
    table = "\n".join([head, "| --- " * (len(Act) + 1) + "|", *rows])
    assert table in (ROOT / "docs" / "GOVERNANCE.md").read_text("utf-8")


def test_tightening_and_halting_are_open_to_every_role_above_viewer() -> None:
    above = frozenset(Role) - {Role.VIEWER}
    assert MAY[Act.HALT] == MAY[Act.TIGHTEN] == MAY[Act.PROPOSE] == above


def test_an_agent_never_resumes_approves_activates_or_makes_tokens() -> None:
    for act in (Act.RESUME, Act.REGIME, Act.APPROVE, Act.ACTIVATE, Act.TOKENS):
        assert Role.AGENT not in MAY[act]


@pytest.mark.parametrize(
    ("change", "waits"),
    [(Change.EQUAL, False), (Change.TIGHTER, False), (Change.LOOSER, True), (Change.MIXED, True)],
)
def test_what_loosens_anything_waits(change: Change, waits: bool) -> None:
    assert needs_approval(change) is waits
