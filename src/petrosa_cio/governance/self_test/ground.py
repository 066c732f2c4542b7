"""The intent that every trial begins with: one that passes wherever anything passes."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

from msgspec.structs import replace as changed

from petrosa_cio.governance.self_test.trial import Trial
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Action, Direction, Intent, OrderType
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.places import Place
from petrosa_cio.risk.trading_hours import TradingHours
from petrosa_cio.risk.venue import SymbolRules

EXACT = Context(prec=80)
"""Limits have up to 34 digits; what is made of them here is exact."""

STEP = Decimal("0.00000001")
"""The finest step of a quantity."""

TAKES = {Action.BUY: Direction.LONG, Action.SELL: Direction.SHORT}
"""The direction that each action opens."""

ONE_USD = Decimal(1)
_MANY = Decimal(1_000)
_STOP_AWAY = Decimal("0.0001")
"""As near as the least distance above nothing that a policy can allow."""

_WHOLE_BPS = Decimal(10_000)
_PRICED_LOWER = Decimal("0.01")
_A_SHARE = Decimal("0.00000001")
_MAY_BE_LARGEST = (
    "max_order_notional_usd",
    "max_position_usd",
    "max_gross_exposure_usd",
    "max_strategy_exposure_usd",
    "max_net_long_usd",
    "max_net_short_usd",
)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a limit is tried.

    Attributes:
        place: Strategy, symbol, regime.
        in_force: What is in force there.
        stated: What the entry that is tried states for the limit.
        now: The moment at which it is looked at.
    """

    place: Place
    in_force: InForce
    stated: Any
    now: datetime

    @property
    def at(self) -> datetime:
        """The last moment up to now at which openings are allowed; now where there is none."""
        hours: TradingHours | None = self.limit("trading_hours")
        return self.now if hours is None else hours.last_until(self.now) or self.now

    def limit(self, name: str) -> Any:
        """Return the value of a limit in force, or None."""
        return getattr(self.in_force.limits, name)

    def trial(self, words: str, **intent: Any) -> Trial:
        """Return a small opening that passes, with some fields of its intent changed."""
        usd = self.small_usd()
        price = price_within(usd, self.limit("max_order_quantity"))
        opening = self.sized(words, EXACT.divide(usd, price), price)
        return replace(opening, intent=changed(opening.intent, **intent)) if intent else opening

    def sized(
        self, words: str, quantity: Decimal, price: Decimal, action: Action | None = None
    ) -> Trial:
        """Return an opening of a size, at a price, in a direction that is allowed."""
        taken = action or self.allowed_action()
        intent = Intent(
            strategy=self.place.strategy,
            token=subject_token(self.place.strategy),
            symbol=self.place.symbol,
            action=taken,
            stated_at=self.at,
            confidence=Decimal(1),
            quantity=quantity,
            price=price,
            current_price=price,
            order_type=self._allowed_order_type(),
        )
        rules = SymbolRules(self.place.symbol)
        return Trial(words, self._protected(intent, price), self.place, self.at, price, rules)

    def opening(self, words: str, action: Action) -> Trial:
        """Return a small opening that takes one direction."""
        usual = self.trial(words)
        return self.sized(words, usual.intent.quantity or ONE_USD, usual.price, action)

    def exit(self, words: str) -> Trial:
        """Return an order that closes, and passes."""
        usual = self.trial(words)
        intent = changed(usual.intent, action=Action.CLOSE, stop_loss=None, take_profit=None)
        return replace(usual, intent=intent)

    def priced(self, words: str, bps: int, *, and_more: bool) -> tuple[Trial, Decimal]:
        """Return an opening that is priced so far above another price, and that other price."""
        usual = self.trial(words)
        other = EXACT.multiply(usual.price, _PRICED_LOWER)
        factor = EXACT.add(1, EXACT.divide(Decimal(bps), _WHOLE_BPS))
        price = EXACT.multiply(other, EXACT.add(factor, _A_SHARE if and_more else 0))
        return self.sized(words, usual.intent.quantity or ONE_USD, price), other

    def protected(self, words: str, *, ratio: Decimal) -> Trial:
        """Return a small opening with a stop, and a target so many times as far away."""
        usual = self.trial(words)
        stop, target = (_apart(usual.intent, usual.price, times) for times in (Decimal(-1), ratio))
        return replace(usual, intent=changed(usual.intent, stop_loss=stop, take_profit=target))

    def stopped(self, bps: int, action: Action, *, and_more: bool) -> Trial:
        """Return a small opening with a stop so far away, and a target that is worth it."""
        usual = self.trial("")
        share = EXACT.divide(Decimal(bps), _WHOLE_BPS)
        away = EXACT.divide(EXACT.add(share, _A_SHARE if and_more else 0), _STOP_AWAY)
        words = f"stop {'more than ' if and_more else ''}{bps} bps away"
        opening = self.sized(words, usual.intent.quantity or ONE_USD, usual.price, action)
        ratio = max(self.limit("min_reward_risk") or ONE_USD, ONE_USD)
        stop, target = (
            _apart(opening.intent, usual.price, times)
            for times in (EXACT.minus(away), EXACT.multiply(away, ratio))
        )
        intent = changed(opening.intent, stop_loss=stop, take_profit=target if target > 0 else None)
        return replace(opening, intent=intent)

    def allowed_action(self) -> Action:
        """Return a way to open that is allowed, if there is one."""
        return next(filter(self.allows, TAKES), Action.BUY)

    def allows(self, action: Action) -> bool:
        """Return whether this may open positions here."""
        limits = self.in_force.limits
        actions, directions = limits.allowed_actions, limits.regime_directions
        return (actions is None or action in actions) and (
            directions is None or TAKES[action] in directions
        )

    @property
    def takes_no_stop(self) -> bool:
        """Whether every stop loss is too far away."""
        return self.in_force.limits.max_stop_distance_bps == 0

    def _protected(self, intent: Intent, price: Decimal) -> Intent:
        """Return an opening with what protects it, as far as that may be stated."""
        ratio: Decimal | None = self.limit("min_reward_risk")
        stop = None if self.takes_no_stop else _apart(intent, price, Decimal(-1))
        target = None if ratio is None else _apart(intent, price, max(ratio, ONE_USD))
        return changed(intent, stop_loss=stop, take_profit=target)

    def small_usd(self) -> Decimal:
        """Return an amount that no limit on one order or on exposure is below, but for 0."""
        stated = (self.limit(name) for name in _MAY_BE_LARGEST)
        groups = self.limit("max_group_exposure_usd")
        caps = (cap.usd for _, cap in groups.of(self.place.symbol)) if groups else ()
        found: list[Decimal] = [ONE_USD, *(value for value in (*stated, *caps) if value)]
        return min(found)

    def _allowed_order_type(self) -> OrderType:
        allowed: frozenset[OrderType] = self.limit("allowed_order_types") or frozenset()
        return min(allowed) if allowed and OrderType.MARKET not in allowed else OrderType.MARKET


def _apart(intent: Intent, price: Decimal, times: Decimal) -> Decimal:
    """Return a price so many times a small step away: where the opening wins, if above 0."""
    side = Decimal(1) if intent.action is Action.BUY else Decimal(-1)
    away = EXACT.multiply(EXACT.multiply(price, _STOP_AWAY), EXACT.multiply(side, times))
    return EXACT.add(price, away)


def price_within(usd: Decimal, most: Decimal | None) -> Decimal:
    """Return a power of ten at which so many USD are no more than a quantity, and exact."""
    quantity = min(most, _MANY) if most else _MANY
    return Decimal((0, (1,), EXACT.divide(usd, quantity).adjusted() + 1))
