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

EXACT = Context(prec=80)
"""Limits have up to 34 digits; what is made of them here is exact."""

STEP = Decimal("0.00000001")
"""The finest step of a quantity."""

TAKES = {Action.BUY: Direction.LONG, Action.SELL: Direction.SHORT}
"""The direction that each action opens."""

ONE_USD = Decimal(1)
_MANY = Decimal(1_000)
_STOP_AWAY = Decimal("0.001")
_MAY_BE_LARGEST = ("max_order_notional_usd", "max_position_usd", "max_gross_exposure_usd")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a limit is tried.

    Attributes:
        place: Strategy, symbol, regime.
        in_force: What is in force there.
        stated: What the entry that is tried states for the limit.
        now: The moment of decision.
    """

    place: Place
    in_force: InForce
    stated: Any
    now: datetime

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
        taken = action or self._allowed_action()
        away = EXACT.multiply(price, _STOP_AWAY)
        stop = EXACT.subtract(price, away) if taken is Action.BUY else EXACT.add(price, away)
        intent = Intent(
            strategy=self.place.strategy,
            token=subject_token(self.place.strategy),
            symbol=self.place.symbol,
            action=taken,
            stated_at=self.now,
            confidence=Decimal(1),
            quantity=quantity,
            price=price,
            current_price=price,
            stop_loss=stop,
            order_type=self._allowed_order_type(),
        )
        return Trial(words, intent, self.place, price)

    def opening(self, words: str, action: Action) -> Trial:
        """Return a small opening that takes one direction."""
        usual = self.trial(words)
        return self.sized(words, usual.intent.quantity or ONE_USD, usual.price, action)

    def exit(self, words: str) -> Trial:
        """Return an order that closes, and passes."""
        usual = self.trial(words)
        intent = changed(usual.intent, action=Action.CLOSE, stop_loss=None)
        return replace(usual, intent=intent)

    def small_usd(self) -> Decimal:
        """Return an amount that no limit on one order or on exposure is below, but for 0."""
        stated = (self.limit(name) for name in _MAY_BE_LARGEST)
        found: list[Decimal] = [ONE_USD, *(value for value in stated if value)]
        return min(found)

    def _allowed_action(self) -> Action:
        actions, directions = self.limit("allowed_actions"), self.limit("regime_directions")
        for action, direction in TAKES.items():
            if (actions is None or action in actions) and (
                directions is None or direction in directions
            ):
                return action
        return Action.BUY

    def _allowed_order_type(self) -> OrderType:
        allowed: frozenset[OrderType] = self.limit("allowed_order_types") or frozenset()
        return min(allowed) if allowed and OrderType.MARKET not in allowed else OrderType.MARKET


def price_within(usd: Decimal, most: Decimal | None) -> Decimal:
    """Return a power of ten at which so many USD are no more than a quantity, and exact."""
    quantity = min(most, _MANY) if most else _MANY
    return Decimal((0, (1,), EXACT.divide(usd, quantity).adjusted() + 1))
