"""Which records a hold keeps, by example."""

from datetime import timedelta

import orjson
import pytest

from petrosa_cio.audit.holds import (
    Held,
    hold_change,
    read_holds,
    record_of,
    release_change,
    release_id,
)
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.audit.trace import instead, place_of, read_entries
from petrosa_cio.risk.parse import Malformed
from tests.records import NOON, entry, later_line, verdict_line

HOUR = timedelta(hours=1)

[VERDICT, LATER, MALFORMED, CHANGE] = read_entries(
    [
        entry(
            verdict_line("d1"),
            later_line("d1"),
            verdict_line("d2", intent=Malformed("no JSON")),
            change_record("c1", Change("policy", "1", "{}", "ops", "why"), at=NOON, fund="main"),
        )
    ]
).traces
POISONED = instead(b"odd", "not JSON", place_of(VERDICT))


@pytest.mark.parametrize(
    ("held", "is_held"),
    [
        (Held(strategy="momentum"), True),
        (Held(strategy="other"), False),
        (Held(symbol="BTCUSDT"), True),
        (Held(symbol="ETHUSDT"), False),
        (Held(strategy="momentum", symbol="ETHUSDT"), False),
        (Held(name="d1"), True),
        (Held(name="i-1"), True),  # what its bot called the intent
        (Held(name="d"), False),
        (Held(since=NOON), True),
        (Held(since=NOON + HOUR), False),
        (Held(until=NOON), False),
        (Held(until=NOON + HOUR), True),
        (Held(strategy="momentum", until=NOON), False),
    ],
)
def test_a_verdict_is_held_where_all_that_is_stated_is_true(held: Held, is_held: bool) -> None:
    assert held.names(VERDICT) is is_held


@pytest.mark.parametrize("held", [Held(strategy="x"), Held(symbol="ETHUSDT"), Held(name="x")])
def test_what_does_not_say_whom_it_is_about_is_held(held: Held) -> None:
    assert held.names(POISONED)
    assert held.names(MALFORMED) is (held.name is None)


def test_what_does_not_say_whom_it_is_about_says_when() -> None:
    assert not Held(strategy="x", until=NOON).names(POISONED)


def test_what_became_of_a_decision_is_held_with_it_or_by_its_time() -> None:
    assert Held(name="d1").names(LATER)
    assert not Held(name="d2").names(LATER)
    assert Held(since=NOON).names(CHANGE)
    assert not Held(since=NOON, strategy="momentum").names(CHANGE)


def hold(hold_id: str, held: Held, author: str = "counsel") -> bytes:
    change = hold_change(hold_id, held, author=author, reason="inquiry")
    return change_record(hold_id, change, at=NOON, fund="main")


def release(hold_id: str, author: str = "chief") -> bytes:
    change = release_change(hold_id, author=author, reason="closed")
    return change_record(release_id(hold_id), change, at=NOON + HOUR, fund="main")


def test_a_hold_is_read_as_it_was_placed() -> None:
    held = Held("momentum", "BTCUSDT", NOON, NOON + HOUR, "d1")
    [found] = read_holds([hold("hold-1", held)])
    assert (found.hold_id, found.held, found.released) == ("hold-1", held, None)
    assert (found.placed.author, found.placed.reason, found.placed.at) == (
        "counsel", "inquiry", NOON,
    )  # fmt: skip


def test_a_hold_keeps_what_it_names_and_its_own_record_until_it_is_released() -> None:
    lines = [hold("hold-1", Held(strategy="momentum"))]
    [own] = read_entries([entry(*lines)]).traces
    assert own["_id"] == record_of("hold-1")
    [standing] = read_holds(lines)
    assert (standing.keeps(VERDICT), standing.keeps(own)) == (True, True)
    [released] = read_holds([release("hold-1"), *lines])
    assert released.released
    assert released.released.author == "chief"
    assert (released.keeps(VERDICT), released.keeps(own)) == (False, False)


def test_one_release_ends_one_hold() -> None:
    lines = [hold("hold-1", Held(name="d1")), hold("hold-2", Held(name="d1")), release("hold-2")]
    assert [one.released is None for one in read_holds(lines)] == [True, False]


@pytest.mark.parametrize(
    "odd",
    [
        b"{",
        b"{}",
        orjson.dumps({"at": "noon", "change": {"subject": "hold", "scope": "h", "value": "{}"}}),
        hold("h", Held()).replace(b'"value":"{}"', b'"value":"{\\"other\\":1}"'),
    ],
)
def test_what_does_not_read_is_not_passed_over(odd: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_holds([odd])
