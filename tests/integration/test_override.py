"""``cio override`` beside a running gate: an order passes once, by two people, never in slices."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.app import run_gate, run_record
from petrosa_cio.errors import NotAllowed, OverrideRejected, Unavailable
from petrosa_cio.governance.signed_overrides import signed_override
from petrosa_cio.launch import open_records
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.overrides import Override, order_fingerprint
from petrosa_cio.risk.parse import parse_intent
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.servers import clock
from petrosa_cio.settings import load_settings
from tests.commands import cio
from tests.gates import intent
from tests.governing import THOUGHT
from tests.integration.governing_office import Office, office, records
from tests.policies import STRANGER
from tests.waiting import eventually

pytestmark = pytest.mark.integration
__all__ = ["office"]

LARGE = 0.1
"""5,000 USD: over the starter policy's 1,000, within the starter charter's 10,000."""

LIFT = ("--lift", "NOTIONAL_ABOVE_MAX")
WHY = ("--thought", THOUGHT)
LOOKED = ("--reason", "I looked at the book")


@dataclass
class Floor:
    """An office with a gate at work and a record that is kept."""

    office: Office
    sent: int = 0

    async def sends(self, **fields: object) -> dict[str, Any]:
        """Send an order as a person does, with a new id; return the gate's answer."""
        self.sent += 1
        body = intent(**{"intent_id": f"i-{self.sent}", "quantity": LARGE} | fields)
        return await self.sends_file(body)

    async def sends_file(self, body: bytes) -> dict[str, Any]:
        arguments = ("send", "--ask", "--new-ids", "--json", "-")
        _, output = await asyncio.to_thread(
            cio, *arguments, stdin=body, environ=self.office.environ
        )
        lines = [line for line in output.splitlines() if line.startswith("{")]
        answer: dict[str, Any] = json.loads(lines[0])
        return answer

    async def is_open(self) -> bool:
        """Return whether the gate answers."""
        try:
            return bool((await self.sends(action="hold"))["decision_id"])
        except Unavailable:
            return False

    async def is_recorded(self, decision: str) -> bool:
        async with open_records(load_settings(self.office.environ)) as found:
            return bool(await found.verdicts_called(decision))

    async def denied(self, **fields: object) -> str:
        """Let an order be denied, and its verdict come into the record."""
        answer = await self.sends(**fields)
        assert answer["verdict"] == "deny", answer
        decision = str(answer["decision_id"])
        await eventually(lambda: self.is_recorded(decision))
        return decision

    async def proposed(self, who: str, decision: str, *more: str) -> str:
        said = await self.office.said("override", "propose", decision, *LIFT, *WHY, *more, who=who)
        assert said["stage"] == "open"
        return str(said["override"])

    async def approved(self, who: str, called: str) -> dict[str, Any]:
        return await self.office.said("override", "approve", called, *LOOKED, who=who)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[RedisStateStore]:
        environ = self.office.environ
        redis = connect_redis(environ["CIO_REDIS_URL"], timeout_s=5)
        try:
            yield RedisStateStore(redis, environ["CIO_FUND"], timeout_s=5)
        finally:
            await redis.aclose()

    async def passes(self, **fields: object) -> dict[str, Any]:
        """Send an order until the gate has heard that it may pass."""
        answers: list[dict[str, Any]] = []

        async def passed() -> bool:
            answers.append(await self.sends(**fields))
            return bool(answers[-1]["verdict"] == "approve")

        await eventually(passed)
        return answers[-1]


@pytest.fixture
async def floor(office: Office) -> AsyncIterator[Floor]:
    settings, stop = load_settings(office.environ), asyncio.Event()
    floor = Floor(office)
    async with asyncio.TaskGroup() as roles:
        for role in (run_gate, run_record):
            roles.create_task(role(settings, stop))

        try:
            await eventually(floor.is_open)
            yield floor
        finally:
            stop.set()


async def test_an_order_passes_once_by_two_people(floor: Floor) -> None:
    office, decision = floor.office, await floor.denied()
    called = await floor.proposed("ann", decision, "--for", "30m")
    with pytest.raises(NotAllowed, match="of their own"):
        await floor.approved("ann", called)
    with pytest.raises(NotAllowed, match="may not approve"):
        await floor.approved("bot", called)
    assert (await floor.sends())["verdict"] == "deny"
    code, shown = await office.cio("override", "show", called[:8])
    assert code == 0
    for seen in (decision, "NOTIONAL_ABOVE_MAX", "quantity 0.1", "ann (risk_officer)", THOUGHT):
        assert seen in shown
    approved = await floor.approved("bob", called)
    assert (approved["stage"], approved["behind"]) == ("approved", ["ann", "bob"])
    for quantity in (0.05, 0.11):
        sliced = await floor.sends(quantity=quantity)
        assert sliced["verdict"] == "deny", sliced
    _, order = await office.cio("override", "show", called, "--order")
    answer = await floor.passes()
    assert (answer["quantity"], answer["reasons"]) == ("0.1", [])
    again = await floor.sends_file(order.encode())
    assert again["verdict"] == "deny"
    assert "NOTIONAL_ABOVE_MAX" in again["reasons"][0]
    used = await office.said("override", "show", called)
    assert (used["stage"], used["used_by"]) == ("used", answer["decision_id"])
    with pytest.raises(NotAllowed, match="used by decision"):
        await floor.approved("bob", called)
    await is_proved(floor, answer["decision_id"], called)
    subjects = [
        one["change"]["subject"]
        for one in await records(office.environ["CIO_NATS_URL"])
        if one["kind"] == "change" and one["change"]["scope"] == called
    ]
    assert subjects == ["override_proposal", "override_step", "override"]


async def is_proved(floor: Floor, decision: str, called: str) -> None:
    """Explain and replay the verdict from the record that is kept."""
    await eventually(lambda: floor.is_recorded(decision))
    code, told = await floor.office.cio("explain", decision)
    assert code == 0
    assert f"lifted by override {called[:12]} of ann, approved by bob" in told
    code, told = await floor.office.cio("replay", decision)
    assert (code, "1 equal" in told) == (0, True), told


async def test_what_an_agent_wants_takes_two_people(floor: Floor) -> None:
    called = await floor.proposed("bot", await floor.denied())
    assert (await floor.approved("ann", called))["stage"] == "open"
    with pytest.raises(NotAllowed, match="approved it before"):
        await floor.approved("ann", called)
    async with floor.store() as store:
        assert await store.overrides() == {}
        assert (await floor.approved("bob", called))["stage"] == "approved"
        assert [*await store.overrides()] == [called]
    _, listed = await floor.office.cio("override", "list")
    assert (called[:12] in listed, "bot (agent)" in listed) == (True, True)


async def test_a_signed_override_that_is_put_back_after_its_use_does_nothing(floor: Floor) -> None:
    called = await floor.proposed("ann", await floor.denied())
    await floor.approved("bob", called)
    async with floor.store() as store:
        stolen = (await store.overrides())[called]
        first = (await floor.passes())["decision_id"]
        assert not await store.put_override(called, stolen)
        await store._put("overrides", called, stolen)  # as somebody with the password would

        async def is_denied_for_that() -> bool:
            reasons = (await floor.sends())["reasons"]
            return f"OVERRIDE_USED: limit=once, observed={first}" in reasons

        await eventually(is_denied_for_that)


def refusals() -> float:
    return REGISTRY.get_sample_value("cio_overrides_refused_total") or 0


async def test_a_forged_override_does_nothing_and_is_counted(floor: Floor) -> None:
    order, now, before = parse_intent(intent(quantity=LARGE)), clock(), refusals()
    assert isinstance(order, Intent)
    lifts = (ReasonCode.NOTIONAL_ABOVE_MAX,)
    ends = now + timedelta(minutes=10)
    forged = Override("f" * 64, order_fingerprint(order), lifts, now, ends, "ann", ("bob",))
    document = signed_override(forged, floor.office.environ["CIO_FUND"], STRANGER)
    async with floor.store() as store:
        await store.put_override(forged.override_id, document)
        await eventually(lambda: refusals() == before + 1)
        assert (await floor.sends())["verdict"] == "deny"
        assert await store.override_user(forged.override_id) is None


async def test_refused_attempts_leave_a_record(floor: Floor) -> None:
    decision = await floor.denied(confidence=0.1)
    for arguments in (
        ("propose", decision, "--lift", "CONFIDENCE_BELOW_MIN", *WHY),
        ("propose", decision, "--lift", "GROSS_EXPOSURE_ABOVE_MAX", *WHY),
        ("propose", "nothing-of-the-kind", *LIFT, *WHY),
    ):
        with pytest.raises(OverrideRejected):
            await floor.office.cio("override", *arguments, who="ann")
    rejected = await floor.proposed("ann", decision)
    said = await floor.office.said("override", "reject", rejected, *LOOKED, who="bob")
    assert (said["stage"], said["left"]) == ("rejected", ["CONFIDENCE_BELOW_MIN"])
    with pytest.raises(NotAllowed, match="rejected"):
        await floor.approved("bob", rejected)
    refused = [
        one["change"]["author"]
        for one in await records(floor.office.environ["CIO_NATS_URL"])
        if one["kind"] == "change" and one["change"]["subject"] == "refused"
    ]
    assert refused == ["ann", "ann", "ann", "bob"]
