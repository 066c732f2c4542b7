"""What ta-bot runs: its application settings, which are the only ones there that take effect.

A write changes what it names and leaves the rest. It takes effect within a minute.
"""

from collections.abc import Mapping
from typing import Final

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.bot_settings import BotSettings
from petrosa_cio.fleet.envelope import data_of, object_of, rows_of, words_of
from petrosa_cio.fleet.neighbour import (
    Neighbour,
    Offer,
    PastChange,
    Reading,
    Request,
    Settings,
    Target,
)
from petrosa_cio.fleet.neighbour_api import NeighbourApi
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.fleet.setting_rows import on_the_wire, past_change, version_of
from petrosa_cio.fleet.setting_tables import ta_table

APPLICATION: Final = "/api/v1/config/application"
NOTE: Final = "a change takes effect within a minute"


class TaSettings:
    """The settings of ta-bot: of the application, and by way of `BotSettings` of its strategies.

    Args:
        http: The way to it.
    """

    def __init__(self, http: NeighbourApi) -> None:
        self._http = http
        self._facts = ta_table()["application"]
        self._strategies = BotSettings(http, Neighbour.TA_BOT)

    async def offers(self) -> list[Offer]:
        """Return what has settings there."""
        title = "which strategies, symbols and candles it runs, and which confidence it sends"
        own = Offer(Target(Neighbour.TA_BOT), title, tuple(self._facts))
        return [own, *await self._strategies.offers()]

    def facts(self, target: Target) -> Mapping[str, SettingFacts]:
        """Return what is known of a target's settings, by name. Raises SettingRejected."""
        return self._facts if target.strategy is None else self._strategies.facts(target)

    async def read(self, target: Target) -> Reading:
        """Return the settings of the application, or of a strategy."""
        if target.strategy is not None:
            return await self._strategies.read(target)
        answer = await self._http.get(APPLICATION)
        data = object_of(self._http.name, data_of(self._http.name, answer))
        return Reading(
            target,
            {name: data[name] for name in self._facts if name in data},
            version=version_of(data.get("version")),
            source=words_of(data.get("source") or ""),
            notes=(NOTE,),
        )

    async def write(self, request: Request, settings: Settings) -> None:
        """Set these and nothing else; of a strategy, all that is stored."""
        if request.target.strategy is not None:
            return await self._strategies.write(request, settings)
        strangers = settings.keys() - self._facts.keys()
        if strangers:  # they stand beside changed_by in one object
            raise SettingRejected([f"ta-bot has no setting {', '.join(sorted(strangers))}"])
        asked = {"changed_by": request.changed_by, "reason": request.reason}
        answer = await self._http.post(APPLICATION, on_the_wire(settings) | asked)
        data_of(self._http.name, answer, was_asked_to_change=True)

    async def history(self, target: Target, limit: int) -> list[PastChange]:
        """Return the newest changes, the newest first."""
        if target.strategy is not None:
            return await self._strategies.history(target, limit)
        answer = await self._http.get(f"{APPLICATION}/audit", limit=limit)
        rows = rows_of(self._http.name, data_of(self._http.name, answer))
        keys = {"before": "old_parameters", "after": "new_parameters", "at": "changed_at"}
        found = [past_change(row, change_id="id", **keys) for row in rows]
        return sorted(found, key=lambda one: one.at, reverse=True)
