"""Neighbours for tests: real HTTP servers that answer as the fleet's own do, quirks included."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from petrosa_cio.fleet.setting_tables import engine_table, realtime_table

Handler = Callable[[Request], Awaitable[Response]]
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def well(data: object) -> Response:
    return JSONResponse({"success": True, "data": data, "error": None, "metadata": None})


def badly(code: str, message: str) -> Response:
    error = {"code": code, "message": message}
    return JSONResponse({"success": False, "data": None, "error": error, "metadata": None})


@dataclass
class Manners:
    """How a neighbour misbehaves, and what it was asked.

    Attributes:
        instead: Answers this, without doing anything, to what would change something.
        loses_answers: Does what it is asked to, and never says so.
        shows_old: Says that it took a change, and shows what it showed before.
        asked: Method and path of every request.
        told: Body of everything that would change something.
    """

    instead: Response | None = None
    loses_answers: bool = False
    is_silent: bool = False
    shows_old: bool = False
    asked: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def around(self, request: Request, handler: Handler) -> Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.is_silent:
            await self.over.wait()
        if request.method == "GET":
            return await handler(request)
        self.told.append(await request.json())
        if self.instead is not None:
            return self.instead
        if not self.told[-1].get("changed_by"):
            return JSONResponse({"detail": [{"msg": "Field required"}]}, status_code=422)
        answer = await handler(request)
        if self.loses_answers:
            await self.over.wait()
        return answer


def limited(reason: str, retry_after: int) -> Response:
    """Return what the rate limiter of every neighbour says: its error is a text."""
    said = {"success": False, "error": "rate_limit_exceeded", "reason": reason}
    return JSONResponse(said | {"retry_after": retry_after}, status_code=429)


@dataclass
class Engine(Manners):
    """An order engine: what is shown is resolved, what is stored is replaced by each write."""

    stored: dict[tuple[str | None, str | None], dict[str, Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> list[tuple[str, str, Handler]]:
        base = "/api/v1/config"
        return [
            ("GET", f"{base}/trading/defaults", self._defaults),
            ("GET", f"{base}/history", self._history),
            *(
                (method, f"{base}/trading{rest}", handler)
                for method, handler in (("GET", self._show), ("POST", self._take))
                for rest in ("", "/{symbol}", "/{symbol}/{side}")
            ),
        ]

    def defaults(self) -> dict[str, Any]:
        facts = engine_table()["trading"]
        return {
            name: float(one.default) if isinstance(one.default, Decimal) else one.default
            for name, one in facts.items()
        }

    async def _defaults(self, _: Request) -> Response:
        return well(self.defaults())

    async def _show(self, request: Request) -> Response:
        resolved = self.defaults()
        if not self.shows_old:
            for scope in ((None, None), _scope(request)):
                resolved |= self.stored.get(scope, {})
        return well({"parameters": resolved, "version": 1, "source": "resolved"})

    async def _take(self, request: Request) -> Response:
        said, scope = self.told[-1], _scope(request)
        for name, value in said["parameters"].items():
            known = engine_table()["trading"].get(name)
            if known is None or name == "allowed_symbols":
                return badly("VALIDATION_ERROR", f"Unknown parameter: {name}")
            if known.most is not None and value > known.most:
                return badly("VALIDATION_ERROR", f"{name} must be <= {known.most}, got {value}")
        self.remember(scope, said["parameters"], said["changed_by"])
        return well({"parameters": said["parameters"]})

    def remember(
        self, scope: tuple[str | None, str | None], settings: dict[str, Any], by: str
    ) -> None:
        """Store settings as a write does."""
        symbol, side = scope
        own = [one for one in self.rows if (one["symbol"], one["side"]) == scope]
        self.rows.append(
            {
                "id": f"row-{len(self.rows)}",
                "config_type": "global" if symbol is None else "symbol",
                "symbol": symbol,
                "side": side,
                "strategy_id": None,
                "action": "update" if own else "create",
                "parameters_before": self.stored.get(scope),
                "parameters_after": settings,
                "version_after": len(own) + 1,
                "changed_by": by,
                "reason": None,
                "timestamp": (START + timedelta(seconds=len(self.rows))).isoformat(),
            }
        )
        self.stored[scope] = settings

    async def _history(self, request: Request) -> Response:
        return well(self.rows[-int(request.query_params["limit"]) :])


def _scope(request: Request) -> tuple[str | None, str | None]:
    return request.path_params.get("symbol"), request.path_params.get("side")


@dataclass
class Realtime(Manners):
    """realtime-strategies: it shows any strategy it is asked for, and takes any write."""

    stored: dict[tuple[str, str | None], dict[str, Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    has_mongo: bool = True

    def routes(self) -> list[tuple[str, str, Handler]]:
        base = "/api/v1/strategies"
        return [
            ("GET", base, self._list),
            ("GET", f"{base}/{{strategy}}/defaults", self._defaults),
            ("GET", f"{base}/{{strategy}}/audit", self._audit),
            *(
                (method, f"{base}/{{strategy}}/config{rest}", handler)
                for method, handler in (("GET", self._show), ("POST", self._take))
                for rest in ("", "/{symbol}")
            ),
        ]

    def defaults(self, strategy: str) -> dict[str, Any]:
        return {
            name: float(one.default) if isinstance(one.default, Decimal) else one.default
            for name, one in realtime_table().get(strategy, {}).items()
        }

    async def _list(self, _: Request) -> Response:
        return well([{"strategy_id": one, "name": one.title()} for one in realtime_table()])

    async def _defaults(self, request: Request) -> Response:
        return well(self.defaults(request.path_params["strategy"]))

    async def _show(self, request: Request) -> Response:
        strategy, symbol = request.path_params["strategy"], request.path_params.get("symbol")
        stored = self.stored.get((strategy, symbol))
        return well(
            {
                "strategy_id": strategy,
                "symbol": symbol,
                "parameters": self.defaults(strategy) | (stored or {}),
                "version": 1 if stored else 0,
                "source": "mongodb" if stored else "default",
                "is_override": bool(stored and symbol),
            }
        )

    async def _take(self, request: Request) -> Response:
        if not self.has_mongo:
            return badly("UPDATE_FAILED", "MongoDB is not there")
        strategy, symbol = request.path_params["strategy"], request.path_params.get("symbol")
        wanted = self.told[-1]["parameters"]
        if "enabled" in wanted:
            return badly("VALIDATION_ERROR", "Unknown parameter: enabled")
        before = self.stored.get((strategy, symbol), {})
        self.stored[strategy, symbol] = wanted
        self.rows.append(
            {
                "id": f"audit-{len(self.rows)}",
                "strategy_id": strategy,
                "symbol": symbol,
                "action": "UPDATE",
                "old_parameters": before,
                "new_parameters": wanted,
                "changed_by": self.told[-1]["changed_by"],
                "changed_at": (START + timedelta(seconds=len(self.rows))).isoformat(),
                "reason": self.told[-1]["reason"],
            }
        )
        return well({"parameters": wanted})

    async def _audit(self, _: Request) -> Response:
        return well(self.rows)


@dataclass
class TaBot(Manners):
    """ta-bot: only its application settings work; all else says so with status 200."""

    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "enabled_strategies": ["momentum_pulse", "doji_reversal", "golden_trend_sync"],
            "symbols": ["BTCUSDT", "ETHUSDT"],
            "candle_periods": ["15m", "1h"],
            "min_confidence": 0.6,
            "max_confidence": 0.95,
            "max_positions": 10,
            "position_sizes": [100, 200],
        }
    )
    rows: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> list[tuple[str, str, Handler]]:
        application, strategies = "/api/v1/config/application", "/api/v1/strategies/{strategy}"
        return [
            ("GET", application, self._show),
            ("POST", application, self._take),
            ("GET", f"{application}/audit", self._audit),
            ("GET", f"{strategies}/defaults", self._defaults),
            *(
                (method, f"{strategies}/{rest}", self._uninstalled)
                for method, rest in (("GET", "config"), ("POST", "config"), ("GET", "audit"))
            ),
        ]

    async def _uninstalled(self, _: Request) -> Response:
        return badly("INTERNAL_ERROR", "503: Strategy configuration manager not initialized")

    async def _defaults(self, request: Request) -> Response:
        return well({"min_data_points": 25, "of": request.path_params["strategy"]})

    async def _show(self, _: Request) -> Response:
        return well(self.settings | {"version": 3, "source": "mongodb"})

    async def _take(self, _: Request) -> Response:
        said = dict(self.told[-1])
        about = {name: said.pop(name) for name in ("changed_by", "reason")}
        merged = self.settings | said
        if merged["min_confidence"] >= merged["max_confidence"]:
            return badly("VALIDATION_ERROR", "min_confidence must be less than max_confidence")
        row = {"id": str(len(self.rows)), "old_parameters": self.settings, "action": "UPDATE"}
        at = (START + timedelta(seconds=len(self.rows))).isoformat()
        self.rows.append(row | {"new_parameters": merged, "changed_at": at} | about)
        self.settings = self.settings if self.shows_old else merged
        return well(merged)

    async def _audit(self, _: Request) -> Response:
        return well(self.rows)


@dataclass
class Analyst(Manners):
    """A data-manager: its analysis has no version in its path, and no envelope."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [("GET", "/analysis/{rest:path}", self._answer)]

    async def _answer(self, request: Request) -> Response:
        nothing = (404, {"detail": "none"})
        status, body = self.answers.get(request.path_params["rest"], nothing)
        return JSONResponse(body, status_code=status)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def served(neighbour: Engine | Realtime | TaBot | Analyst) -> AsyncIterator[str]:
    """Serve a neighbour on a free port while the block runs; yields its URL."""

    def endpoint(handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            return await neighbour.around(request, handler)

        return answer

    routes = [
        Route(path, endpoint(handler), methods=[method])
        for method, path, handler in neighbour.routes()
    ]
    async with serving(Starlette(routes=routes)) as url:
        try:
            yield url
        finally:
            neighbour.over.set()


@asynccontextmanager
async def served_fleet() -> AsyncIterator[dict[str, str]]:
    """Serve every neighbour while the block runs; yields the settings that say where each is."""
    async with (
        served(Engine()) as engine,
        served(TaBot()) as ta_bot,
        served(Realtime()) as realtime,
        served(Analyst()) as manager,
    ):
        yield {
            "CIO_TRADEENGINE_URL": engine,
            "CIO_TA_BOT_URL": ta_bot,
            "CIO_REALTIME_STRATEGIES_URL": realtime,
            "CIO_DATA_MANAGER_URL": manager,
        }


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve an application on a free port while the block runs; yields its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listening.close()
