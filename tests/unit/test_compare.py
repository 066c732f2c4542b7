"""What a change of policy does: tighter, looser, mixed or nothing."""

from decimal import Decimal
from typing import Any

import pytest

from petrosa_cio.risk.compare import FieldChange, compare
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.policy import Policy

CHANGES = [
    # A ceiling, a floor, a flag, a list, a scale
    ({"max_position_usd": 10}, {"max_position_usd": 9}, "tighter"),
    ({"max_position_usd": 10}, {"max_position_usd": 11}, "looser"),
    ({"max_position_usd": 10}, {"max_position_usd": "10.0"}, "equal"),
    ({}, {"max_position_usd": 10}, "tighter"),
    ({"max_position_usd": 10}, {}, "looser"),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.6"}, "tighter"),
    ({"min_confidence": "0.5"}, {"min_confidence": "0.4"}, "looser"),
    ({"stop_loss_required": False}, {"stop_loss_required": True}, "tighter"),
    ({"stop_loss_required": True}, {"stop_loss_required": False}, "looser"),
    ({"allowed_symbols": ["BTCUSDT", "ETHUSDT"]}, {"allowed_symbols": ["BTCUSDT"]}, "tighter"),
    ({"allowed_symbols": ["BTCUSDT"]}, {"allowed_symbols": ["BTCUSDT", "ETHUSDT"]}, "looser"),
    ({"allowed_symbols": ["BTCUSDT"]}, {"allowed_symbols": ["ETHUSDT"]}, "mixed"),
    ({}, {"allowed_symbols": []}, "tighter"),
    # Who states nothing denies an oversized order
    ({}, {"on_order_above_max": "deny"}, "tighter"),
    ({}, {"on_order_above_max": "reduce"}, "looser"),
    ({"on_order_above_max": "reduce"}, {"on_order_above_max": "deny"}, "tighter"),
    ({"on_order_above_max": "reduce"}, {}, "mixed"),
    ({"on_order_above_max": "deny"}, {}, "looser"),
    # Who states nothing tolerates a clock that is 5 s ahead
    ({}, {"max_clock_skew_s": 4}, "tighter"),
    ({}, {"max_clock_skew_s": 5}, "tighter"),
    ({}, {"max_clock_skew_s": 6}, "looser"),
    ({"max_clock_skew_s": 6}, {}, "mixed"),
    ({"max_clock_skew_s": 4}, {}, "looser"),
    # Who states nothing denies what has no size
    ({}, {"unsized_order_usd": 20}, "looser"),
    ({"unsized_order_usd": 20}, {}, "mixed"),
    ({"unsized_order_usd": 20}, {"unsized_order_usd": 10}, "mixed"),
    # Together
    ({"max_position_usd": 10}, {"max_position_usd": 9, "min_confidence": "0.1"}, "tighter"),
    ({"max_position_usd": 10}, {"max_position_usd": 11, "min_confidence": "0.1"}, "mixed"),
]


@pytest.mark.parametrize(("old", "new", "change"), CHANGES)
def test_change_of_the_fund(old: dict[str, Any], new: dict[str, Any], change: str) -> None:
    comparison = compare(Policy.model_validate({"fund": old}), Policy.model_validate({"fund": new}))
    assert comparison.change == change
    assert bool(comparison.loosened) == (change in ("looser", "mixed"))


def test_every_loosened_field_is_named_with_its_place() -> None:
    old = Policy.model_validate(
        {
            "fund": {"max_position_usd": 10},
            "strategies": {"*": {"max_order_notional_usd": 10}},
            "strategy_symbols": {"momentum_v1": {"BTCUSDT": {"min_confidence": "0.5"}}},
        }
    )
    new = Policy.model_validate(
        {
            "fund": {"max_position_usd": 9},
            "strategies": {
                "*": {"max_order_notional_usd": 10},
                "momentum_v1": {"max_order_notional_usd": 20},
            },
        }
    )
    comparison = compare(old, new)
    assert comparison.change is Change.MIXED
    assert {(change.path, change.change) for change in comparison.changes} == {
        ("fund.max_position_usd", Change.TIGHTER),
        ("strategies.momentum_v1.max_order_notional_usd", Change.LOOSER),
        ("strategy_symbols.momentum_v1.BTCUSDT.min_confidence", Change.LOOSER),
    }
    assert len(comparison.loosened) == 2


def test_a_specific_entry_looser_than_the_default_loosens() -> None:
    old = Policy.model_validate({"symbols": {"*": {"max_position_usd": 10}}})
    new = Policy.model_validate(
        {"symbols": {"*": {"max_position_usd": 10}, "BTCUSDT": {"max_position_usd": 20}}}
    )
    assert compare(old, new).change is Change.LOOSER
    assert compare(new, old).change is Change.TIGHTER


def test_an_entry_of_a_strategy_and_a_symbol_is_compared_with_itself() -> None:
    old, new = (
        Policy.model_validate(
            {"strategy_symbols": {"momentum_v1": {"BTCUSDT": {"max_position_usd": usd}}}}
        )
        for usd in (10, 9)
    )
    (tightened,) = compare(old, new).changes
    path = "strategy_symbols.momentum_v1.BTCUSDT.max_position_usd"
    assert tightened == FieldChange(path, Change.TIGHTER, Decimal(10), Decimal(9))
    assert compare(new, old).loosened == (
        FieldChange(path, Change.LOOSER, Decimal(9), Decimal(10)),
    )
