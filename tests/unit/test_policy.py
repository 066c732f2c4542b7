"""The documents that govern: what is refused in them, and what is worked out of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from petrosa_cio.risk import in_force
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import (
    Charter,
    Overlay,
    Policy,
    PolicyDocument,
    canonical_json,
    charter_problems,
    document_hash,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def book_of(policy: dict[str, Any], *overlays: dict[str, Any]) -> PolicyBook:
    document = PolicyDocument.model_validate({"policy": policy, "overlays": overlays})
    return PolicyBook(document, Charter())


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"fund": {"max_positon_usd": 1}}, "Extra inputs are not permitted"),
        ({"funds": {}}, "Extra inputs are not permitted"),
        ({"fund": {"max_position_usd": "NaN"}}, "finite number"),
        ({"fund": {"max_position_usd": -1}}, "greater than or equal to 0"),
        ({"fund": {"max_position_usd": "1e12"}}, "less than or equal to 100000000000"),
        ({"fund": {"max_position_usd": "1e-999999"}}, "34 digits"),
        ({"fund": {"max_position_usd": "0.0000000000000000001"}}, "18 decimal places"),
        ({"fund": {"min_confidence": "1.01"}}, "less than or equal to 1"),
        ({"fund": {"max_intents_per_second": 1.5}}, "valid integer"),
        ({"fund": {"max_intent_age_s": "60"}}, "valid integer"),
        ({"fund": {"allowed_symbols": ["btcusdt"]}}, "match pattern"),
        ({"symbols": {"btcusdt": {}}}, "match pattern"),
        ({"strategy_symbols": {"momentum_v1": {"BTC*": {}}}}, "match pattern"),
        ({"strategies": {"": {}}}, "at least 1 character"),
        ({"fund": {"size_scale": 1}}, "fund.size_scale is only valid under regimes"),
        (
            {"strategy_symbols": {"a": {"*": {"regime_directions": []}}}},
            "strategy_symbols.a.*.regime_directions is only valid under regimes",
        ),
        ({"schema_version": 2}, "Input should be 1"),
    ],
)
def test_a_policy_with_a_mistake_is_refused(policy: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem.replace("*", r"\*")):
        Policy.model_validate(policy)


@pytest.mark.parametrize(
    ("charter", "problem"),
    [
        ({"required_limits": ["max_luck"]}, "required_limits names no limit: max_luck"),
        ({"bounds": {"size_scale": "0.5"}}, "bounds may not state size_scale"),
        ({"limits": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_charter_with_a_mistake_is_refused(charter: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Charter.model_validate(charter)


def test_an_overlay_ends_at_an_instant_with_a_zone() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Overlay.model_validate({"overlay_id": "x", "reason": "x", "expires_at": "2026-03-02T12:00"})


def test_what_is_looser_than_the_charter_is_named() -> None:
    charter = Charter.model_validate(
        {"bounds": {"max_position_usd": 10, "allowed_symbols": ["BTCUSDT"], "min_confidence": 0.5}}
    )
    policy = Policy.model_validate(
        {
            "fund": {"max_position_usd": 11, "max_gross_exposure_usd": 10**6},
            "symbols": {"BTCUSDT": {"max_position_usd": 10, "min_confidence": None}},
            "strategies": {"*": {"allowed_symbols": ["ETHUSDT"]}},
        }
    )
    assert charter_problems(policy, charter) == [
        "fund.max_position_usd is 11, looser than the charter's 10",
        "strategies.*.allowed_symbols is ETHUSDT, looser than the charter's BTCUSDT",
    ]


def test_one_document_has_one_canonical_form() -> None:
    one = Policy.model_validate_json(
        '{"fund": {"allowed_symbols": ["B00", "A00"], "max_position_usd": 1}, "name": "x"}'
    )
    two = Policy.model_validate_json(
        '{"name": "x", "fund": {"max_position_usd": 1, "allowed_symbols": ["A00", "B00"]}}'
    )
    assert canonical_json(one) == canonical_json(two)
    assert document_hash(one) == document_hash(two)
    assert canonical_json(one) == (
        b'{"fund":{"allowed_symbols":["A00","B00"],"max_position_usd":"1"},"name":"x"}'
    )


def test_overlays_keep_their_order_in_the_canonical_form() -> None:
    overlays = [
        {"overlay_id": name, "reason": "x", "expires_at": "2026-03-02T12:00:00Z"} for name in "ba"
    ]
    document = PolicyDocument.model_validate({"policy": {}, "overlays": overlays})
    text = canonical_json(document)
    assert text.index(b'"overlay_id":"b"') < text.index(b'"overlay_id":"a"')


def test_what_is_in_force_is_worked_out_once() -> None:
    book = book_of({"fund": {"max_position_usd": 10}})
    first = book.in_force("momentum_v1", "BTCUSDT", None, NOW)
    assert book.in_force("momentum_v1", "BTCUSDT", None, NOW) is first
    assert book.in_force("momentum_v1", "BTCUSDT", "calm", NOW) is not first


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_force, "CACHE_SIZE", 2)
    book = book_of({"fund": {"max_position_usd": 10}})
    first = book.in_force("a", "BTCUSDT", None, NOW)
    for name in ("b", "c"):
        book.in_force(name, "BTCUSDT", None, NOW)
    again = book.in_force("a", "BTCUSDT", None, NOW)
    assert again == first
    assert again is not first


def test_two_books_of_one_document_are_equal() -> None:
    assert book_of({"fund": {"max_position_usd": 10}}) == book_of(
        {"fund": {"max_position_usd": 10}}
    )


def test_every_limit_says_what_it_is_and_when_to_change_it() -> None:
    for name, field in LimitSet.model_fields.items():
        assert field.description
        assert field.description.endswith(".")
        assert LIMIT_KINDS[name].unit
        assert LIMIT_KINDS[name].when_to_change.endswith(".")
