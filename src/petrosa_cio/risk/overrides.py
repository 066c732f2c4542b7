"""One-order overrides: which limits people may lift for a single order, and what that order is.

An override is bound to one order in every field that is judged or sent; another size, price or stop
is another order, which it says nothing about. So it cannot be sliced. It lifts only limits of the
policy that are numbers, each as far as the charter's own bound, and never what says whether the
gate may trade at all, knows enough, or was asked before.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from petrosa_cio.risk.identity import fingerprint
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.policy import Charter
from petrosa_cio.risk.reasons import Reason
from petrosa_cio.risk.reasons import ReasonCode as Code
from petrosa_cio.risk.shared_limits import SHARED_LIMIT_FIELDS

LONGEST: Final = timedelta(hours=1)
"""No override counts for longer than that after it was proposed."""

LIFTS: Final[Mapping[Code, tuple[str, ...]]] = MappingProxyType(
    {
        Code.NOTIONAL_ABOVE_MAX: ("max_order_notional_usd",),
        Code.QUANTITY_ABOVE_MAX: ("max_order_quantity",),
        Code.PRICE_OUTSIDE_COLLAR: ("collar_bps",),
        **{
            code: SHARED_LIMIT_FIELDS[code]
            for code in (
                Code.RATE_ABOVE_MAX,
                Code.POSITION_ABOVE_MAX,
                Code.GROSS_EXPOSURE_ABOVE_MAX,
                Code.STRATEGY_EXPOSURE_ABOVE_MAX,
                Code.NET_EXPOSURE_ABOVE_MAX,
            )
        },
    }
)
"""The reasons that an override may lift, each with the limits that it is lifted from."""

_NO_ORDER = "the message is no order that could be judged"
_OUT_OF_DATE = "what is judged must be fresh, and known"
_ALLOWED = "what the fund trades, and when, is changed in the policy"
_VENUE = "the venue would refuse the order"
_QUALITY = "what makes a trade worth its risk is changed in the policy"
_REGIME = "what the market regime forbids is changed by who overrides the regime"
_LOSSES = "a loss limit that was reached is no matter of one order"
_TOGETHER = "what the whole fund may bear is changed in the policy"
_SWITCH = "a switch was thrown; only to resume lifts it"
_POLICY = "without a policy that can be trusted there is nothing to lift"
_BEFORE = "an order is sent once, and nobody trades against or beyond what just was"
_FAILED = "what cannot be checked cannot be lifted"

WHY_NOT: Final[Mapping[Code, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Code.INTENT_MALFORMED,
                Code.NOT_AN_ORDER,
                Code.QUANTITY_NOT_POSITIVE,
                Code.PRICE_NOT_POSITIVE,
                Code.CONFIDENCE_INVALID,
                Code.SIZE_UNKNOWN,
                Code.STOP_LOSS_WRONG_SIDE,
                Code.TAKE_PROFIT_WRONG_SIDE,
                Code.SEMANTIC_CONTRADICTION,
                Code.STRATEGY_NAME_COLLIDES,
            ),
            _NO_ORDER,
        ),
        **dict.fromkeys(
            (
                Code.INTENT_STALE,
                Code.INTENT_FROM_FUTURE,
                Code.REFERENCE_PRICE_MISSING,
                Code.REFERENCE_PRICE_STALE,
                Code.VENUE_RULES_MISSING,
                Code.REGIME_UNKNOWN,
                Code.REGIME_STALE,
                Code.REGIME_CONFIDENCE_LOW,
                Code.PORTFOLIO_UNKNOWN,
                Code.PORTFOLIO_STALE,
            ),
            _OUT_OF_DATE,
        ),
        **dict.fromkeys(
            (
                Code.STRATEGY_NOT_ALLOWED,
                Code.SYMBOL_NOT_ALLOWED,
                Code.SYMBOL_NOT_ALLOWED_FOR_STRATEGY,
                Code.ACTION_NOT_ALLOWED,
                Code.ORDER_TYPE_NOT_ALLOWED,
                Code.TRADING_WINDOW_CLOSED,
            ),
            _ALLOWED,
        ),
        **dict.fromkeys(
            (
                Code.NOTIONAL_BELOW_VENUE_MIN,
                Code.QUANTITY_OUTSIDE_VENUE,
                Code.QUANTITY_OFF_STEP,
                Code.PRICE_OFF_TICK,
            ),
            _VENUE,
        ),
        **dict.fromkeys(
            (
                Code.CONFIDENCE_BELOW_MIN,
                Code.STOP_LOSS_REQUIRED,
                Code.STOP_LOSS_TOO_FAR,
                Code.REWARD_RISK_BELOW_MIN,
                Code.LEVERAGE_ABOVE_MAX,
            ),
            _QUALITY,
        ),
        **dict.fromkeys(
            (
                Code.OPEN_ORDERS_ABOVE_MAX,
                Code.GROUP_EXPOSURE_ABOVE_MAX,
                Code.PORTFOLIO_LEVERAGE_ABOVE_MAX,
            ),
            _TOGETHER,
        ),
        **dict.fromkeys((Code.REGIME_VETO, Code.REGIME_SCALED), _REGIME),
        **dict.fromkeys(
            (
                Code.DAILY_LOSS_REACHED,
                Code.DRAWDOWN_REACHED,
                Code.STRATEGY_DRAWDOWN_REACHED,
                Code.LOSING_STREAK,
            ),
            _LOSSES,
        ),
        **dict.fromkeys(
            (
                Code.FUND_HALTED,
                Code.STRATEGY_HALTED,
                Code.SYMBOL_HALTED,
                Code.REDUCING_ONLY,
                Code.STRATEGY_PAUSED,
            ),
            _SWITCH,
        ),
        **dict.fromkeys(
            (
                Code.POLICY_MISSING,
                Code.POLICY_STALE,
                Code.POLICY_UNTRUSTED,
                Code.LIMIT_NOT_SET,
            ),
            _POLICY,
        ),
        **dict.fromkeys(
            (
                Code.INTENT_REPEATED,
                Code.INTENT_ID_REUSED,
                Code.OVERRIDE_USED,
                Code.CONTENT_REPEATED,
                Code.REPEATED_EXECUTION,
                Code.SIGNAL_CONFLICT,
                Code.COLLAR_DRIFT,
            ),
            _BEFORE,
        ),
        **dict.fromkeys(
            (Code.LEDGER_UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CHECK_FAILED), _FAILED
        ),
    }
)
"""Every other reason, with why nobody may lift it."""

_OF_THE_MESSAGE = frozenset(
    {"stated_id", "stated_at", "source", "traceparent", "tracestate", "metadata", "extra"}
)
_OF_THE_ORDER = tuple(
    name for name in Intent.__struct_fields__ if name not in _OF_THE_MESSAGE
)  # a field that is new belongs to the order until somebody says otherwise


class Override(Struct, frozen=True, gc=False):
    """That people lift some limits for one order, once.

    Attributes:
        override_id: SHA-256 of what was proposed, hexadecimal.
        order: The order, by `order_fingerprint`.
        lifts: The reasons that it lifts, in table order.
        proposed_at: When it was proposed, aware UTC.
        expires_at: From when on it does not count any more, aware UTC.
        author: Who asked for it.
        approved_by: Who stands behind it besides.
    """

    override_id: str
    order: str
    lifts: tuple[Code, ...]
    proposed_at: datetime
    expires_at: datetime
    author: str
    approved_by: tuple[str, ...]

    def counts_at(self, now: datetime) -> bool:
        """Return whether it counts at a moment: it is over at the instant it expires."""
        return now < self.expires_at


def order_of(intent: Intent) -> dict[str, str]:
    """Return what makes an intent the order that it is: every field that is judged or sent.

    Its id, its time, its trace and the strategy's own free fields are not of the order.
    """
    stated = ((name, getattr(intent, name)) for name in _OF_THE_ORDER)
    return {name: _text(value) for name, value in stated if value is not None}


def _text(value: object) -> str:
    """Return a value as text, the same for numbers that are equal."""
    if not isinstance(value, Decimal):
        return str(value)
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def order_fingerprint(intent: Intent) -> str:
    """Return the fingerprint of an order: two that differ in anything have two."""
    return fingerprint(*(f"{name}={value}" for name, value in order_of(intent).items()))


def override_problem(override: Override) -> str | None:
    """Return why something is no override that may count, whoever signed it; None if it may."""
    if not override.lifts:
        return "it lifts nothing"
    for code in override.lifts:
        if code not in LIFTS:
            return f"nobody may lift {code}: {WHY_NOT[code]}"
    if override.expires_at - override.proposed_at > LONGEST:
        return "it lasts longer than an hour"
    return None


def without_lifted(in_force: InForce, charter: Charter, override: Override) -> InForce:
    """Return the limits for an order, those that are lifted being the charter's own, if any."""
    fields = [field for code in override.lifts for field in LIFTS.get(code, ())]
    bounds = {field: getattr(charter.bounds, field) for field in fields}
    entries = {name: entry for name, entry in in_force.entries.items() if name not in bounds}
    entries |= {field: "charter" for field, bound in bounds.items() if bound is not None}
    return replace(in_force, limits=in_force.limits.model_copy(update=bounds), entries=entries)


def still_given(
    plain: tuple[Reason, ...], lifted: tuple[Reason, ...], override: Override
) -> tuple[Reason, ...]:
    """Return the reasons that an override leaves, of those with and without the lifted limits.

    A limit that is gone may take the need for something else with it, such as for a market price:
    whatever the override does not name is judged as if there were none.
    """
    named = frozenset(override.lifts) & LIFTS.keys()
    kept = [reason for reason in plain if reason.code not in named]
    judged = {*named, Code.CHECK_FAILED}
    kept += [one for one in lifted if one.code in judged and one not in kept]
    return tuple(sorted(kept, key=lambda one: PLACES[one.code]))


def lifted_of(plain: tuple[Reason, ...], left: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons that an override lifted: those about which nothing is left."""
    about = {(reason.code, reason.scope) for reason in left}
    return tuple(one for one in plain if one.code in LIFTS and (one.code, one.scope) not in about)


PLACES: Final = MappingProxyType({code: place for place, code in enumerate(Code)})
"""The place of each code in the order in which reasons are listed."""
