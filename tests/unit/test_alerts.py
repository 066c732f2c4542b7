"""What is worth an alert, and how alerts wait for their receiver."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from petrosa_cio.adapters.memory_outbox import MemoryOutbox
from petrosa_cio.audit.findings import Finding, FindingKind, finding_document
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import WaitingAlert
from petrosa_cio.surfaces.alerts import (
    MEANINGS,
    Alert,
    Edges,
    State,
    alert_of_finding,
    alert_of_state,
)
from petrosa_cio.surfaces.gate_watch import GateWatch
from petrosa_cio.surfaces.webhook import GIVEN_UP_AFTER_S, LONGEST_PAUSE_S, Webhook, pause_s
from tests.governing import NOON


def finding(kind: FindingKind = FindingKind.UNDELIVERED, fund: str = "main") -> bytes:
    one = Finding(kind, "d1", NOON, {"n": 1}, "d1")
    return orjson.dumps(finding_document(one, fund=fund, found_at=NOON))


def switched(subject: str = "trading_state", value: str = "halted", fund: str = "main") -> bytes:
    return change_record("c1", Change(subject, "fund", value, "ann", "why"), at=NOON, fund=fund)


@pytest.mark.parametrize("kind", list(FindingKind))
def test_every_finding_is_an_alert_with_its_own_identity(kind: FindingKind) -> None:
    alert = alert_of_finding(finding(kind), "main", NOON)
    assert alert is not None
    told = orjson.loads(alert.body())
    assert (told["kind"], told["over"], told["detail"]["decision_id"]) == (kind, False, "d1")
    assert told["id"] == orjson.loads(finding(kind))["_id"]
    assert told["meaning"] == MEANINGS[kind]


@pytest.mark.parametrize(
    "message", [b"", b"[]", b"{}", b'{"kind":"undelivered"}', finding(fund="other"), b"\xff"]
)
def test_what_is_no_finding_of_the_fund_is_no_alert(message: bytes) -> None:
    assert alert_of_finding(message, "main", NOON) is None


@pytest.mark.parametrize(
    ("value", "is_over"), [("halted", False), ("reducing", False), ("active", True)]
)
def test_a_switch_is_an_alert(value: str, is_over: bool) -> None:
    alert = alert_of_state(switched(value=value), "main", NOON)
    assert alert is not None
    assert (alert.is_over, alert.detail["value"], alert.detail["scope"]) == (is_over, value, "fund")


@pytest.mark.parametrize("message", [b"no", b"{}", switched("regime"), switched(fund="other")])
def test_what_is_no_switch_of_the_fund_is_no_alert(message: bytes) -> None:
    assert alert_of_state(message, "main", NOON) is None


def test_a_state_is_told_when_it_begins_and_when_it_ends() -> None:
    edges = Edges("main", lambda: NOON)
    assert edges.note(State.POLICY_STALE, None) is None
    began = edges.note(State.POLICY_STALE, "for 7 s")
    assert began is not None
    assert not began.is_over
    assert edges.note(State.POLICY_STALE, "for 8 s") is None
    other = edges.note(State.RECORD_LAGS, "much")
    assert other is not None
    ended = edges.note(State.POLICY_STALE, None)
    assert ended is not None
    assert ended.is_over
    assert len({began.alert_id, other.alert_id, ended.alert_id}) == 3


def test_gates_say_which_dependency_ails() -> None:
    watch = GateWatch(lambda: 0.0, silent_after_s=3)
    beat = {"replica": "g1", "status": "DEGRADED", "dependencies": {"policy": "none in force"}}
    watch.heard(orjson.dumps(beat))
    watch.heard(orjson.dumps(beat | {"replica": "g2", "dependencies": {"policy": "ok"}}))
    assert watch.ailing("policy") == ["gate g1: none in force"]
    assert watch.ailing("journal") == []


# --- waiting --------------------------------------------------------------------------------------


class Post:
    """A receiver that takes alerts, or does not."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.tried = 0
        self.is_away = False

    async def tell(self, alert: WaitingAlert) -> None:
        self.tried += 1
        if self.is_away:
            raise Unavailable("webhook", "away for a test")
        self.taken.append(alert.alert_id)


class World:
    def __init__(self, room: int = 3) -> None:
        self.now = NOON
        self.post, self.outbox = Post(), MemoryOutbox(room)
        self.webhook = Webhook(self.outbox, self.post, lambda: self.now, room=room)

    def hear(self, *names: str) -> None:
        for name in names:
            self.webhook.take(Alert(name, State.RECORD_LAGS, "main", NOON, False, {}))

    async def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await self.webhook.keep()
        await self.webhook.tell()


async def test_alerts_are_told_in_order_and_once() -> None:
    world = World()
    world.hear("a", "b")
    world.webhook.take(None)
    for _ in range(3):
        await world.pass_time(1)
    assert world.post.taken == ["a", "b"]


async def test_a_receiver_that_fails_is_left_alone_longer_and_longer() -> None:
    world = World()
    world.post.is_away = True
    world.hear("a")
    seen = []
    for _ in range(70):
        await world.pass_time(1)
        seen.append(world.post.tried)
    assert [seen.index(number) for number in range(1, 7)] == [0, 2, 6, 14, 30, 62]
    world.post.is_away = False
    await world.pass_time(LONGEST_PAUSE_S)
    assert world.post.taken == ["a"]


async def test_one_failure_ends_the_round() -> None:
    world = World()
    world.post.is_away = True
    world.hear("a", "b", "c")
    await world.pass_time(1)
    assert world.post.tried == 1


def test_pauses_grow_and_end_growing() -> None:
    assert [pause_s(tries) for tries in range(4)] == [2, 4, 8, 16]
    assert pause_s(10_000) == LONGEST_PAUSE_S


async def test_what_nobody_takes_for_a_day_is_given_up() -> None:
    world = World()
    world.post.is_away = True
    world.hear("a")
    await world.pass_time(1)
    await world.pass_time(GIVEN_UP_AFTER_S)
    assert await world.outbox.waiting() == 0


async def test_what_finds_no_room_is_dropped_and_nothing_else() -> None:
    world = World(room=2)
    world.post.is_away = True
    world.hear("a", "b", "c")
    await world.pass_time(1)
    world.hear("d")
    await world.pass_time(1)
    world.post.is_away = False
    await world.pass_time(LONGEST_PAUSE_S)
    assert sorted(world.post.taken) == ["a", "b"]


async def test_while_the_outbox_is_away_alerts_wait_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    async def away(*_: Any, **__: Any) -> bool:
        raise Unavailable("redis", "away for a test")

    world.hear("a")
    with monkeypatch.context() as broken:
        broken.setattr(world.outbox, "put", away)
        with pytest.raises(Unavailable):
            await world.webhook.keep()
    await world.pass_time(1)
    assert world.post.taken == ["a"]
