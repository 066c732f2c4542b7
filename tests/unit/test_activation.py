"""How a revision of the policy comes into being, and into force whatever happens in between."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from petrosa_cio.adapters.memory_revisions import MemoryRevisions
from petrosa_cio.audit.record import record_id
from petrosa_cio.errors import (
    Misconfigured,
    NotInForceYet,
    PolicyRejected,
    RevisionConflict,
    Unavailable,
)
from petrosa_cio.governance.activation import PolicyActivation
from petrosa_cio.governance.desk import POLICY_UPDATED
from petrosa_cio.governance.projection import PolicyProjection
from petrosa_cio.governance.signing import projected
from petrosa_cio.ports import ActivePolicy, ChangedField, PolicyRevision
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json
from tests.gates import House
from tests.policies import ANN, SIGNER, STRANGER, THOUGHT, revision, signed, trusting

CHARTER = Charter(bounds=LimitSet.model_validate({"max_order_notional_usd": 5000}))


class FallibleRevisions(MemoryRevisions):
    """Revisions in memory that go away when told, before or after an insertion."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_after_adding = False

    async def add(self, revision: PolicyRevision) -> bool:
        added = await super().add(revision)
        if self.fails_after_adding:
            raise Unavailable("mongo", "away for a test")
        return added


@dataclass
class Cabinet:
    """Everything around one fund's policy."""

    house: House = field(default_factory=lambda: House(charter=CHARTER))
    revisions: FallibleRevisions = field(default_factory=FallibleRevisions)

    def __post_init__(self) -> None:
        self.projection = self.new_projection()
        self.activation = PolicyActivation(
            self.revisions, self.projection, SIGNER, CHARTER, "main", self.house.now
        )

    def new_projection(self) -> PolicyProjection:
        """Return what another process would look with."""
        house = self.house
        return PolicyProjection(
            self.revisions, house.states, trusting(), house.journal, house.announcer, house.now
        )

    async def activate(self, parent: int, thought: str = THOUGHT, **fund: object) -> PolicyRevision:
        return await self.activation.activate(
            document(**fund), parent=parent, author=ANN, thought=thought
        )

    async def in_force(self) -> ActivePolicy | None:
        return await self.house.states.active_policy()


def document(**fund: object) -> PolicyDocument:
    return PolicyDocument.model_validate({"policy": {"fund": fund}})


@pytest.fixture
def cabinet() -> Cabinet:
    return Cabinet()


async def test_a_revision_is_stored_signed_put_in_force_recorded_and_announced(
    cabinet: Cabinet,
) -> None:
    first = await cabinet.activate(0, max_order_notional_usd=1000)
    made = await cabinet.activate(1, max_order_notional_usd=500, min_confidence="0.7")
    assert (first.change, first.diff, first.tightened_revision) == ("first", (), 1)
    assert (made.revision, made.parent, made.content_of, made.tightened_revision) == (2, 1, None, 2)
    assert (made.author, made.role, made.thought) == ("ann", "risk_officer", THOUGHT)
    assert made.change == "tighter"
    assert set(made.diff) == {
        ChangedField("fund.max_order_notional_usd", "tighter", "1000", "500"),
        ChangedField("fund.min_confidence", "tighter", "", "0.7"),
    }
    assert await cabinet.revisions.history() == [made, first]
    assert await cabinet.in_force() == projected(made)
    assert trusting().problem_with(projected(made)) is None
    record = cabinet.house.records[-1]
    assert record_id(record) == "policy-main-2:change"
    assert record["change"] == {
        "subject": "policy",
        "scope": "2",
        "value": made.document,
        "author": "ann",
        "reason": THOUGHT,
        "signed": projected(made).signed.decode(),
    }
    assert [subject for subject, _ in cabinet.house.announcer.heard] == [POLICY_UPDATED] * 2


CHANGES: list[tuple[dict[str, object], dict[str, object], str, int]] = [
    ({"min_confidence": "0.5"}, {"min_confidence": "0.4"}, "looser", 1),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.5"}, "equal", 1),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.6"}, "tighter", 2),
    ({"min_confidence": "0.5"}, {"max_position_usd": 5}, "mixed", 2),
    ({"unsized_order_usd": 20}, {"unsized_order_usd": 10}, "mixed", 2),
]


@pytest.mark.parametrize(("old", "new", "change", "tightened"), CHANGES)
async def test_the_fence_hears_of_every_revision_that_tightens_anything(
    cabinet: Cabinet, old: dict[str, Any], new: dict[str, Any], change: str, tightened: int
) -> None:
    await cabinet.activate(0, **old)
    made = await cabinet.activate(1, **new)
    assert (made.change, made.tightened_revision) == (change, tightened)


async def test_of_two_changes_of_one_revision_one_is_made(cabinet: Cabinet) -> None:
    await cabinet.activate(0, max_position_usd=10)
    changes = (cabinet.activate(1, max_position_usd=number) for number in (7, 8, 9))
    found = await asyncio.gather(*changes, return_exceptions=True)
    conflicts = [one for one in found if isinstance(one, RevisionConflict)]
    assert [(one.parent, one.newest) for one in conflicts] == [(1, 2), (1, 2)]
    assert len(await cabinet.revisions.history()) == 2


@pytest.mark.parametrize("parent", [0, 2, 7])
async def test_a_change_of_another_revision_is_a_conflict_that_names_the_newest(
    cabinet: Cabinet, parent: int
) -> None:
    await cabinet.activate(0, max_position_usd=10)
    with pytest.raises(RevisionConflict, match=f"of revision {parent}, while revision 1 is the"):
        await cabinet.activate(parent, max_position_usd=9)


async def test_nothing_is_stored_of_what_may_not_be(cabinet: Cabinet) -> None:
    refused = {
        "a thought has at least 100": cabinet.activate(0, "because", max_position_usd=1),
        "looser than the charter": cabinet.activate(0, max_order_notional_usd=9000),
    }
    for why, call in refused.items():
        with pytest.raises(PolicyRejected, match=why):
            await call
    assert await cabinet.revisions.newest() is None
    assert await cabinet.in_force() is None


async def test_to_go_back_is_to_repeat_the_content_of_a_revision(cabinet: Cabinet) -> None:
    for number, limit in enumerate((10, 9)):
        await cabinet.activate(number, max_position_usd=limit)

    async def back(to: int, limit: int) -> PolicyRevision:
        changed = document(max_position_usd=limit)
        return await cabinet.activation.activate(
            changed, parent=2, author=ANN, thought=THOUGHT, content_of=to
        )

    with pytest.raises(PolicyRejected, match="no revision 7 to go back to"):
        await back(7, 10)
    with pytest.raises(PolicyRejected, match="not that of revision 1"):
        await back(1, 11)
    made = await back(1, 10)
    assert (made.revision, made.content_of, made.change) == (3, 1, "looser")


async def test_without_the_store_of_the_gates_nothing_is_begun(cabinet: Cabinet) -> None:
    cabinet.house.states.active_policy = _away  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="redis"):
        await cabinet.activate(0, max_position_usd=1)
    assert await cabinet.revisions.newest() is None


async def _away() -> ActivePolicy | None:
    raise Unavailable("redis", "away for a test")


async def test_what_was_stored_goes_into_force_with_the_next_look(cabinet: Cabinet) -> None:
    put = cabinet.house.states.put_policy

    async def away(*_: object, **__: object) -> bool:
        raise Unavailable("redis", "away for a test")

    cabinet.house.states.put_policy = away  # type: ignore[method-assign]
    with pytest.raises(NotInForceYet, match="revision 1 is stored and not in force yet: redis"):
        await cabinet.activate(0, max_position_usd=1)
    cabinet.house.states.put_policy = put  # type: ignore[method-assign]
    made = await cabinet.revisions.newest()
    assert made
    assert await cabinet.new_projection().look() == made
    assert await cabinet.in_force() == projected(made)
    assert cabinet.house.records[-1]["change"]["author"] == "ann"
    assert await cabinet.new_projection().look() is None


async def test_an_insertion_without_an_answer_may_stand_all_the_same(cabinet: Cabinet) -> None:
    cabinet.revisions.fails_after_adding = True
    with pytest.raises(Unavailable, match="whether revision 1 is stored is not known"):
        await cabinet.activate(0, max_position_usd=1)
    assert await cabinet.in_force() is None
    await cabinet.projection.look()
    assert (await cabinet.in_force() or signed(9)).revision == 1


async def test_what_the_journal_missed_is_recorded_by_the_next_look(cabinet: Cabinet) -> None:
    await cabinet.activate(0, max_position_usd=9)
    cabinet.house.journal.away = True
    for number in (1, 2):
        await cabinet.activate(number, max_position_usd=9 - number)
    cabinet.house.journal.away = False
    await cabinet.projection.look()
    await cabinet.projection.look()
    ids = [record_id(one) for one in cabinet.house.records]
    assert ids == [f"policy-main-{number}:change" for number in (1, 2, 3)]


async def test_an_empty_store_gets_the_newest_revision_back(cabinet: Cabinet) -> None:
    for number in (0, 1):
        await cabinet.activate(number, max_position_usd=9 - number)
    made = await cabinet.revisions.newest()
    assert made
    emptied = Cabinet(revisions=cabinet.revisions)
    assert await emptied.projection.look() == made
    assert await emptied.in_force() == projected(made)


FORGERIES = {
    "nobody signed it": ActivePolicy(99, 0, b'{"policy":{}}'),
    "a stranger signed it": signed(99, b'{"policy":{}}', signer=STRANGER),
    "the signature of another": replace(signed(1, b'{"policy":{}}'), revision=99),
    "garbage": ActivePolicy(0, 0, b"", b"\xff"),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_what_nobody_trusted_has_signed_is_replaced(cabinet: Cabinet, name: str) -> None:
    made = await cabinet.activate(0, max_position_usd=9)
    there = await cabinet.in_force()
    assert await cabinet.house.states.put_policy(FORGERIES[name], instead_of=there)
    assert await cabinet.projection.look() == made
    assert await cabinet.in_force() == projected(made)


async def test_a_newer_signed_policy_is_never_replaced_by_an_older_one(cabinet: Cabinet) -> None:
    await cabinet.activate(0, max_position_usd=9)
    newer = signed(5, canonical_json(document(max_position_usd=1)))
    assert await cabinet.house.states.put_policy(newer)
    assert await cabinet.projection.look() is None
    assert await cabinet.in_force() == newer
    with pytest.raises(PolicyRejected, match="Redis holds revision 5, while MongoDB ends with 1"):
        await cabinet.activate(1, max_position_usd=8)
    assert len(await cabinet.revisions.history()) == 1


async def test_nothing_is_built_on_a_revision_that_nobody_trusted_has_signed(
    cabinet: Cabinet,
) -> None:
    await cabinet.activate(0, max_position_usd=9)
    wide = canonical_json(document(max_position_usd=9_000_000))
    await cabinet.revisions.add(revision(2, wide, signer=STRANGER))
    assert await cabinet.projection.look() is None
    assert (await cabinet.in_force() or signed(9)).revision == 1
    with pytest.raises(PolicyRejected, match="revision 2 of MongoDB: it is signed with the key"):
        await cabinet.activate(2, max_position_usd=8)


async def test_the_first_revision_says_of_which_file_it_is(cabinet: Cabinet) -> None:
    policy = document(max_position_usd=9).policy
    first = await cabinet.activation.activate_first(policy, author=ANN, file="rules/policy.yaml")
    other = document(max_position_usd=8).policy
    again = await cabinet.activation.activate_first(other, author=ANN, file="other.yaml")
    assert first == again
    assert "rules/policy.yaml" in first.thought
    assert orjson.loads(first.document)["policy"]["fund"] == {"max_position_usd": "9"}


async def test_of_two_that_start_at_once_one_policy_is_in_force(cabinet: Cabinet) -> None:
    policies = [document(max_position_usd=limit).policy for limit in (1, 2)]
    found = await asyncio.gather(
        *(cabinet.activation.activate_first(one, author=ANN, file="f") for one in policies)
    )
    assert found[0] == found[1]
    assert await cabinet.in_force() == projected(found[0])


async def test_a_policy_from_before_they_were_signed_is_taken_over_if_the_file_states_it(
    cabinet: Cabinet,
) -> None:
    unsigned = ActivePolicy(1, 1, canonical_json(document(max_position_usd=9)))
    await cabinet.house.states.put_policy(unsigned)
    other = document(max_position_usd=10).policy
    with pytest.raises(Misconfigured, match="while Redis holds another one"):
        await cabinet.activation.activate_first(other, author=ANN, file="f")
    same = document(max_position_usd=9).policy
    made = await cabinet.activation.activate_first(same, author=ANN, file="f")
    assert await cabinet.in_force() == projected(made)
    assert (await cabinet.in_force() or unsigned).document == unsigned.document


async def test_a_database_that_lost_the_policy_begins_no_new_one(cabinet: Cabinet) -> None:
    await cabinet.house.states.put_policy(signed(3, canonical_json(document(max_position_usd=9))))
    policy = document(max_position_usd=9).policy
    with pytest.raises(PolicyRejected, match="MongoDB lost revisions"):
        await cabinet.activation.activate_first(policy, author=ANN, file="f")
