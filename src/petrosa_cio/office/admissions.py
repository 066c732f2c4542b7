"""What the author of a strategy wants of the fund, beside what the policy allows it.

To ask for something allows nothing and reserves nothing: each order of the strategy is judged by
the policy in force, whatever was asked for here. It is recorded, and answered with what is allowed.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import orjson

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import Unavailable
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.refusals import Tell
from petrosa_cio.office.limits import Looked, read_governs
from petrosa_cio.risk.in_force import InForce
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.limits_in_use import Asked
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY, Charter
from petrosa_cio.risk.trading_state import TradingState

ALLOWED: Final = "allowed_strategies"
CEILINGS: Final = {
    "max_position_usd": "position_size_usd",
    "max_gross_exposure_usd": "position_size_usd",
    "max_leverage": "leverage",
}
"""What is asked for, by the limit that it is held against."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a strategy is to have.

    Attributes:
        strategy: The strategy, as it names itself.
        position_size_usd: The largest position that it means to hold, USD.
        leverage: The largest leverage that it means to ask for.
        strategy_revision_id: Which version of it; None where that is not stated.
        submitted_by: Whose wish it is; None for whoever asks.
    """

    strategy: str
    position_size_usd: Decimal
    leverage: Decimal
    strategy_revision_id: str | None = None
    submitted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What was asked for, held against one limit.

    Attributes:
        limit: The limit.
        unit: Its unit.
        wanted: What was asked for, as text.
        allowed: What is in force, as text; None where nobody states it.
        entry: The entry that binds; None alike.
        fits: Whether the limit lets pass what was asked for.
    """

    limit: str
    unit: str
    wanted: str
    allowed: str | None
    entry: str | None
    fits: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request is answered with.

    Attributes:
        request: The request.
        held: What was asked for, limit by limit.
        missing: Limits that the charter requires and nobody states: openings are denied for them.
        policy_revision: The revision in force; None where none is.
        fund_state: The trading state of the fund.
        strategy_state: That of the strategy; None where it has none of its own.
    """

    request: Request
    held: tuple[Held, ...]
    missing: tuple[str, ...]
    policy_revision: int | None
    fund_state: TradingState
    strategy_state: TradingState | None

    @property
    def fits(self) -> bool:
        """Whether nothing that is in force now stands against what was asked for."""
        states = (self.fund_state, self.strategy_state or self.fund_state)
        trades = all(one is TradingState.ACTIVE for one in states)
        is_complete = self.policy_revision is not None and not self.missing
        return trades and is_complete and all(one.fits for one in self.held)


class Admissions:
    """Records what strategies are to have, and says what is allowed. Raises Unavailable."""

    def __init__(
        self, looked: Looked, charter: Charter, tell: Tell, clock: Callable[[], datetime]
    ) -> None:
        """Take what governs, the charter, what records, and the clock."""
        self._looked = looked
        self._charter = charter
        self._tell = tell
        self._clock = clock

    async def register(self, actor: Actor, request: Request) -> Answered:
        """Record a request, and answer what is allowed. It changes nothing of that.

        Raises:
            NotAllowed: The actor may not propose anything.
            Unavailable: It could not be recorded, so it was not registered; or Redis is away.
        """
        check_may(actor, Act.PROPOSE)
        token = subject_token(request.strategy)
        asked = Asked(request.strategy, token)
        governs = await read_governs(self._looked, self._charter, asked, self._clock())
        states = await self._looked.store.trading_states()
        in_force = governs.limits_for(request.strategy)(ANY)
        answered = Answered(
            request=request,
            held=tuple(_held(request, in_force)),
            missing=in_force.missing,
            policy_revision=None if governs.policy is None else governs.policy.revision,
            fund_state=states.fund or TradingState.HALTED,
            strategy_state=states.strategies.get(token),
        )
        value = orjson.dumps(asdict(request) | {"fits": answered.fits}, default=str).decode()
        reason = f"asked for by {request.submitted_by or actor.name}"
        unrecorded = await self._tell(Change("admission", token, value, actor.name, reason))
        if unrecorded is not None:
            raise Unavailable("nats", f"the request is not recorded: {unrecorded}")
        return answered


def _held(request: Request, in_force: InForce) -> Iterator[Held]:
    listed = in_force.limits.allowed_strategies
    yield Held(
        limit=ALLOWED,
        unit=LIMIT_KINDS[ALLOWED].unit,
        wanted=request.strategy,
        allowed=None if listed is None else ", ".join(sorted(listed)),
        entry=in_force.entries.get(ALLOWED),
        fits=listed is None or request.strategy in listed,
    )
    for limit, field in CEILINGS.items():
        wanted, most = getattr(request, field), getattr(in_force.limits, limit)
        yield Held(
            limit=limit,
            unit=LIMIT_KINDS[limit].unit,
            wanted=f"{wanted:f}",
            allowed=None if most is None else f"{most:f}",
            entry=in_force.entries.get(limit),
            fits=most is None or wanted <= most,
        )
