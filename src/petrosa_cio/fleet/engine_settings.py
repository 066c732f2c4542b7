"""The order engine's trading configuration over its HTTP API.

A write replaces all that is stored for its scope, and what is shown is resolved from defaults and
every scope together, always as version 1. So what is stored is read from the history: a write must
repeat it. What is shown may be a minute old.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from petrosa_cio.errors import NeighbourSilent
from petrosa_cio.fleet.envelope import data_of, object_of, rows_of
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
from petrosa_cio.fleet.setting_rows import on_the_wire, past_change
from petrosa_cio.fleet.setting_tables import engine_table

CONFIG: Final = "/api/v1/config"
LOOKED_BACK: Final = 100
"""Rows of the history in which the stored settings of a scope are looked for."""

NOTES: Final = (
    "the values are resolved from defaults and all scopes together, and may be a minute old",
    "with the fleet's own data-manager behind it, the engine finds nothing that was stored, and "
    "shows defaults",
)


class EngineSettings:
    """The trading configuration of one order engine.

    Args:
        http: The way to it.
    """

    def __init__(self, http: NeighbourApi) -> None:
        self._http = http
        self._facts = engine_table()["trading"]

    async def offers(self) -> list[Offer]:
        """Return what has settings there."""
        answer = await self._http.get(f"{CONFIG}/trading/defaults")
        names = tuple(sorted(object_of(self._http.name, data_of(self._http.name, answer))))
        unknown = tuple(name for name in names if name not in self._facts)
        title = "trading parameters, of everything; or of a symbol, or of a symbol's side"
        return [Offer(Target(Neighbour.TRADEENGINE), title, names, unknown)]

    def facts(self, _target: Target) -> Mapping[str, SettingFacts]:
        """Return what is known of its settings, by name."""
        return self._facts

    async def read(self, target: Target) -> Reading:
        """Return the settings of a scope."""
        answer = await self._http.get(_path(target))
        shown = object_of(self._http.name, data_of(self._http.name, answer))
        # Some versions wrap the values in the configuration that holds them.
        settings = shown.get("parameters", shown)
        return Reading(
            target,
            object_of(self._http.name, settings),
            stored=await self._stored(target),
            source="resolved",
            notes=NOTES,
        )

    async def _stored(self, target: Target) -> Settings:
        newest = next(iter(await self.history(target, LOOKED_BACK)), None)
        if newest is None or newest.action == "delete":
            return {}
        if newest.after is None:
            seen = "its history does not say what is stored, and a write would replace it"
            raise NeighbourSilent(self._http.name, seen, may_have_acted=False)
        return newest.after

    async def write(self, request: Request, settings: Settings) -> None:
        """Replace all that is stored for a scope."""
        body = {
            "parameters": on_the_wire(settings),
            "changed_by": request.changed_by,
            "reason": request.reason,
            "validate_only": False,
        }
        answer = await self._http.post(_path(request.target), body)
        data_of(self._http.name, answer, was_asked_to_change=True)

    async def history(self, target: Target, limit: int) -> list[PastChange]:
        """Return the newest changes of a scope, the newest first."""
        answer = await self._http.get(f"{CONFIG}/history", limit=limit, **_scope(target))
        rows = rows_of(self._http.name, data_of(self._http.name, answer))
        own = [row for row in rows if _is_of(row, target)]
        found = [
            past_change(
                row, change_id="id", before="parameters_before", after="parameters_after",
                at="timestamp",
            )
            for row in own
        ]  # fmt: skip
        return sorted(found, key=lambda one: (one.at, one.version or 0), reverse=True)


def _path(target: Target) -> str:
    parts = (target.symbol, target.side)
    return "/".join((f"{CONFIG}/trading", *(quote(part, safe="") for part in parts if part)))


def _scope(target: Target) -> dict[str, str]:
    stated = {"symbol": target.symbol, "side": target.side}
    return {name: str(value) for name, value in stated.items() if value is not None}


def _is_of(row: Mapping[str, object], target: Target) -> bool:
    return (
        not row.get("strategy_id")
        and (row.get("symbol") or None) == target.symbol
        and (row.get("side") or None) == target.side
    )
