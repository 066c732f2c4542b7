"""Opens the neighbours' settings, for commands and surfaces: a part of composition."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from petrosa_cio.adapters.mongo_connection import connect_mongo
from petrosa_cio.adapters.mongo_proposals import MongoProposals
from petrosa_cio.adapters.mongo_schema import FLEET_PROPOSALS
from petrosa_cio.adapters.redis_connection import connect_redis
from petrosa_cio.adapters.redis_pace import RedisPace
from petrosa_cio.errors import NeighbourRefused, NeighbourSilent
from petrosa_cio.fleet.analysis import DataManagerAnalysis
from petrosa_cio.fleet.bot_settings import BotSettings
from petrosa_cio.fleet.engine_settings import EngineSettings
from petrosa_cio.fleet.neighbour import Neighbour, SettingsOf, Target
from petrosa_cio.fleet.neighbour_api import NeighbourApi
from petrosa_cio.fleet.ta_settings import TaSettings
from petrosa_cio.governance.fleet_configuration import URL_FIELDS, FleetConfiguration
from petrosa_cio.governance.fleet_proposals import FleetProposals
from petrosa_cio.governance.fleet_sender import FleetSender
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.government import SWITCH_TIMEOUT_S, Government, open_government
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The neighbours' settings, and who may change them."""

    government: Government
    configuration: FleetConfiguration


@asynccontextmanager
async def open_neighbourhood(settings: Settings) -> AsyncIterator[Neighbourhood]:
    """Open the neighbours that are stated; they and our own servers are reached when needed.

    Raises:
        Misconfigured: A URL cannot be meant, or charter or keys are not as they must be.
    """
    async with (
        open_government(settings) as government,
        open_configuration(settings, government) as configuration,
    ):
        yield Neighbourhood(government, configuration)


@asynccontextmanager
async def open_configuration(
    settings: Settings, government: Government
) -> AsyncIterator[FleetConfiguration]:
    """Open the settings of the neighbours that are stated.

    Args:
        settings: The settings.
        government: Says who decides, and records.

    Raises:
        Misconfigured: A URL cannot be meant.
    """
    async with AsyncExitStack() as closing:
        redis = connect_redis(
            str(settings.redis_url), ca_file=settings.redis_tls_ca_file, timeout_s=SWITCH_TIMEOUT_S
        )
        closing.push_async_callback(redis.aclose)
        mongo = connect_mongo(str(settings.mongo_url), settings.mongo_tls_ca_file)
        closing.push_async_callback(mongo.close)
        neighbours = await _neighbours(settings, closing)
        manager = await _opened(
            "data-manager", settings.data_manager_url, "CIO_DATA_MANAGER_URL", settings, closing
        )
        tell = government.desk.record
        pace = RedisPace(redis, settings.fund, timeout_s=SWITCH_TIMEOUT_S)
        store = MongoProposals(
            mongo,
            settings.mongo_database,
            settings.fund,
            collection=FLEET_PROPOSALS,
        )
        yield FleetConfiguration(
            neighbours,
            None if manager is None else DataManagerAnalysis(manager),
            FleetSender(neighbours, pace, tell),
            FleetProposals(
                store,
                tell,
                fund=settings.fund,
                terms=government.lifecycle.terms,
                clock=clock,
            ),
            Refusals(tell),
        )


async def silent_neighbours(settings: Settings, *, timeout_s: float) -> dict[str, str | None]:
    """Return why each stated neighbour gives no answer, by name; None where it gives one.

    Args:
        settings: The settings.
        timeout_s: Longest wait for an answer.

    Raises:
        Misconfigured: A URL cannot be meant.
    """
    hasty = settings.model_copy(update={"fleet_timeout_ms": int(timeout_s * 1000)})
    async with AsyncExitStack() as closing:
        neighbours = await _neighbours(hasty, closing)
        problems = await asyncio.gather(*map(_problem_of, neighbours.items()))
    return dict(zip(map(str, neighbours), problems, strict=True))


ASKED: Final = {
    Neighbour.TRADEENGINE: Target(Neighbour.TRADEENGINE),
    Neighbour.TA_BOT: Target(Neighbour.TA_BOT),
    Neighbour.REALTIME: Target(Neighbour.REALTIME, "iceberg_detector"),
}
"""What a neighbour is asked for that shall show that it answers."""


async def _problem_of(named: tuple[Neighbour, SettingsOf]) -> str | None:
    neighbour, settings = named
    try:
        await settings.read(ASKED[neighbour])
    except (NeighbourSilent, NeighbourRefused) as problem:
        return str(problem)
    return None


async def _neighbours(settings: Settings, closing: AsyncExitStack) -> dict[Neighbour, SettingsOf]:
    urls = {
        Neighbour.TRADEENGINE: settings.tradeengine_url,
        Neighbour.TA_BOT: settings.ta_bot_url,
        Neighbour.REALTIME: settings.realtime_strategies_url,
    }
    found: dict[Neighbour, SettingsOf] = {}
    for neighbour, url in urls.items():
        http = await _opened(neighbour, url, URL_FIELDS[neighbour], settings, closing)
        if http is not None:
            found[neighbour] = _settings_of(neighbour, http)
    return found


def _settings_of(neighbour: Neighbour, http: NeighbourApi) -> SettingsOf:
    match neighbour:
        case Neighbour.TRADEENGINE:
            return EngineSettings(http)
        case Neighbour.TA_BOT:
            return TaSettings(http)
        case Neighbour.REALTIME:
            return BotSettings(http, neighbour)


async def _opened(
    name: str, url: str | None, field: str, settings: Settings, closing: AsyncExitStack
) -> NeighbourApi | None:
    if url is None:
        return None
    # Imported here: the gate is a command too, and has no use for a neighbour's HTTP.
    from petrosa_cio.fleet.neighbour_http import open_neighbour  # noqa: PLC0415

    timeout_s = settings.fleet_timeout_ms / 1000
    opening = open_neighbour(str(name), url, field, timeout_s=timeout_s)
    return await closing.enter_async_context(opening)
