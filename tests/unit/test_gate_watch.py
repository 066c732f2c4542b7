"""What the control process believes of the gates."""

import json
from datetime import UTC, datetime

import pytest

from petrosa_cio.nurse.heartbeat import Health, Heartbeat
from petrosa_cio.surfaces.gate_watch import ACTIVE, GateWatch


class Watched:
    """A watch with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.watch = GateWatch(lambda: self.now_s, silent_after_s=3)

    def hear(self, replica: str = "gate-1", status: str = ACTIVE, **found: str) -> None:
        beat = {"replica": replica, "status": status, "dependencies": found}
        self.watch.heard(json.dumps(beat).encode())


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_without_a_gate_nothing_is_ready(watched: Watched) -> None:
    assert watched.watch.problems() == ["no gate has been heard for 3 s"]


def test_one_gate_that_is_well_is_enough(watched: Watched) -> None:
    watched.hear("gate-1", "DEGRADED", redis="silent")
    watched.hear("gate-2", redis="ok")
    assert watched.watch.problems() == []


def test_what_ails_every_gate_is_said(watched: Watched) -> None:
    watched.hear("gate-2", "DEGRADED", nats="ok", redis="silent")
    watched.hear("gate-1", "DEGRADED", policy="none in force")
    assert watched.watch.problems() == [
        "gate gate-1: policy: none in force",
        "gate gate-2: redis: silent",
    ]


def test_a_gate_that_falls_silent_is_gone(watched: Watched) -> None:
    watched.hear()
    watched.now_s += 3
    assert watched.watch.problems() == []
    watched.now_s += 0.1
    assert watched.watch.problems() == ["no gate has been heard for 3 s"]
    watched.hear()
    assert watched.watch.problems() == []


def test_a_gate_that_is_not_well_is_never_ready_even_if_it_does_not_say_why(
    watched: Watched,
) -> None:
    watched.hear("gate-1", "STARTING", redis="ok")
    assert watched.watch.problems() == ["gate gate-1: STARTING"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"7",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"replica": "x", "status": "GOVERNANCE_ACTIVE"}',
        b'{"replica": "x", "status": "GOVERNANCE_ACTIVE", "dependencies": 7}',
        b'{"replica": "x", "status": "GOVERNANCE_ACTIVE", "dependencies": "ok"}',
        b'{"replica": "x", "status": "GOVERNANCE_ACTIVE", "dependencies": [1]}',
        b'{"service": "someone-else", "timestamp": 1}',
    ],
)
def test_what_is_no_heartbeat_is_passed_by(watched: Watched, body: bytes) -> None:
    watched.watch.heard(body)
    assert watched.watch.problems() == ["no gate has been heard for 3 s"]


def test_it_understands_the_heartbeat_of_a_gate(watched: Watched) -> None:
    health = Health({"nats": None})
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    gate = Heartbeat(
        lambda: health, clock=lambda: noon, version="0.1.0", replica="gate-1", completeness=dict
    )
    watched.watch.heard(gate.beat())
    assert watched.watch.problems() == []
