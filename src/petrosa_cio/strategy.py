"""Opens the Strategist of a fund: what it knows, and whom it asks. A part of composition."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Final

from petrosa_cio.adapters.mongo_connection import SEARCH_TIMEOUT_MS, MongoClient, connect_mongo
from petrosa_cio.adapters.mongo_findings import MongoFindings
from petrosa_cio.adapters.mongo_records import MongoRecords
from petrosa_cio.adapters.mongo_search import MongoSearch
from petrosa_cio.adapters.mongo_traces import MongoTraceStore
from petrosa_cio.adapters.redis_connection import Redis, connect_redis
from petrosa_cio.adapters.redis_ledger import RedisLedger
from petrosa_cio.adapters.redis_portfolio import RedisPortfolio
from petrosa_cio.adapters.redis_rates import RedisRates
from petrosa_cio.adapters.redis_spend import RedisSpend
from petrosa_cio.adapters.redis_state import RedisStateStore
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.found_record import content_of, part
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.statistics import Counting, Statistics
from petrosa_cio.errors import CioError, Misconfigured, PolicyRejected, Problem
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.regimes import read_all, read_override, read_regime
from petrosa_cio.governance.what_if.stage import WhatIfStage
from petrosa_cio.government import SWITCH_TIMEOUT_S, Government, open_government, read_charter
from petrosa_cio.office.limits import Looked, read_governs
from petrosa_cio.ports import LanguageModel, PastVerdicts, PortfolioStore, RecordQuery, RecordSearch
from petrosa_cio.risk.limits_in_use import Asked, LimitLine, limit_lines
from petrosa_cio.risk.policy import ANY, Charter
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.snapshot import ANY_SYMBOL, Regime, regime_in_force
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings
from petrosa_cio.strategist.playbook_rules import read_playbook
from petrosa_cio.strategist.prices import read_prices
from petrosa_cio.strategist.prompts import strategist_prompt
from petrosa_cio.strategist.reasoning import Reasoning
from petrosa_cio.strategist.situation import RegimeSeen, Situation
from petrosa_cio.strategist.thinking import Strategist

MICRODOLLARS: Final = 1_000_000
LONGEST_LOOK_S: Final = 60.0
"""Seconds that reading the record may take; then it counts as not known."""

MOST_REVISIONS: Final = 10
OLDEST_PORTFOLIO: Final = timedelta(minutes=10)
"""A portfolio that was seen longer ago counts as not known."""


@dataclass(frozen=True, slots=True)
class StrategistRoom:
    """The Strategist, and what it needs at hand.

    Attributes:
        strategist: It thinks.
        government: Who may change the policy, and how.
        rehearsal: Says what a document would have made otherwise.
        sources: Where a situation is read.
    """

    strategist: Strategist
    government: Government
    rehearsal: WhatIfStage
    sources: "Sources"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a situation is read."""

    settings: Settings
    government: Government
    charter: Charter
    looked: Looked
    past: PastVerdicts
    search: RecordSearch
    findings: MongoFindings
    portfolio: PortfolioStore

    async def situation(self, span: timedelta) -> Situation:
        """Return what is known now. What cannot be read is not known, and is warned of.

        Args:
            span: How far back the record is counted.

        Raises:
            PolicyRejected: No policy is in force.
            Unavailable: The policy cannot be read.
        """
        newest = await self.government.revisions.newest()
        if newest is None:
            raise PolicyRejected(["no policy is in force yet: the first one comes with `cio run`"])
        at, warnings = clock(), list[str]()
        regimes = await self._regimes(at)
        limits = await self._limits(at, warnings)
        verdicts = await self._counted(at - span, at, warnings)
        before = await self._counted(at - 2 * span, at - span, warnings)
        history = await self._history(at - span, at, warnings)
        warnings += await self._open_findings(at - span)
        portfolio = await self._portfolio(at, warnings)
        return Situation(
            fund=self.settings.fund,
            at=at,
            revision=newest.revision,
            document=read_policy_document(newest.document.encode()),
            charter=self.charter,
            span=span,
            verdicts=verdicts,
            before=before,
            limits=limits,
            portfolio=portfolio,
            regimes=regimes,
            regime_history=history,
            warnings=tuple(dict.fromkeys(warnings)),
            past=tuple(await self.government.revisions.history(before=None, limit=MOST_REVISIONS)),
        )

    async def _regimes(self, at: datetime) -> dict[str, Regime]:
        observed = read_all(await self.looked.store.regimes(), read_regime)
        overrides = read_all(await self.looked.store.regime_overrides(), read_override)
        found = {
            symbol: regime_in_force(symbol, overrides, observed, at)
            for symbol in {*observed, *overrides, ANY_SYMBOL}
        }
        return {symbol: one[1] for symbol, one in found.items() if one is not None}

    async def _limits(self, at: datetime, warnings: list[str]) -> tuple[LimitLine, ...]:
        governs = await read_governs(self.looked, self.charter, Asked(), at)
        if governs.counted is None:
            warnings.append("the ledger lost its data, so nobody knows what of the limits is used")
        return tuple(limit_lines(Asked(), governs.limits_for(ANY), governs.counted))

    async def _portfolio(self, at: datetime, warnings: list[str]) -> PortfolioReading | None:
        found = await self.portfolio.portfolio()
        if found is None or at - found.observed_at <= OLDEST_PORTFOLIO:
            return found
        warnings.append(f"the portfolio was last seen {found.observed_at:%Y-%m-%d %H:%M} UTC")
        return None

    async def _counted(
        self, since: datetime, until: datetime, warnings: list[str]
    ) -> Statistics | None:
        counting = Counting()
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                async for one in self.past.verdicts(since, until):
                    counting.add(one)
                return counting.statistics(await self.past.befell(since, until))
        except (CioError, TimeoutError):
            warnings.append("the record of verdicts cannot be read")
            return None

    async def _history(
        self, since: datetime, until: datetime, warnings: list[str]
    ) -> tuple[RegimeSeen, ...]:
        query = RecordQuery(
            kinds=frozenset({str(RecordKind.CHANGE)}),
            since=since,
            until=until,
            fund=self.settings.fund,
        )
        found = []
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                last = await self.search.last_position()
                async for one in self.search.walk(query, last=last):
                    told = part(content_of(one), "change")
                    if told.get("subject") in ("regime", "regime_override"):
                        regime = read_regime(str(told.get("value")).encode())
                        name = regime.name if regime else ""
                        found.append(RegimeSeen(one.at, str(told.get("scope")), name))
        except (CioError, TimeoutError):
            warnings.append("the record of market regimes cannot be read")
        return tuple(sorted(found, key=lambda seen: (seen.at, seen.symbol)))

    async def _open_findings(self, since: datetime) -> list[str]:
        kinds = [str(kind) for kind in FindingKind]
        try:
            counted = await self.findings.open_since(self.settings.fund, kinds, since)
        except CioError:
            return ["the findings on the record cannot be read"]
        return [f"{number} open findings: {kind}" for kind, number in counted.items() if number]


@asynccontextmanager
async def open_strategist(settings: Settings) -> AsyncIterator[StrategistRoom]:
    """Open what the Strategist needs; each server is reached with the first question.

    Raises:
        Misconfigured: Models, prices, the playbook, charter or keys are not as they must be.
    """
    playbook, charter = read_playbook(settings.strategist_playbook_file), read_charter(settings)
    async with AsyncExitStack() as closing:
        government = await closing.enter_async_context(open_government(settings))
        mongo = connect_mongo(
            str(settings.mongo_url), settings.mongo_tls_ca_file, answer_timeout_ms=SEARCH_TIMEOUT_MS
        )
        closing.push_async_callback(mongo.close)
        redis = connect_redis(
            str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=SWITCH_TIMEOUT_S
        )
        closing.push_async_callback(redis.aclose)
        reasoning = await _reasoning(settings, redis, closing)
        rehearsal = WhatIfStage(MongoRecords(mongo, settings.mongo_database), clock)
        yield StrategistRoom(
            Strategist(playbook, reasoning, most_tokens=settings.strategist_briefing_tokens),
            government,
            rehearsal,
            _sources(settings, government, charter, mongo, redis),
        )


def _sources(
    settings: Settings, government: Government, charter: Charter, mongo: MongoClient, redis: Redis
) -> Sources:
    fund, database, timeout_s = settings.fund, settings.mongo_database, SWITCH_TIMEOUT_S
    looked = Looked(
        RedisStateStore(redis, fund, timeout_s=timeout_s),
        RedisLedger(redis, fund, timeout_s=timeout_s),
        RedisRates(redis, fund, timeout_s=timeout_s),
    )
    past, search = MongoTraceStore(mongo, database), MongoSearch(mongo, database)
    findings = MongoFindings(mongo, database)
    portfolio = RedisPortfolio(redis, fund, timeout_s=timeout_s)
    return Sources(settings, government, charter, looked, past, search, findings, portfolio)


async def _reasoning(settings: Settings, redis: Redis, closing: AsyncExitStack) -> Reasoning | None:
    """Return what asks models; None where no model is stated."""
    if not settings.strategist_models:
        return None
    models = await closing.enter_async_context(_models(settings))
    prices = read_prices(settings.strategist_prices_file, [one.name for one in models])
    return Reasoning(
        models,
        prices,
        RedisSpend(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S),
        daily_microdollars=int(settings.strategist_daily_usd * MICRODOLLARS),
        clock=clock,
        monotonic=time.monotonic,
        prompt=strategist_prompt(),
    )


@asynccontextmanager
async def _models(settings: Settings) -> AsyncIterator[list[LanguageModel]]:
    if find_spec("pydantic_ai") is None:
        told, mend = "no library is here that asks models", "pip install 'petrosa-cio[strategist]'"
        raise Misconfigured([Problem("CIO_STRATEGIST_MODELS", told, mend)])
    # Loaded where it is used: it takes longer than all else together, and most never ask.
    from petrosa_cio.adapters.language_models import ModelName, reach_models  # noqa: PLC0415

    names = [ModelName.read(one) for one in settings.strategist_models]
    keys = {
        "anthropic": settings.strategist_anthropic_key,
        "google": settings.strategist_google_key,
        "openai": settings.strategist_openai_key,
    }
    async with reach_models(names, keys, timeout_s=settings.strategist_timeout_s) as found:
        yield list(found)
