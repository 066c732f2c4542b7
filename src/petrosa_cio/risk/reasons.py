"""The closed list of reason codes, and what one reason says.

A verdict never says "no" without saying why. Each code is a word that strategy authors, screens and
alerts can rely on; what it means in plain words is the docstring of the check that gives it.
"""

from enum import StrEnum

from msgspec import Struct


class ReasonCode(StrEnum):
    """Every reason a verdict can carry. The order is the order in which reasons are listed."""

    INTENT_MALFORMED = "INTENT_MALFORMED"
    NOT_AN_ORDER = "NOT_AN_ORDER"
    INTENT_STALE = "INTENT_STALE"
    INTENT_FROM_FUTURE = "INTENT_FROM_FUTURE"
    QUANTITY_NOT_POSITIVE = "QUANTITY_NOT_POSITIVE"
    PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"
    CONFIDENCE_INVALID = "CONFIDENCE_INVALID"
    SIZE_UNKNOWN = "SIZE_UNKNOWN"
    STOP_LOSS_WRONG_SIDE = "STOP_LOSS_WRONG_SIDE"
    TAKE_PROFIT_WRONG_SIDE = "TAKE_PROFIT_WRONG_SIDE"

    STRATEGY_NOT_ALLOWED = "STRATEGY_NOT_ALLOWED"
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
    SYMBOL_NOT_ALLOWED_FOR_STRATEGY = "SYMBOL_NOT_ALLOWED_FOR_STRATEGY"
    ACTION_NOT_ALLOWED = "ACTION_NOT_ALLOWED"
    ORDER_TYPE_NOT_ALLOWED = "ORDER_TYPE_NOT_ALLOWED"
    TRADING_WINDOW_CLOSED = "TRADING_WINDOW_CLOSED"

    NOTIONAL_ABOVE_MAX = "NOTIONAL_ABOVE_MAX"
    QUANTITY_ABOVE_MAX = "QUANTITY_ABOVE_MAX"
    VENUE_RULES_MISSING = "VENUE_RULES_MISSING"
    NOTIONAL_BELOW_VENUE_MIN = "NOTIONAL_BELOW_VENUE_MIN"
    QUANTITY_OUTSIDE_VENUE = "QUANTITY_OUTSIDE_VENUE"
    QUANTITY_OFF_STEP = "QUANTITY_OFF_STEP"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    REFERENCE_PRICE_MISSING = "REFERENCE_PRICE_MISSING"
    REFERENCE_PRICE_STALE = "REFERENCE_PRICE_STALE"
    PRICE_OUTSIDE_COLLAR = "PRICE_OUTSIDE_COLLAR"
    CONFIDENCE_BELOW_MIN = "CONFIDENCE_BELOW_MIN"
    STOP_LOSS_REQUIRED = "STOP_LOSS_REQUIRED"
    STOP_LOSS_TOO_FAR = "STOP_LOSS_TOO_FAR"
    REWARD_RISK_BELOW_MIN = "REWARD_RISK_BELOW_MIN"
    LEVERAGE_ABOVE_MAX = "LEVERAGE_ABOVE_MAX"

    REGIME_UNKNOWN = "REGIME_UNKNOWN"
    REGIME_STALE = "REGIME_STALE"
    REGIME_CONFIDENCE_LOW = "REGIME_CONFIDENCE_LOW"
    REGIME_VETO = "REGIME_VETO"
    REGIME_SCALED = "REGIME_SCALED"
    PORTFOLIO_UNKNOWN = "PORTFOLIO_UNKNOWN"
    PORTFOLIO_STALE = "PORTFOLIO_STALE"
    SEMANTIC_CONTRADICTION = "SEMANTIC_CONTRADICTION"

    DAILY_LOSS_REACHED = "DAILY_LOSS_REACHED"
    DRAWDOWN_REACHED = "DRAWDOWN_REACHED"
    STRATEGY_DRAWDOWN_REACHED = "STRATEGY_DRAWDOWN_REACHED"
    LOSING_STREAK = "LOSING_STREAK"

    FUND_HALTED = "FUND_HALTED"
    STRATEGY_HALTED = "STRATEGY_HALTED"
    SYMBOL_HALTED = "SYMBOL_HALTED"
    REDUCING_ONLY = "REDUCING_ONLY"
    STRATEGY_PAUSED = "STRATEGY_PAUSED"

    POLICY_MISSING = "POLICY_MISSING"
    POLICY_STALE = "POLICY_STALE"
    POLICY_UNTRUSTED = "POLICY_UNTRUSTED"
    LIMIT_NOT_SET = "LIMIT_NOT_SET"

    STRATEGY_NAME_COLLIDES = "STRATEGY_NAME_COLLIDES"
    INTENT_REPEATED = "INTENT_REPEATED"
    INTENT_ID_REUSED = "INTENT_ID_REUSED"
    OVERRIDE_USED = "OVERRIDE_USED"
    RATE_ABOVE_MAX = "RATE_ABOVE_MAX"
    CONTENT_REPEATED = "CONTENT_REPEATED"
    REPEATED_EXECUTION = "REPEATED_EXECUTION"
    SIGNAL_CONFLICT = "SIGNAL_CONFLICT"
    COLLAR_DRIFT = "COLLAR_DRIFT"
    POSITION_ABOVE_MAX = "POSITION_ABOVE_MAX"
    GROSS_EXPOSURE_ABOVE_MAX = "GROSS_EXPOSURE_ABOVE_MAX"
    STRATEGY_EXPOSURE_ABOVE_MAX = "STRATEGY_EXPOSURE_ABOVE_MAX"
    OPEN_ORDERS_ABOVE_MAX = "OPEN_ORDERS_ABOVE_MAX"
    NET_EXPOSURE_ABOVE_MAX = "NET_EXPOSURE_ABOVE_MAX"
    GROUP_EXPOSURE_ABOVE_MAX = "GROUP_EXPOSURE_ABOVE_MAX"
    PORTFOLIO_LEVERAGE_ABOVE_MAX = "PORTFOLIO_LEVERAGE_ABOVE_MAX"

    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CHECK_FAILED = "CHECK_FAILED"


class Effect(StrEnum):
    """What a reason does to the intent: refuse it, or let it pass with a smaller size."""

    DENY = "deny"
    REDUCE = "reduce"


class Reason(Struct, frozen=True, gc=False):
    """One reason of a verdict, with the numbers behind it.

    Attributes:
        code: What was objected to.
        effect: Whether it denies or only reduces the size.
        limit: The limit that was tested, as exact text, with its unit in the check's docstring.
        observed: The value that was found.
        scope: What the limit is about, such as ``BTCUSDT:long``; empty for the intent itself.
        entry: The policy entry that binds, such as ``strategies.momentum_v1`` or ``charter``, or
            ``venue`` for a rule of the venue's own.
        would_pass: The quantity, in base units, that this limit would have let through.
    """

    code: ReasonCode
    effect: Effect = Effect.DENY
    limit: str | None = None
    observed: str | None = None
    scope: str = ""
    entry: str | None = None
    would_pass: str | None = None

    def __str__(self) -> str:
        """Return ``CODE: name=value, ...`` as traders are used to read it."""
        named = (
            ("limit", self.limit),
            ("observed", self.observed),
            ("scope", self.scope or None),
            ("entry", self.entry),
            ("would_pass", self.would_pass),
        )
        values = ", ".join(f"{name}={value}" for name, value in named if value is not None)
        return f"{self.code}: {values}" if values else str(self.code)
