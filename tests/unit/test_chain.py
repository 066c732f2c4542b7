"""The bytes that are hashed, and how records follow one another."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from types import SimpleNamespace

import pytest

from petrosa_cio.audit.chain import (
    GENESIS,
    Document,
    NotChainable,
    canonical,
    chained,
    hash_of,
    head_at,
    whole_ms,
)
from petrosa_cio.audit.trace import read_entries
from tests.loading import ROOT
from tests.records import NOON, entry, later_line, verdict_line


def test_the_canonical_bytes_are_what_the_document_describes() -> None:
    document = {
        "seq": 7,
        "codes": ["A", "B"],
        "at": NOON.replace(microsecond=7_000),
        "symbol": None,
        "record": '{"é": "\\n"}',
        "hash": "left out",
    }
    expected = (
        '{"at":{"$date":"2026-11-23T12:00:00.007Z"},"codes":["A","B"],'
        '"record":"{\\"é\\": \\"\\\\n\\"}","seq":7,"symbol":null}'
    )
    assert canonical(document) == expected.encode()
    assert hash_of(document) == sha256(expected.encode()).hexdigest()


def test_the_order_of_fields_does_not_matter_and_their_zone_neither() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert canonical({"a": 1, "at": NOON}) == canonical({"at": elsewhere, "a": 1})


class Marked(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "odd",
    [
        0.5, float("nan"), Decimal(1), b"x", {"$date": "2026-11-23T12:00:00.000Z"}, Marked("x"),
        [["x", 1.0]], 2**64, NOON.replace(tzinfo=None), NOON.replace(microsecond=1),
        SimpleNamespace(), "\ud800",
    ],
)  # fmt: skip
def test_what_would_not_come_back_as_it_was_is_no_part_of_a_record(odd: object) -> None:
    with pytest.raises(ValueError, match=r"expected|no canonical bytes"):
        canonical({"odd": odd})
    with pytest.raises(NotChainable) as refused:
        chained(GENESIS, [{"a": 1}, {"odd": odd}])
    assert refused.value.index == 1


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, "1"), (None, "null"), ([], None)])
def test_what_is_different_has_other_bytes(one: object, other: object) -> None:
    assert canonical({"x": one}) != canonical({"x": other})


def test_each_record_names_the_one_before_it() -> None:
    first, second = chained(GENESIS, [{"_id": "a"}, {"_id": "b"}])
    assert (first["seq"], first["prev_hash"]) == (1, "0" * 64)
    assert (second["seq"], second["prev_hash"]) == (2, first["hash"])
    assert chained(head_at(first), [{"_id": "b"}]) == [second]


def test_what_continues_a_chain_is_left_as_it_was() -> None:
    document: Document = {"_id": "a"}
    chained(GENESIS, [document])
    assert document == {"_id": "a"}


def test_an_instant_is_rounded_down() -> None:
    instant = datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC)
    assert whole_ms(instant) == instant.replace(microsecond=999_000)


def test_what_the_document_says_computes_the_same_hash() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/AUDIT.md").read_text("utf-8"), re.S)
    told: dict[str, Callable[[Document], str]] = {}
    exec(code, told)  # noqa: S102 - our own document
    lines = [verdict_line('é "\\ \u2028'), later_line("d1"), b"odd"]
    for document in chained(GENESIS, read_entries([entry(*lines)]).traces):
        assert told["hash_of"](document) == document["hash"]
