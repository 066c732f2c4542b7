"""What somebody wants of the policy: a document or fields, exactly as they were written."""

from datetime import timedelta
from decimal import Decimal

import pytest

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.office.drafts import Draft
from tests.governing import ANN, NOON, THOUGHT
from tests.policies import revision

NEWEST = revision(3, b'{"policy":{"name":"test","fund":{"max_order_notional_usd":"1000"}}}')


def test_fields_are_set_beside_the_newest_revision() -> None:
    draft = Draft(fields=["fund.max_leverage=3"])
    made = draft.made_of(NEWEST, ANN, THOUGHT, NOON).policy.fund
    assert (made.max_order_notional_usd, made.max_leverage) == (Decimal(1000), 3)


def test_fields_for_a_time_are_an_overlay() -> None:
    draft = Draft(fields=["fund.max_leverage=3"], lasts=timedelta(hours=2))
    made = draft.made_of(NEWEST, ANN, THOUGHT, NOON)
    (overlay,) = made.overlays
    assert made.policy == read_policy_document(NEWEST.document.encode()).policy
    assert (overlay.fund.max_leverage, overlay.expires_at) == (3, NOON + timedelta(hours=2))
    assert overlay.overlay_id == "20261123T120000Z-ann"


@pytest.mark.parametrize("whole", [False, True])
def test_a_document_keeps_its_numbers_as_they_were_written(whole: bool) -> None:
    policy = {"name": "mine", "fund": {"min_confidence": 0.1, "max_order_notional_usd": "0.3"}}
    made = Draft(document={"policy": policy} if whole else policy)
    fund = made.made_of(NEWEST, ANN, THOUGHT, NOON).policy.fund
    assert (fund.min_confidence, fund.max_order_notional_usd) == (Decimal("0.1"), Decimal("0.3"))


@pytest.mark.parametrize(
    "draft",
    [
        Draft(),
        Draft(document={}, fields=["fund.max_leverage=3"]),
        Draft(document={"fund": {}}, lasts=timedelta(hours=1)),
        Draft(document={"fund": {"max_leverage": float("inf")}}),
        Draft(document={"surprise": 1}),
        Draft(fields=["max_leverage=3"]),
        Draft(fields=["fund.max_leverage=3"], lasts=timedelta(seconds=59)),
        Draft(fields=["fund.max_leverage=3"], lasts=timedelta(days=8)),
    ],
)
def test_what_makes_no_sense_is_refused(draft: Draft) -> None:
    with pytest.raises(PolicyRejected):
        draft.made_of(NEWEST, ANN, THOUGHT, NOON)
