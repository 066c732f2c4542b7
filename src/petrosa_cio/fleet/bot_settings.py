"""The strategies of a bot over its HTTP API: ta-bot and realtime-strategies speak alike.

A strategy that nobody has answers with success and no settings, and takes whatever is written. So a
name that the bot does not list is refused here.
"""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote

from petrosa_cio.errors import NeighbourSilent, SettingRejected
from petrosa_cio.fleet.envelope import data_of, object_of, rows_of, words_of
from petrosa_cio.fleet.neighbour import (
    DISPLAY_NAMES,
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
from petrosa_cio.fleet.setting_tables import TA_STRATEGIES, realtime_table, ta_table

STRATEGIES: Final = "/api/v1/strategies"
STORED: Final = "mongodb"
"""What a bot calls the source of settings that were written."""

NOTES: Final[Mapping[Neighbour, str]] = {
    Neighbour.REALTIME: "strategies are built with their defaults, and none looks at what is "
    "stored; there is no way to switch one off: `cio halt --strategy` stops its signals",
    Neighbour.TA_BOT: "nothing there installs what keeps settings of strategies: it refuses to "
    "show or to take them; `ta-bot` itself has the settings that count",
}
ENVIRONMENT_NOTE: Final = (
    "these come from its environment, and may have other names than its defaults"
)


class BotSettings:
    """The strategies of one bot.

    Args:
        http: The way to it.
        neighbour: Which one it is.
    """

    def __init__(self, http: NeighbourApi, neighbour: Neighbour) -> None:
        self._http = http
        self._neighbour = neighbour
        if neighbour is Neighbour.REALTIME:
            self._facts = realtime_table()
            self._known: Collection[str] = self._facts.keys()
        else:
            self._facts, self._known = ta_table(), TA_STRATEGIES

    async def offers(self) -> list[Offer]:
        """Return the strategies, with what their defaults name; one question for each."""
        if self._neighbour is Neighbour.TA_BOT:  # it does not list them
            return [await self._offer(name, name) for name in sorted(TA_STRATEGIES)]
        rows = rows_of(self._http.name, data_of(self._http.name, await self._http.get(STRATEGIES)))
        listed = [(words_of(row.get("strategy_id")), words_of(row.get("name"))) for row in rows]
        return [await self._offer(strategy, title) for strategy, title in listed]

    async def _offer(self, strategy: str, title: str) -> Offer:
        answer = await self._http.get(f"{STRATEGIES}/{quote(strategy, safe='')}/defaults")
        names = tuple(object_of(self._http.name, data_of(self._http.name, answer)))
        known = self._facts.get(strategy, {})
        unknown = tuple(name for name in names if name not in known)
        return Offer(Target(self._neighbour, strategy), title, names, unknown)

    def facts(self, target: Target) -> Mapping[str, SettingFacts]:
        """Return what is known of a strategy's settings. Raises SettingRejected."""
        return self._facts.get(self._strategy(target), {})

    async def read(self, target: Target) -> Reading:
        """Return the settings of a strategy, or of one of its symbols."""
        answer = await self._http.get(self._path(target))
        data = object_of(self._http.name, data_of(self._http.name, answer))
        settings = object_of(self._http.name, data.get("parameters"))
        source = words_of(data.get("source") or "")
        is_own = target.symbol is None or data.get("is_override") is True
        if source == STORED and data.get("symbol") not in (target.symbol, None):
            seen = f"asked for {target}, it answers about another symbol"
            raise NeighbourSilent(self._http.name, seen, may_have_acted=False)
        notes = (NOTES[self._neighbour],)
        return Reading(
            target,
            settings,
            stored=settings if source == STORED and is_own else {},
            version=version_of(data.get("version")),
            source=source,
            notes=(*notes, ENVIRONMENT_NOTE) if source == "environment" else notes,
        )

    async def write(self, request: Request, settings: Settings) -> None:
        """Set all that is stored for a strategy, or for one of its symbols."""
        body = {
            "parameters": on_the_wire(settings),
            "changed_by": request.changed_by,
            "reason": request.reason,
            "validate_only": False,
        }
        answer = await self._http.post(self._path(request.target), body)
        data_of(self._http.name, answer, was_asked_to_change=True)

    async def history(self, target: Target, limit: int) -> list[PastChange]:
        """Return the newest changes, the newest first; they state no version."""
        symbol = {} if target.symbol is None else {"symbol": target.symbol}
        answer = await self._http.get(self._path(target, "audit"), limit=limit, **symbol)
        rows = rows_of(self._http.name, data_of(self._http.name, answer))
        found = [
            past_change(
                row, change_id="id", before="old_parameters", after="new_parameters",
                at="changed_at",
            )
            for row in rows
            if (row.get("symbol") or None) == target.symbol
        ]  # fmt: skip
        return sorted(found, key=lambda one: one.at, reverse=True)

    def _strategy(self, target: Target) -> str:
        if target.strategy not in self._known:
            called = ", ".join(f'"{name}"' for name in sorted(DISPLAY_NAMES)[:2])
            also = f"; {called} are understood too" if self._neighbour is Neighbour.REALTIME else ""
            known = ", ".join(sorted(self._known))
            raise SettingRejected(
                [f"{self._neighbour} has no strategy {target.strategy!r}; it has {known}{also}"]
            )
        return str(target.strategy)

    def _path(self, target: Target, what: str = "config") -> str:
        strategy = quote(self._strategy(target), safe="")
        path = f"{STRATEGIES}/{strategy}/{what}"
        is_in_path = what == "config" and target.symbol is not None
        return f"{path}/{quote(str(target.symbol), safe='')}" if is_in_path else path
