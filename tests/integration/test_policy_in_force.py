"""Two real gates and one policy: what comes into force on both, and what never does."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from nats.aio.msg import Msg

from petrosa_cio.adapters.nats_journal import SEPARATOR
from petrosa_cio.adapters.nats_streams import JOURNAL_SUBJECT
from petrosa_cio.adapters.redis_connection import send
from petrosa_cio.app import run_control
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.signing import projected
from petrosa_cio.policies import Policies, open_policies
from petrosa_cio.ports import ActivePolicy, PolicyRevision
from petrosa_cio.risk.policy import PolicyDocument, canonical_json
from petrosa_cio.servers import open_servers
from petrosa_cio.settings import Settings, load_settings
from tests.integration.gate_evidence import gather
from tests.integration.gate_house import FUND, GateHouse, gate_house
from tests.integration.gate_intents import message, messages
from tests.integration.test_whole_way import role
from tests.policies import ANN, SIGNER, STRANGER, THOUGHT, signed
from tests.waiting import eventually

pytestmark = pytest.mark.integration

GATES = {"r1", "r2"}
WORTH_USD = 50


@dataclass
class Floor:
    """Two gates that decide, and the service through which their policy changes."""

    house: GateHouse
    policies: Policies
    settings: Settings
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    async def heard(self, journaled: Msg) -> None:
        records = map(orjson.loads, journaled.data.split(SEPARATOR))
        self.verdicts += [one for one in records if one["kind"] == "verdict"]

    async def until_both(self, says: Callable[[dict[str, Any]], bool]) -> None:
        """Send intents until the last verdict of each gate is as it is said to be."""

        async def both_say() -> bool:
            first = self.house.published
            await self.house.publish(map(message, range(first, first + 4)))
            last = {one["replica"]: one for one in self.verdicts}
            return last.keys() >= GATES and all(map(says, last.values()))

        await eventually(both_say, timeout_s=30)

    async def change(self, **fund: object) -> PolicyRevision:
        """Make the next revision: the newest with some limits of the fund changed."""
        newest = await self.policies.revisions.newest()
        assert newest
        assert self.policies.activation
        document = orjson.loads(newest.document)
        document["policy"]["fund"] |= fund
        return await self.policies.activation.activate(
            PolicyDocument.model_validate(document),
            parent=newest.revision,
            author=ANN,
            thought=THOUGHT,
        )

    async def put(self, policy: ActivePolicy) -> None:
        """Write into Redis as somebody would who can, and has no regard for the script."""
        key = f"cio:{{{FUND}}}:policy"
        fields = ("revision", policy.revision, "tightened_revision", policy.tightened_revision)
        texts = ("document", policy.document, "signed", policy.signed)
        await send(self.house.redis_client, "HSET", key, *fields, *texts)

    def refusals(self, why: str) -> list[int]:
        """Return how often each gate said that it did not take a policy, and why."""
        logs = [replica.log.read_text() for replica in self.house.replicas]
        return [sum("policy_untrusted" in one and why in one for one in log.splitlines())
                for log in logs]  # fmt: skip


def approves(verdict: dict[str, Any]) -> bool:
    return bool(verdict["verdict"]["kind"] == "approve")


def codes(verdict: dict[str, Any]) -> list[str]:
    return [reason[0] for reason in verdict["verdict"]["reasons"]]


@pytest.fixture
async def floor(tmp_path: Path, mongo_url: str) -> AsyncIterator[Floor]:
    stated = {"mongo_url": mongo_url, "mongo_database": f"floor_{uuid4().hex}"}
    async with gate_house(tmp_path, **stated) as house:
        settings = load_settings(house.environ)
        charter = load_governing(settings.policy_file, settings.charter_file).charter
        async with (
            open_servers(settings, name="desk") as servers,
            open_policies(settings, servers, charter, signer=SIGNER) as policies,
        ):
            assert policies
            floor = Floor(house, policies, settings)
            await house.client.subscribe(JOURNAL_SUBJECT, cb=floor.heard)
            await house.start(*GATES)
            await floor.until_both(approves)
            yield floor


async def test_a_tightening_is_in_force_on_both_gates_and_nothing_slips_through(
    floor: Floor,
) -> None:
    begun = time.monotonic()
    made = await floor.change(max_order_notional_usd=WORTH_USD - 1)
    stored_s = time.monotonic() - begun
    await floor.until_both(lambda one: codes(one) == ["NOTIONAL_ABOVE_MAX"])
    in_force_s = time.monotonic() - begun
    print(f"a tightening: stored {stored_s:.3f} s, in force on both gates {in_force_s:.3f} s")  # noqa: T201
    await floor.house.settled()
    evidence = await gather(floor.house)
    evidence.check()
    revisions = {one["decision_id"]: one["decision"]["policy_revision"] for one in floor.verdicts}
    assert set(revisions.values()) == {1, made.revision}
    changes = [one["change"] for one in evidence.changes]
    told = [one for one in changes if one["subject"] == "policy"][-1]
    assert (told["scope"], told["author"], told["reason"]) == ("2", "ann", THOUGHT)


async def test_no_intent_in_flight_is_promoted_under_the_replaced_revision(floor: Floor) -> None:
    house = floor.house
    through: dict[int, set[str]] = {}
    withdrawn: Counter[str] = Counter()

    async def some_withdrawn() -> bool:
        await house.publish(messages(1_000, first=house.published))
        await house.until_begun()
        made = await floor.change(max_order_notional_usd=10 * WORTH_USD - len(through))
        through[made.revision - 1] = await house.in_ledger("begun", "approve")
        await house.settled()
        withdrawn.update(
            reason for (kind, _), reason in (await gather(house)).reasons.items()
            if kind == "withdrawal"
        )  # fmt: skip
        return bool(withdrawn)

    await eventually(some_withdrawn, timeout_s=60)
    (await gather(house)).check()
    revisions = {one["decision_id"]: one["decision"]["policy_revision"] for one in floor.verdicts}
    for revision, by_then in through.items():
        sent = {one.decision_id for one in house.signals if revisions[one.decision_id] == revision}
        assert sent <= by_then
    assert withdrawn.keys() == {"POLICY_STALE"}


DOCUMENT = canonical_json(PolicyDocument.model_validate({"policy": {"name": "wide open"}}))
FORGED = {
    "is not signed": ActivePolicy(2, 0, DOCUMENT),
    "which is not trusted": signed(2, DOCUMENT, fund=FUND, signer=STRANGER),
    "signature is wrong": replace(
        signed(2, DOCUMENT, fund=FUND),
        signed=signed(2, DOCUMENT, fund=FUND).signed.replace(b'"parent":1', b'"parent":0'),
    ),
    "signature is of another revision": replace(signed(1, DOCUMENT, fund=FUND), revision=2),
    "is signed for the fund other": signed(2, DOCUMENT, fund="other"),
}


@pytest.mark.parametrize("why", FORGED)
async def test_what_nobody_trusted_has_signed_is_refused_counted_and_put_right(
    floor: Floor, why: str
) -> None:
    good = await floor.house.store.active_policy()
    await floor.put(FORGED[why])
    await floor.until_both(lambda one: codes(one) == ["POLICY_UNTRUSTED"])
    assert {one["decision"]["policy_revision"] for one in floor.verdicts} == {1}
    assert floor.refusals(why) == [1, 1]
    await floor.policies.projection.look()
    await floor.until_both(approves)
    assert await floor.house.store.active_policy() == good


async def test_an_older_signed_revision_is_refused_and_the_last_good_one_stays(
    floor: Floor,
) -> None:
    first = await floor.house.store.active_policy()
    assert first
    made = await floor.change(max_order_notional_usd=WORTH_USD - 1)
    await floor.until_both(lambda one: codes(one) == ["NOTIONAL_ABOVE_MAX"])
    await floor.put(first)
    await floor.until_both(lambda one: "POLICY_UNTRUSTED" in codes(one))
    assert floor.refusals("revision 1 after revision 2") == [1, 1]
    await floor.policies.projection.look()
    await floor.until_both(lambda one: codes(one) == ["NOTIONAL_ABOVE_MAX"])
    assert await floor.house.store.active_policy() == projected(made)


async def test_an_emptied_redis_gets_the_policy_back_from_mongodb(floor: Floor) -> None:
    made = await floor.change(max_order_notional_usd=WORTH_USD - 1)
    await floor.house.redis_client.delete(f"cio:{{{FUND}}}:policy")
    async with role(run_control, floor.settings.model_copy(update={"http_port": 0})):

        async def is_back() -> bool:
            return await floor.house.store.active_policy() == projected(made)

        await eventually(is_back)
        await floor.house.redis_client.delete(f"cio:{{{FUND}}}:policy")
        await eventually(is_back)
    await floor.until_both(lambda one: codes(one) == ["NOTIONAL_ABOVE_MAX"])
