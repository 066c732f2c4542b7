"""Brings the market regime from the data-manager into the store, symbol by symbol.

Only a newer observation with a known name is taken over. Whatever else is answered changes nothing:
the last regime stays and grows old, which `REGIME_STALE` judges, so neither silence nor nonsense
of a neighbour lifts a veto or refreshes one. One process does this at a time; that two do for a
moment does no harm: of two observations the store keeps the newer.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

import structlog

from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.regime_answers import RECOMPUTED_S, NoRegime, ObservedRegime, Trouble
from petrosa_cio.fleet.regime_names import known_name
from petrosa_cio.governance.desk import Desk
from petrosa_cio.governance.regime_metrics import ANSWERS, OBSERVED
from petrosa_cio.governance.regimes import read_regime, write_regime
from petrosa_cio.ports import RegimeStore
from petrosa_cio.risk.limits import DEFAULT_MAX_SKEW_S
from petrosa_cio.risk.snapshot import Regime

log = structlog.get_logger()

SOURCE: Final = "data-manager"
AT_ONCE: Final = 4
MOST_ROUNDS_SKIPPED: Final = 7
MOST_NAMES_LOGGED: Final = 100
LATE_AFTER: Final = timedelta(seconds=3 * RECOMPUTED_S)
"""Age at which an observation is said to be late: the data-manager has missed its turn twice."""


class Outcome(StrEnum):
    """What came of an answer that holds a regime, or of one that could not be dealt with."""

    TAKEN = "taken"
    UNCHANGED = "unchanged"
    OLDER = "older"
    OVERTAKEN = "overtaken"
    UNKNOWN_NAME = "unknown_name"
    FROM_FUTURE = "from_future"
    NOT_STORED = "not_stored"
    FAILED = "failed"


WELL: Final = frozenset({Outcome.TAKEN, Outcome.UNCHANGED, Outcome.OLDER, Outcome.OVERTAKEN})
NO_FAULT_OF_THEIRS: Final = WELL | {Trouble.EMPTY, Outcome.UNKNOWN_NAME, Outcome.NOT_STORED}
"""After these a symbol is asked again at the next round; after others ever more rarely."""


class RegimeSource(Protocol):
    """Where regimes are observed."""

    async def regime(self, symbol: str) -> ObservedRegime | NoRegime:
        """Return the newest regime of a symbol, or why there is none. Raises nothing."""


@dataclass(slots=True)
class _Course:
    """How it goes with one symbol."""

    outcome: str = Outcome.UNCHANGED
    detail: str = ""
    faults: int = 0
    rounds_to_skip: int = 0
    observed_at: datetime | None = None
    is_unrecorded: bool = False

    def is_due(self) -> bool:
        """Return whether it is asked in this round."""
        self.rounds_to_skip -= 1
        return self.rounds_to_skip < 0


class RegimeFeed:
    """Asks for the regime of every symbol, round by round."""

    def __init__(
        self,
        source: RegimeSource,
        store: RegimeStore,
        desk: Desk,
        *,
        symbols: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        """Take where to ask, where to store, who records changes, and for which symbols."""
        self._source = source
        self._store = store
        self._desk = desk
        self._symbols = symbols
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._courses: defaultdict[str, _Course] = defaultdict(_Course)
        self._names_logged: set[str] = set()

    async def round(self) -> None:
        """Ask for every symbol that is due, several at once. Raises Unavailable: no store."""
        stored = await self._store.regimes()
        due = [symbol for symbol in self._symbols if self._courses[symbol].is_due()]
        await asyncio.gather(*(self._visit(symbol, stored.get(symbol)) for symbol in due))

    def forget(self) -> None:
        """Forget how it went, as another process goes on with it."""
        self._courses.clear()

    def ailments(self) -> list[str]:
        """Return what is wrong, a sentence for all symbols that it is wrong with."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for symbol, course in self._courses.items():
            if course.outcome not in WELL:
                found[f"{course.outcome} ({course.detail})".removesuffix(" ()")].append(symbol)
            elif course.observed_at and self._clock() - course.observed_at > LATE_AFTER:
                found[f"not observed anew for {LATE_AFTER}"].append(symbol)
        return [f"regime feed: {', '.join(who)}: {what}" for what, who in sorted(found.items())]

    async def _visit(self, symbol: str, stored: bytes | None) -> None:
        async with self._turns:
            outcome, detail = await self._outcome(symbol, stored)
        ANSWERS.labels(outcome).inc()
        course = self._courses[symbol]
        OBSERVED.labels(symbol).set(course.observed_at.timestamp() if course.observed_at else 0)
        was_well, is_well = course.outcome in WELL, outcome in WELL
        course.outcome, course.detail = outcome, detail
        course.faults = 0 if outcome in NO_FAULT_OF_THEIRS else course.faults + 1
        course.rounds_to_skip = min(2 ** max(course.faults - 1, 0) - 1, MOST_ROUNDS_SKIPPED)
        if was_well and not is_well:
            log.warning("regime_not_observed", symbol=symbol, outcome=outcome, detail=detail)
        elif is_well and not was_well:
            log.info("regime_observed_again", symbol=symbol)

    async def _outcome(self, symbol: str, stored: bytes | None) -> tuple[str, str]:
        """Ask for one symbol and deal with the answer; whatever goes wrong stays its own."""
        try:
            return await self._deal_with(symbol, await self._source.regime(symbol), stored)
        except Unavailable as away:
            return Outcome.NOT_STORED, str(away)
        except Exception as error:
            log.exception("regime_failed", symbol=symbol)
            return Outcome.FAILED, type(error).__name__

    async def _deal_with(
        self, symbol: str, found: ObservedRegime | NoRegime, stored: bytes | None
    ) -> tuple[str, str]:
        latest = self._clock() + timedelta(seconds=DEFAULT_MAX_SKEW_S)
        before = self._known(symbol, stored, latest)
        if isinstance(found, NoRegime):
            return found.trouble, found.detail
        name = known_name(found.name)
        if name is None:
            self._log_once(found.name)
            return Outcome.UNKNOWN_NAME, f'"{found.name}"'
        if found.observed_at > latest:
            return Outcome.FROM_FUTURE, found.observed_at.isoformat()
        regime = Regime(name, found.confidence, found.observed_at, SOURCE)
        return await self._take_over(symbol, regime, before, stored), ""

    def _known(self, symbol: str, stored: bytes | None, latest: datetime) -> Regime | None:
        """Return what the store knows; what claims to be of the future would outlast the truth."""
        known = None if stored is None else read_regime(stored)
        if known is not None and known.observed_at > latest:
            known = None
        self._courses[symbol].observed_at = known.observed_at if known else None
        return known

    async def _take_over(
        self, symbol: str, regime: Regime, before: Regime | None, stored: bytes | None
    ) -> Outcome:
        course = self._courses[symbol]
        if before is not None and regime.observed_at < before.observed_at:
            return Outcome.OLDER
        is_newer = before is None or regime.observed_at > before.observed_at
        if is_newer:
            document = write_regime(regime)
            if not await self._store.replace_regime(symbol, document, instead_of=stored):
                return Outcome.OVERTAKEN
            course.observed_at = regime.observed_at
        if is_newer and (before is None or before.name != regime.name):
            log.info("regime_changed", symbol=symbol, name=regime.name)
            course.is_unrecorded = True
        if course.is_unrecorded:
            await self._record(symbol, regime, course)
        return Outcome.TAKEN if is_newer else Outcome.UNCHANGED

    async def _record(self, symbol: str, regime: Regime, course: _Course) -> None:
        """Record a change; where it cannot be recorded, it is tried again at the next answer."""
        unrecorded = await self._desk.record_regime(symbol, regime, author=SOURCE)
        course.is_unrecorded = unrecorded is not None
        if unrecorded:
            log.warning("regime_not_recorded", symbol=symbol, detail=unrecorded)

    def _log_once(self, name: str) -> None:
        if name not in self._names_logged and len(self._names_logged) < MOST_NAMES_LOGGED:
            self._names_logged.add(name)
            log.warning("regime_name_unknown", name=name)
