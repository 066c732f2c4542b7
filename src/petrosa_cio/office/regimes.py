"""The market regime: what counts, and a person's word against a feed's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from petrosa_cio.errors import Rejected
from petrosa_cio.fleet.regime_names import NAMES, known_name
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.desk import Cleared, Desk
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.ports import RegimeStore
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime, regime_in_force


@dataclass(frozen=True, slots=True)
class Overridden:
    """What setting a regime did.

    Attributes:
        symbol: The symbol, or ``*``.
        regime: What counts for it now.
        remarks: What is to be known besides.
        unrecorded: Why it could not be recorded, if so; it counts all the same.
    """

    symbol: str
    regime: Regime
    remarks: tuple[str, ...]
    unrecorded: str | None


class Regimes:
    """Shows and overrides the market regime."""

    def __init__(self, desk: Desk, store: RegimeStore, clock: Callable[[], datetime]) -> None:
        """Take the desk that changes it, the store that holds it, and the clock."""
        self._desk = desk
        self._store = store
        self._clock = clock

    async def shown(self) -> list[dict[str, object]]:
        """Return for each symbol what counts for it, and what the feed says. Raises Unavailable."""
        overrides = read_all(await self._store.regime_overrides(), read_override)
        observed = read_all(await self._store.regimes(), read_regime)
        return list(regime_lines(overrides, observed, self._clock()))

    async def override(
        self, actor: Actor, symbol: str, said: Regime, *, thought: str
    ) -> Overridden:
        """Let somebody's word count until it expires.

        Args:
            actor: Who says it.
            symbol: The symbol, or ``*``.
            said: What they say; its source does not matter.
            thought: Why, at length.

        Raises:
            NotAllowed: They may not.
            ThoughtRejected: The thought is none.
            Rejected: Nobody knows that regime.
            Unavailable: The store is away.
        """
        check_may(actor, Act.REGIME)
        check_thought(thought)
        name = await meant_regime(said.name, self._desk)
        regime = replace(said, name=name, source=actor.name)
        unrecorded = await self._desk.override_regime(symbol, regime, thought=thought)
        remarks = tuple([one async for one in self._desk.remarks_on(symbol, regime)])
        return Overridden(symbol, regime, remarks, unrecorded)

    async def clear(
        self, actor: Actor, symbol: str, *, reason: str, observed: bool = False
    ) -> Cleared:
        """End an override now, or forget what was observed. Raises NotAllowed or Unavailable."""
        check_may(actor, Act.REGIME)
        end = self._desk.forget_regime if observed else self._desk.clear_override
        return await end(symbol, reason=reason, author=actor.name)


async def meant_regime(text: str, desk: Desk) -> str:
    """Return the regime that is meant: one of the policy's own, else by the table of names.

    Raises:
        Rejected: Nobody knows it.
        Unavailable: The store is away.
    """
    stated = await desk.stated_regimes()
    if text in stated and text != ANY_SYMBOL:
        return text
    name = known_name(text)
    if name is None:
        known = ", ".join(sorted(NAMES | stated - {ANY_SYMBOL}))
        raise Rejected([f"expected one of {known}, was {text!r}"])
    return name


def regime_lines(
    overrides: Mapping[str, Regime], observed: Mapping[str, Regime], now: datetime
) -> Iterator[dict[str, object]]:
    """Yield for each symbol what counts for it, and what the feed says."""
    for symbol in sorted({*overrides, *observed}):
        found = regime_in_force(symbol, overrides, observed, now)
        if found is None:  # an override that is over, of a symbol that nobody observes
            continue
        stated_for, regime = found
        beneath = observed.get(symbol) or observed.get(ANY_SYMBOL)
        yield {
            "symbol": symbol,
            "regime": regime.name,
            "confidence": str(regime.confidence),
            "stated_for": stated_for,
            "source": regime.source,
            "reason": regime.reason,
            "age_s": _age_s(regime, now),
            "until": until_of(regime) if regime.is_override else None,
            "observed": beneath and beneath.name,
            "observed_age_s": beneath and _age_s(beneath, now),
        }


def _age_s(regime: Regime, now: datetime) -> int:
    return int((now - regime.observed_at).total_seconds())


def until_of(regime: Regime) -> str:
    """Return until when an override counts, ISO-8601."""
    return regime.expires_at.isoformat(timespec="seconds") if regime.expires_at else "-"
