"""What is to be known of each limit besides its own description: its codes, exits, an example.

The reference of the policy shows it, and the self-test looks for these codes where it lets a limit
act. A limit without a row here is found by a test.
"""

from dataclasses import dataclass

from petrosa_cio.risk.reasons import ReasonCode as Code


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """What is to be known of one limit.

    Attributes:
        codes: The reasons that it can give.
        example: A value, as one writes it in YAML.
        holds_for_exits: Whether it can hold up an exit.
        names_entry: Whether its reasons name the entry that states it.
        unstated: What holds where nobody states it, in words; empty where a default counts.
    """

    codes: tuple[Code, ...]
    example: str
    holds_for_exits: bool = False
    names_entry: bool = True
    unstated: str = "nothing is limited"


_RATE = (Code.RATE_ABOVE_MAX,)
_SIZES = (Code.NOTIONAL_ABOVE_MAX, Code.QUANTITY_ABOVE_MAX)
_HALTS = (Code.FUND_HALTED, Code.STRATEGY_HALTED, Code.SYMBOL_HALTED)

FACTS: dict[str, LimitFacts] = {
    "allowed_strategies": LimitFacts((Code.STRATEGY_NOT_ALLOWED,), "[momentum_v1, golden_cross]"),
    "allowed_symbols": LimitFacts((Code.SYMBOL_NOT_ALLOWED,), "[BTCUSDT, ETHUSDT]"),
    "allowed_actions": LimitFacts((Code.ACTION_NOT_ALLOWED,), "[buy]"),
    "allowed_order_types": LimitFacts((Code.ORDER_TYPE_NOT_ALLOWED,), "[market, limit]"),
    "max_order_notional_usd": LimitFacts((Code.NOTIONAL_ABOVE_MAX,), "1000"),
    "max_order_quantity": LimitFacts((Code.QUANTITY_ABOVE_MAX,), "0.5"),
    "on_order_above_max": LimitFacts(_SIZES, "reduce", names_entry=False, unstated=""),
    "unsized_order_usd": LimitFacts(
        (Code.SIZE_UNKNOWN,), "100", unstated="an intent without a size is denied"
    ),
    "min_confidence": LimitFacts((Code.CONFIDENCE_BELOW_MIN,), "0.6"),
    "stop_loss_required": LimitFacts((Code.STOP_LOSS_REQUIRED,), "true", unstated="no"),
    "max_intent_age_s": LimitFacts(
        (Code.INTENT_STALE,),
        "60",
        holds_for_exits=True,
        unstated="300 counts, as the order engine takes nothing older",
    ),
    "max_clock_skew_s": LimitFacts(
        (Code.INTENT_FROM_FUTURE,), "5", holds_for_exits=True, unstated=""
    ),
    "max_intents_per_second": LimitFacts(_RATE, "5"),
    "max_intents_per_minute": LimitFacts(_RATE, "60"),
    "max_exits_per_minute": LimitFacts(_RATE, "600", holds_for_exits=True),
    "max_position_usd": LimitFacts((Code.POSITION_ABOVE_MAX,), "5000"),
    "max_gross_exposure_usd": LimitFacts((Code.GROSS_EXPOSURE_ABOVE_MAX,), "20000"),
    "regime_required": LimitFacts((Code.REGIME_UNKNOWN,), "true", unstated="no"),
    "max_regime_age_s": LimitFacts((Code.REGIME_STALE,), "2700"),
    "min_regime_confidence": LimitFacts((Code.REGIME_CONFIDENCE_LOW,), "0.5"),
    "regime_directions": LimitFacts((Code.REGIME_VETO,), "[long]"),
    "size_scale": LimitFacts((Code.REGIME_SCALED,), "0.5"),
    "halted_denies_exits": LimitFacts(
        _HALTS, "false", holds_for_exits=True, names_entry=False, unstated="no"
    ),
}
"""The facts of every limit, by name."""
