"""Every limit that a policy or the charter can state, with unit, bounds and when to change it.

One model serves every family of entries; what a limit means does not depend on where it is stated,
only on whom that entry is about. The descriptions are read by people and by agents.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from petrosa_cio.risk.intent import Action, Direction, OrderType
from petrosa_cio.risk.limit_kinds import (
    LimitKind,
    allow_list,
    by_rank,
    ceiling,
    floor,
    given_size,
    on_breach,
    required,
    scale,
)
from petrosa_cio.risk.symbol_groups import (
    SymbolGroups,
    read_symbol_groups,
    symbol_groups,
    write_symbol_groups,
)
from petrosa_cio.risk.trading_hours import TradingHours, read_trading_hours, write_trading_hours

DEFAULT_MAX_SKEW_S = 5
"""Seconds ahead of our clock that are taken for an inexact clock when no policy says otherwise."""

DEFAULT_MAX_REFERENCE_PRICE_AGE_S = 30
"""Age in seconds beyond which a reference price is stale when no policy says otherwise."""

DEFAULT_LOSING_STREAK_WINDOW_S = 86_400
"""Seconds within which losses in a row are counted when no policy says otherwise."""

DEFAULT_LOSING_STREAK_COOLDOWN_S = 3_600
"""Seconds that a losing strategy waits after its last loss when no policy says otherwise."""
DEFAULT_MAX_PORTFOLIO_AGE_S = 60
"""Age in seconds up to which a portfolio tells the truth when no policy says otherwise."""

_EXACT = Field(ge=0, allow_inf_nan=False, max_digits=34, decimal_places=18)
Usd = Annotated[Decimal, _EXACT, Field(le=Decimal(100_000_000_000))]
Quantity = Annotated[Decimal, _EXACT, Field(le=Decimal(10**15))]
Fraction = Annotated[Decimal, _EXACT, Field(le=1)]
Seconds = Annotated[int, Field(ge=0, le=86_400, strict=True)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
BasisPoints = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Ratio = Annotated[Decimal, _EXACT, Field(le=1_000)]
Times = Annotated[int, Field(ge=1, le=1_000, strict=True)]
InARow = Annotated[int, Field(ge=1, le=50, strict=True)]
Hours = Annotated[
    TradingHours,
    PlainValidator(read_trading_hours, json_schema_input_type=list[str]),
    PlainSerializer(write_trading_hours, return_type=list[str]),
]
Groups = Annotated[
    SymbolGroups,
    PlainValidator(read_symbol_groups, json_schema_input_type=dict[str, dict[str, object]]),
    PlainSerializer(write_symbol_groups, return_type=dict[str, dict[str, object]]),
]
Names = frozenset[str]
Symbols = frozenset[Annotated[str, Field(pattern=r"^[A-Z0-9]{3,32}$")]]

_REGIMES_ONLY = frozenset({"regimes"})

# What all count together must be limited for all alike: else those for whom it is not limited
# would not be counted.
_FUND_ONLY = frozenset({"fund"})
_WHATEVER_THE_SYMBOL = frozenset({"fund", "strategies"})
_ALIKE_FOR_A_SYMBOL = frozenset({"fund", "symbols", "regimes"})
_ALIKE_FOR_A_STRATEGY = frozenset({"fund", "strategies"})


class LimitSet(BaseModel):
    """The limits that one entry states. A field that is left out states no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_strategies: Annotated[
        Names | None,
        allow_list("strategy names", "A strategy is admitted to trading or taken out of it."),
        Field(description="Only these strategies may open positions."),
    ] = None
    allowed_symbols: Annotated[
        Symbols | None,
        allow_list("symbols", "A market is added to the fund or left."),
        Field(description="Only these symbols may be opened."),
    ] = None
    allowed_actions: Annotated[
        frozenset[Action] | None,
        allow_list("actions", "A strategy is to trade one direction only."),
        Field(description="Only these actions may open positions: buy, sell."),
    ] = None
    allowed_order_types: Annotated[
        frozenset[OrderType] | None,
        allow_list("order types", "The order engine learns an order type, or one misbehaves."),
        Field(description="Only these order types may open positions."),
    ] = None
    trading_hours: Annotated[
        Hours | None,
        allow_list("hours of the week, UTC", "Nobody watches at some hours, or markets are thin."),
        Field(
            description="Only in these hours may positions be opened: a list such as "
            "[mon-fri 08:00-20:00, sun 22:00-mon 02:00], or [always]; an end is not part of it."
        ),
    ] = None

    max_order_notional_usd: Annotated[
        Usd | None,
        ceiling("USD", "Typical order sizes have changed, or one order has become too costly."),
        Field(description="Largest notional of one opening order (RTS 6 Art. 15(1)(b))."),
    ] = None
    max_order_quantity: Annotated[
        Quantity | None,
        ceiling("base units", "A symbol's usual order volume has changed."),
        Field(description="Largest quantity of one opening order (RTS 6 Art. 15(1)(c))."),
    ] = None
    on_order_above_max: Annotated[
        Literal["deny", "reduce"] | None,
        on_breach("Oversized orders should be cut to the limit instead of refused, or no longer."),
        Field(description="What an order over the notional or quantity limit meets; default deny."),
    ] = None
    unsized_order_usd: Annotated[
        Usd | None,
        given_size("USD", "Intents without a size of their own should trade smaller or larger."),
        Field(description="Notional given to an intent that states no size."),
    ] = None
    min_confidence: Annotated[
        Fraction | None,
        floor("fraction", "Weak signals lose money, or too many good ones are refused."),
        Field(description="Lowest confidence of an opening."),
    ] = None
    stop_loss_required: Annotated[
        bool | None,
        required("Positions must never be without protection."),
        Field(description="An opening must state a protective price."),
    ] = None
    venue_rules_required: Annotated[
        bool | None,
        required("The venue's rules are loaded, and no order should leave unchecked by them."),
        Field(
            description="Openings in a symbol of which the venue's rules are unknown are denied."
        ),
    ] = None
    reference_price_required: Annotated[
        bool | None,
        required("Prices arrive from a source that no bot writes to."),
        Field(description="An opening needs a fresh reference price, market orders too."),
    ] = None
    max_reference_price_age_s: Annotated[
        Seconds | None,
        ceiling(
            "seconds",
            "Prices arrive more or less often.",
            unstated=DEFAULT_MAX_REFERENCE_PRICE_AGE_S,
        ),
        Field(
            description="Oldest reference price that counts, where one is needed; default "
            f"{DEFAULT_MAX_REFERENCE_PRICE_AGE_S}."
        ),
    ] = None
    collar_bps: Annotated[
        BasisPoints | None,
        ceiling("basis points", "Markets move more or less within seconds."),
        Field(
            description="Furthest from the reference price that an opening may trade, either side "
            "(RTS 6 Art. 15(1)(a)); needs a fresh reference price."
        ),
    ] = None
    max_stop_distance_bps: Annotated[
        BasisPoints | None,
        ceiling("basis points", "Losses at the stop are larger than the fund wants."),
        Field(description="Furthest that a stop loss may lie from where the order would trade."),
    ] = None
    min_reward_risk: Annotated[
        Ratio | None,
        floor("ratio", "Too much is risked for what can be won, or good trades are refused."),
        Field(
            description="Least distance to the target for one unit of distance to the stop; "
            "needs both."
        ),
    ] = None
    max_leverage: Annotated[
        Times | None,
        ceiling("times", "The fund's appetite for leverage has changed."),
        Field(description="Largest leverage that an opening may ask for; none asked for passes."),
    ] = None

    max_intent_age_s: Annotated[
        Seconds | None,
        ceiling("seconds", "Intents arrive late for a known reason, or late ones lose money."),
        Field(description="Oldest intent that is still judged on its merits."),
    ] = None
    max_clock_skew_s: Annotated[
        Seconds | None,
        ceiling(
            "seconds", "A publisher's clock is known to run ahead.", unstated=DEFAULT_MAX_SKEW_S
        ),
        Field(
            description="How far ahead of the gate's clock an intent's time may be; default "
            f"{DEFAULT_MAX_SKEW_S}."
        ),
    ] = None

    max_intents_per_second: Annotated[
        Count | None,
        ceiling("intents per 1 s", "A strategy's normal pace has changed."),
        Field(description="Most intents of one strategy in any second."),
    ] = None
    max_intents_per_minute: Annotated[
        Count | None,
        ceiling("intents per 60 s", "A strategy's normal pace has changed."),
        Field(description="Most intents of one strategy in any minute."),
    ] = None
    max_intents_per_hour: Annotated[
        Count | None,
        ceiling("intents per 3600 s", "A strategy's normal pace has changed."),
        Field(description="Most intents of one strategy in any hour."),
    ] = None
    max_symbol_intents_per_second: Annotated[
        Count | None,
        ceiling("intents per 1 s", "More or fewer bots trade the symbol.", _ALIKE_FOR_A_SYMBOL),
        Field(description="Most intents on one symbol in any second, of all strategies together."),
    ] = None
    max_symbol_intents_per_minute: Annotated[
        Count | None,
        ceiling("intents per 60 s", "More or fewer bots trade the symbol.", _ALIKE_FOR_A_SYMBOL),
        Field(description="Most intents on one symbol in any minute, of all strategies together."),
    ] = None
    max_fund_intents_per_second: Annotated[
        Count | None,
        ceiling("intents per 1 s", "The fleet has grown or shrunk.", _FUND_ONLY),
        Field(description="Most intents of the whole fund in any second."),
    ] = None
    max_fund_intents_per_minute: Annotated[
        Count | None,
        ceiling("intents per 60 s", "The fleet has grown or shrunk.", _FUND_ONLY),
        Field(description="Most intents of the whole fund in any minute."),
    ] = None
    max_exits_per_minute: Annotated[
        Count | None,
        ceiling("exits per 60 s", "Almost never: exits should not be throttled."),
        Field(description="Most exits of one strategy in any minute; set it far higher."),
    ] = None

    min_seconds_between_repeats: Annotated[
        Seconds | None,
        floor("seconds", "A strategy says the same again sooner, or later, than it means it."),
        Field(
            description="For so long after an approval the strategy's next intent with the same "
            "symbol, action and stated size is denied (SEC 15c3-5, duplicative orders)."
        ),
    ] = None
    max_same_executions_per_day: Annotated[
        Count | None,
        ceiling(
            "openings per 24 h", "A strategy is meant to open more often, or has run in a loop."
        ),
        Field(
            description="Most openings of one strategy, symbol and direction that were approved "
            "in any 24 hours; one more pauses the strategy (RTS 6 Art. 15(3))."
        ),
    ] = None
    min_seconds_between_opposites: Annotated[
        Seconds | None,
        floor("seconds", "Strategies oppose each other more or less often.", _ALIKE_FOR_A_SYMBOL),
        Field(
            description="For so long after an approved opening one in the other direction of the "
            "same symbol, by whatever strategy, is in conflict with it."
        ),
    ] = None
    on_conflict: Annotated[
        Literal["strongest_wins", "first_wins", "both_denied"] | None,
        by_rank(
            ("strongest_wins", "first_wins", "both_denied"),
            "It has shown which of two opposite signals tends to be right, or that neither does.",
            unstated="first_wins",
        ),
        Field(
            description="Which of two opposite openings passes: the one approved first, the one "
            "with the higher confidence, or neither; default first_wins."
        ),
    ] = None
    max_drift_bps_per_hour: Annotated[
        BasisPoints | None,
        ceiling("basis points", "The market moves more or less in an hour.", _ALIKE_FOR_A_SYMBOL),
        Field(
            description="Largest distance between an opening's price and the prices of openings of "
            "the symbol that were approved in the last hour (RTS 6 Art. 15(1)(a))."
        ),
    ] = None

    max_position_usd: Annotated[
        Usd | None,
        ceiling("USD", "A symbol's liquidity or the fund's size has changed."),
        Field(description="Largest exposure to one symbol and side, approved or filled."),
    ] = None
    max_gross_exposure_usd: Annotated[
        Usd | None,
        ceiling("USD", "The fund's equity or appetite has changed."),
        Field(description="Largest sum of all exposures, long and short, approved or filled."),
    ] = None
    max_strategy_exposure_usd: Annotated[
        Usd | None,
        ceiling("USD", "A strategy has earned more trust, or lost it.", _ALIKE_FOR_A_STRATEGY),
        Field(
            description="Largest sum of the exposures of one strategy, approved or filled; counted "
            "from the moment on at which it is stated."
        ),
    ] = None
    max_net_long_usd: Annotated[
        Usd | None,
        ceiling("USD", "The fund wants to lean less, or more, on rising markets."),
        Field(
            description="Largest sum of all long exposures, approved or filled, less the shorts "
            "that a fresh portfolio shows."
        ),
    ] = None
    max_net_short_usd: Annotated[
        Usd | None,
        ceiling("USD", "The fund wants to lean less, or more, on falling markets."),
        Field(
            description="Largest sum of all short exposures, approved or filled, less the longs "
            "that a fresh portfolio shows."
        ),
    ] = None
    max_group_exposure_usd: Annotated[
        Groups | None,
        symbol_groups("Symbols have begun, or ceased, to move together.", _FUND_ONLY),
        Field(
            description="Largest sum of the exposures to the symbols of each named group, long and "
            "short, approved or filled."
        ),
    ] = None
    max_portfolio_leverage: Annotated[
        Ratio | None,
        ceiling("ratio", "The fund's appetite for leverage has changed."),
        Field(
            description="Largest sum of all exposures, as a multiple of the fund's equity; needs a "
            "fresh portfolio that tells the equity."
        ),
    ] = None
    max_open_orders: Annotated[
        Count | None,
        ceiling("orders", "The venue or the order engine bears more, or fewer.", _FUND_ONLY),
        Field(
            description="Most orders that are approved and not yet filled, refused or given up; "
            "counted from the moment on at which it is stated."
        ),
    ] = None
    portfolio_required: Annotated[
        bool | None,
        required("Openings must stop when nobody knows what the fund holds."),
        Field(description="An unknown or stale portfolio denies openings."),
    ] = None
    max_portfolio_age_s: Annotated[
        Seconds | None,
        ceiling(
            "seconds",
            "The portfolio is read more or less often.",
            unstated=DEFAULT_MAX_PORTFOLIO_AGE_S,
        ),
        Field(
            description="Oldest portfolio that counts, where one is needed; default "
            f"{DEFAULT_MAX_PORTFOLIO_AGE_S}."
        ),
    ] = None

    max_daily_loss_bps: Annotated[
        BasisPoints | None,
        ceiling("basis points", "The fund's appetite for a bad day has changed.", _FUND_ONLY),
        Field(
            description="Equity that the fund may lose in a calendar day, of what it began the day "
            "with; at this loss openings end for the day. Needs a portfolio."
        ),
    ] = None
    drawdown_reducing_bps: Annotated[
        BasisPoints | None,
        ceiling("basis points", "The fund's appetite for losses has changed.", _FUND_ONLY),
        Field(
            description="Distance of equity below its peak at which the fund goes to reducing, "
            "until a person resumes it. Needs a portfolio."
        ),
    ] = None
    drawdown_halted_bps: Annotated[
        BasisPoints | None,
        ceiling("basis points", "The fund's appetite for losses has changed.", _FUND_ONLY),
        Field(
            description="Distance of equity below its peak at which the fund is halted, until a "
            "person resumes it; the second step, so more than reducing. Needs a portfolio."
        ),
    ] = None
    max_strategy_drawdown_usd: Annotated[
        Usd | None,
        ceiling("USD", "A strategy is given more, or less, to lose.", _WHATEVER_THE_SYMBOL),
        Field(
            description="Distance of what a strategy has earned below the most it ever had earned, "
            "at which it goes to reducing, until a person resumes it. Needs a portfolio."
        ),
    ] = None
    max_losses_in_a_row: Annotated[
        InARow | None,
        ceiling("losses", "A strategy is meant to lose often and win much.", _WHATEVER_THE_SYMBOL),
        Field(
            description="At so many losses in a row, within the window, a strategy's openings wait "
            "for the cool-down. Needs a portfolio."
        ),
    ] = None
    losing_streak_window_s: Annotated[
        Seconds | None,
        floor(
            "seconds",
            "A strategy closes its positions more or less often.",
            _WHATEVER_THE_SYMBOL,
            unstated=DEFAULT_LOSING_STREAK_WINDOW_S,
        ),
        Field(
            description="Time back from the last loss in which losses in a row count together; "
            f"default {DEFAULT_LOSING_STREAK_WINDOW_S}."
        ),
    ] = None
    losing_streak_cooldown_s: Annotated[
        Seconds | None,
        floor(
            "seconds",
            "Markets that hurt a strategy last longer, or pass sooner.",
            _WHATEVER_THE_SYMBOL,
            unstated=DEFAULT_LOSING_STREAK_COOLDOWN_S,
        ),
        Field(
            description="For so long after the last loss of a streak the strategy opens nothing; "
            f"default {DEFAULT_LOSING_STREAK_COOLDOWN_S}."
        ),
    ] = None

    regime_required: Annotated[
        bool | None,
        required("Openings must stop when the market regime is not known."),
        Field(description="An unknown or stale market regime denies openings."),
    ] = None
    max_regime_age_s: Annotated[
        Seconds | None,
        ceiling("seconds", "The regime is observed more or less often."),
        Field(description="Oldest market regime that counts as known."),
    ] = None
    min_regime_confidence: Annotated[
        Fraction | None,
        floor("fraction", "Doubtful regimes have led to wrong decisions."),
        Field(description="Lowest confidence of a market regime that is relied on."),
    ] = None
    regime_directions: Annotated[
        frozenset[Direction] | None,
        allow_list("directions", "A regime has hurt one direction.", _REGIMES_ONLY),
        Field(description="Directions that may be opened in this regime; empty for none."),
    ] = None
    size_scale: Annotated[
        Fraction | None,
        scale("A regime calls for smaller sizes.", _REGIMES_ONLY),
        Field(description="Factor on every opening's size in this regime; 0 denies."),
    ] = None

    halted_denies_exits: Annotated[
        bool | None,
        required("Almost never: a halt should let positions be closed."),
        Field(description="A halt stops exits as well as openings."),
    ] = None


def _kind_of(name: str) -> LimitKind:
    return next(
        item for item in LimitSet.model_fields[name].metadata if isinstance(item, LimitKind)
    )


LIMIT_KINDS: dict[str, LimitKind] = {name: _kind_of(name) for name in LimitSet.model_fields}
"""The kind of every limit, by field name, in the order of the model."""

NO_LIMITS = LimitSet()
