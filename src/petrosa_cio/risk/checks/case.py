"""What a check is given, what it answers, and how it stands in the table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from msgspec import Struct

from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.intent import Action, Direction, Intent, OrderType
from petrosa_cio.risk.limits import LimitSet
from petrosa_cio.risk.reasons import Effect, ReasonCode
from petrosa_cio.risk.sizing import Size
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.venue import SymbolRules

VENUE = "venue"
"""What is named as the binding entry where a rule is the venue's own."""


class Case(Struct, frozen=True):
    """One intent with all that its checks may look at.

    Attributes:
        intent: The intent.
        taken_at: The older of the time the bot states and the time the stream stored it.
        snapshot: The world.
        in_force: Limits with the entries that state them.
        limits: The limits alone.
        regime: The symbol's market regime, if known.
        size: The size asked for, if it can be resolved.
        reference: The symbol's reference price, however old, if known.
        rules: What the venue asks of orders in the symbol, if known.
        direction: The side an opening takes; None for what opens nothing.
        trades_at: Where the order would trade; None where it names no price.
    """

    intent: Intent
    taken_at: datetime
    snapshot: Snapshot
    in_force: InForce
    limits: LimitSet
    regime: Regime | None
    size: Size | None
    reference: ReferencePrice | None
    rules: SymbolRules | None
    direction: Direction | None
    trades_at: Decimal | None

    @property
    def at_market(self) -> bool:
        """True where the order's own price is not sent to the venue."""
        return self.intent.order_type is _MARKET


class Finding(Struct, frozen=True, gc=False):
    """A check's objection, with its numbers. See `petrosa_cio.risk.reasons.Reason`.

    Without an ``entry``, the one that states the check's limit is named; an empty one names none.
    """

    limit: object = None
    observed: object = None
    scope: str = ""
    effect: Effect = Effect.DENY
    would_pass: Decimal | None = None
    entry: str | None = None


class Applies(IntEnum):
    """Which intents a check looks at. Exits are never trapped: most checks pass them by."""

    TO_OPENINGS = 1
    TO_ORDERS = 2
    TO_EVERYTHING = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    Attributes:
        code: The reason it gives.
        run: The check itself; its docstring is what people read about the code.
        applies: Openings only, exits too, or advice too.
        limit_field: The limit it reads, to name the policy entry that binds.
        looks_again: Whether it judges a size anew after it was reduced.
        of_standing: Whether it looks at nothing of an order but its strategy, symbol and action:
            then it says the same of all such orders under one snapshot, and is asked once.
    """

    code: ReasonCode
    run: Callable[[Case], Finding | None]
    applies: Applies = Applies.TO_OPENINGS
    limit_field: str | None = None
    looks_again: bool = False
    of_standing: bool = False


def reach_of(intent: Intent) -> Applies:
    """Return the least reach a check must have to look at this intent."""
    return _REACHES[intent.action]


# Named once: looking a member up on its class is slow in Python 3.11.
_MARKET = OrderType.MARKET

_REACHES = {
    Action.BUY: Applies.TO_OPENINGS,
    Action.SELL: Applies.TO_OPENINGS,
    Action.CLOSE: Applies.TO_ORDERS,
    Action.HOLD: Applies.TO_EVERYTHING,
}
