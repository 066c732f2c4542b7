"""The rules by which one limit stands in another's way, as data: to add one, add a line.

A *contradiction* is an error: what the policy lets bots ask for could never pass. A limit that
another one makes pointless is a warning: an emergency tightening makes many, and must not be
refused for them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from petrosa_cio.risk.checks.well_formed import ENGINE_MAX_AGE_S
from petrosa_cio.risk.intent import OrderType
from petrosa_cio.risk.limits import LimitSet


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What the first limit asks for, the second can never let pass.

    Attributes:
        field: The limit that asks for it.
        against: The limit that is in its way.
        clash: Whether the two values in force contradict each other.
        sentence: What follows; ``{value}`` and ``{bound}`` stand for the two.
        fix: What to do.
    """

    field: str
    against: str
    clash: Callable[[LimitSet], bool]
    sentence: str
    fix: str


@dataclass(frozen=True, slots=True)
class Pointless:
    """A limit that can never bind, as others are stricter whatever happens.

    Attributes:
        field: The limit.
        by: The limits of which one makes it pointless, or without which it means nothing.
        holds: Whether it is so with the values in force.
        sentence: Why; ``{value}`` stands for its value.
        fix: What to do.
        over_time: Whether it is so only where it holds for all that a strategy does, as what it
            did elsewhere or in another regime counts too.
    """

    field: str
    by: tuple[str, ...]
    holds: Callable[[LimitSet], bool]
    sentence: str
    fix: str
    over_time: bool = False


def _over(field: str, bound: str) -> Callable[[LimitSet], bool]:
    """Return whether a value is over a bound that lets something pass."""

    def clash(limits: LimitSet) -> bool:
        value, highest = getattr(limits, field), getattr(limits, bound)
        return value is not None and bool(highest) and value > highest

    return clash


def _unsized_above(bound: str) -> Contradiction:
    return Contradiction(
        "unsized_order_usd",
        bound,
        _over("unsized_order_usd", bound),
        f"intents without a size get {{value}} USD, over {bound} of {{bound}}: none of them can "
        "ever pass",
        f"Lower unsized_order_usd to {bound} or less.",
    )


def _unsized_above_order(limits: LimitSet) -> bool:
    over = _over("unsized_order_usd", "max_order_notional_usd")
    return limits.on_order_above_max != "reduce" and over(limits)


CONTRADICTIONS: tuple[Contradiction, ...] = (
    Contradiction(
        "unsized_order_usd",
        "max_order_notional_usd",
        _unsized_above_order,
        "intents without a size get {value} USD, over max_order_notional_usd of {bound}: none of "
        "them can ever pass",
        "Lower unsized_order_usd, or state on_order_above_max: reduce.",
    ),
    _unsized_above("max_position_usd"),
    _unsized_above("max_gross_exposure_usd"),
    _unsized_above("max_strategy_exposure_usd"),
    Contradiction(
        "max_stop_distance_bps",
        "stop_loss_required",
        lambda limits: limits.max_stop_distance_bps == 0 and bool(limits.stop_loss_required),
        "every stop loss lies further away than 0, and every opening needs one: none can ever pass",
        "State a distance above 0.",
    ),
    Contradiction(
        "max_stop_distance_bps",
        "min_reward_risk",
        lambda limits: limits.max_stop_distance_bps == 0 and limits.min_reward_risk is not None,
        "every stop loss lies further away than 0, and min_reward_risk needs one: no opening can "
        "ever pass",
        "State a distance above 0.",
    ),
    Contradiction(
        "max_exits_per_minute",
        "max_exits_per_minute",
        lambda limits: limits.max_exits_per_minute == 0,
        "no exit could ever pass; exits are never trapped",
        "State a number far above the usual pace of exits, or leave it out.",
    ),
)
"""Every contradiction between limits that are in force together."""


def _reached_first(field: str, bound: str, times: int = 1) -> Pointless:
    """Return the rule for a limit that is never reached, as another one is before it."""

    def holds(limits: LimitSet) -> bool:
        value, highest = getattr(limits, field), getattr(limits, bound)
        return None not in (value, highest) and value >= highest * times and value > 0

    often = f" {times} times over" if times > 1 else ""
    return Pointless(
        field, (bound,), holds, f"{{value}} is never reached: {bound}{often} is reached first",
        f"State less than {bound} allows, or leave it out.", over_time=times > 1,
    )  # fmt: skip


def _means_nothing_without(
    field: str, others: tuple[str, ...], when: Callable[[object], bool]
) -> Pointless:
    """Return the rule for a limit that only matters together with one of some others."""

    def holds(limits: LimitSet) -> bool:
        return when(getattr(limits, field)) and not any(getattr(limits, name) for name in others)

    named = " or ".join(others)
    return Pointless(
        field, others, holds, f"{{value}} changes nothing where nobody states {named}",
        f"State {named} too, or leave it out.",
    )  # fmt: skip


def _older_than_engine(limits: LimitSet) -> bool:
    return limits.max_intent_age_s is not None and limits.max_intent_age_s > ENGINE_MAX_AGE_S


def _nothing_needs_a_price(limits: LimitSet) -> bool:
    """Return whether no check looks at a reference price: the venue's bands are for waiting orders.

    Whether the venue's rules are known is no matter of the policy: where they are, its bands count.
    """
    only_market = limits.allowed_order_types is not None and not (
        limits.allowed_order_types - {OrderType.MARKET}
    )
    needs_one = limits.reference_price_required or limits.collar_bps is not None
    return limits.max_reference_price_age_s is not None and only_market and not needs_one


def _nothing_needs_a_portfolio(limits: LimitSet) -> bool:
    """Return whether no check looks at the portfolio's age."""
    needs_one = limits.portfolio_required or limits.max_portfolio_leverage is not None
    return limits.max_portfolio_age_s is not None and not needs_one


POINTLESS: tuple[Pointless, ...] = (
    _reached_first("max_order_notional_usd", "max_position_usd"),
    _reached_first("max_order_notional_usd", "max_gross_exposure_usd"),
    _reached_first("max_position_usd", "max_gross_exposure_usd"),
    _reached_first("max_intents_per_second", "max_intents_per_minute"),
    _reached_first("max_intents_per_minute", "max_intents_per_second", 60),
    _reached_first("max_intents_per_minute", "max_intents_per_hour"),
    _reached_first("max_intents_per_hour", "max_intents_per_minute", 60),
    _reached_first("max_symbol_intents_per_second", "max_symbol_intents_per_minute"),
    _reached_first("max_symbol_intents_per_minute", "max_symbol_intents_per_second", 60),
    _reached_first("max_fund_intents_per_second", "max_fund_intents_per_minute"),
    _reached_first("max_fund_intents_per_minute", "max_fund_intents_per_second", 60),
    _reached_first("max_intents_per_second", "max_fund_intents_per_second"),
    _reached_first("max_intents_per_minute", "max_fund_intents_per_minute"),
    _reached_first("max_symbol_intents_per_second", "max_fund_intents_per_second"),
    _reached_first("max_symbol_intents_per_minute", "max_fund_intents_per_minute"),
    _means_nothing_without(
        "on_conflict",
        ("min_seconds_between_opposites",),
        lambda value: value is not None,
    ),
    _reached_first("max_strategy_exposure_usd", "max_gross_exposure_usd"),
    _reached_first("max_net_long_usd", "max_gross_exposure_usd"),
    _reached_first("max_net_short_usd", "max_gross_exposure_usd"),
    Pointless(
        "max_portfolio_age_s",
        ("portfolio_required", "max_portfolio_leverage"),
        _nothing_needs_a_portfolio,
        "{value} changes nothing where nobody states portfolio_required or max_portfolio_leverage",
        "State portfolio_required or max_portfolio_leverage too, or leave it out.",
    ),
    Pointless(
        "max_reference_price_age_s",
        ("reference_price_required", "collar_bps", "allowed_order_types"),
        _nothing_needs_a_price,
        "{value} changes nothing where only market orders are allowed and nobody states "
        "reference_price_required or collar_bps",
        "State reference_price_required or collar_bps too, or leave it out.",
    ),
    _means_nothing_without(
        "on_order_above_max",
        ("max_order_notional_usd", "max_order_quantity"),
        lambda value: value == "reduce",
    ),
    Pointless(
        "max_intent_age_s",
        (),
        _older_than_engine,
        f"{{value}} is never reached: the order engine takes nothing older than "
        f"{ENGINE_MAX_AGE_S} s, so nor does the gate",
        f"State {ENGINE_MAX_AGE_S} or less.",
    ),
)
"""Every way in which a limit in force can never bind, because of what is in force with it."""
