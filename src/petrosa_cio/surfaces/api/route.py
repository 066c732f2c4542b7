"""Routes that nobody passes without a role: how they are declared, and what guards each."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import structlog
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter
from starlette.exceptions import HTTPException

from petrosa_cio.errors import CioError, TooMany
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.authority import MAY, Act
from petrosa_cio.office.office import Office
from petrosa_cio.surfaces.api.admission import Admission, Caller
from petrosa_cio.surfaces.api.envelope import Data, Fault, Told, refused, responses

log = structlog.get_logger()

PREFIX: Final = "/api/v1"

ANSWER_WITHIN_S: Final = 30.0
"""A question that takes longer is broken off; changes are bounded by the stores that they ask."""

LONG_AT_ONCE: Final = 2
"""Long questions (what-if, effectiveness, exports) that are answered at the same time."""

ACT: Final = "x-cio-act"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Reception:
    """What every call comes by: who lets in, the office, and places for long questions."""

    admission: Admission
    office: Office
    places: asyncio.Semaphore


@dataclass(frozen=True, slots=True)
class Call:
    """One call, that was let in.

    Attributes:
        caller: Who calls.
        office: Whom.
        trace_id: The trace of the call.
        places: Places for long questions.
    """

    caller: Caller
    office: Office
    trace_id: str
    places: asyncio.Semaphore

    @property
    def actor(self) -> Actor:
        """Who calls, by name and role."""
        return self.caller.actor

    def told(self, data: Data) -> Told[Data]:
        """Return an answer in its envelope."""
        return Told[Any].model_construct(
            success=True, data=data, error=None, trace_id=self.trace_id
        )

    def place(self) -> asyncio.Semaphore:
        """Return a place for a long question, to be held while it is answered. Raises TooMany."""
        if self.places.locked():
            raise TooMany(f"{LONG_AT_ONCE} long questions are being answered", retry_after_s=5)
        return self.places


def call_of(request: Request) -> Call:
    """Return the call that was let in."""
    reception: Reception = request.app.state.reception
    caller: Caller = request.state.caller
    return Call(caller, reception.office, request.state.trace_id, reception.places)


Called = Annotated[Call, Depends(call_of)]


class GuardedRoute(APIRoute):
    """A route that looks at token, role and pace before anything else, the body among it."""

    def get_route_handler(self) -> Handler:
        """Return what answers a call."""
        handler, act = super().get_route_handler(), act_of(self)

        async def guarded(request: Request) -> Response:
            try:
                request.state.caller = await _admitted(request, act, self.path_format)
                if act is not Act.LOOK:
                    return await handler(request)
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    return await handler(request)
            except (CioError, HTTPException, RequestValidationError, TimeoutError):
                raise
            except Exception:
                trace_id: str = request.state.trace_id
                log.exception("http_fault", route=self.path_format, trace_id=trace_id)
                message = "a fault of the program; it is in its log under this trace"
                fault = Fault(code="FAULT", message=message, problems=[], approval=None)
                return refused(500, fault, trace_id)

        return guarded


async def _admitted(request: Request, act: Act, path: str) -> Caller:
    reception: Reception = request.app.state.reception
    address = request.client.host if request.client else "nowhere"
    header = request.headers.get("authorization")
    what = f"{request.method} {request.scope['root_path']}{path}"
    return await reception.admission.admit(header, address, act, what)


def act_of(route: APIRoute) -> Act:
    """Return what a route takes. Raises KeyError for one that was declared without."""
    return Act((route.openapi_extra or {})[ACT])


class Routes:
    """Declares routes: none without what it takes."""

    def __init__(self, tag: str) -> None:
        """Take the name under which they stand together."""
        self.router = APIRouter(route_class=GuardedRoute, tags=[tag])

    def get(
        self, path: str, act: Act, model: Any, *, more: Sequence[int] = (), **extra: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a question."""
        return self._add("GET", path, act, model, more, extra)

    def post(
        self, path: str, act: Act, model: Any, *, more: Sequence[int] = (), **extra: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a change, or a question with a body."""
        return self._add("POST", path, act, model, more, extra)

    def _add(
        self, method: str, path: str, act: Act, model: Any, more: Sequence[int], extra: Any
    ) -> Callable[[Endpoint], Endpoint]:
        def declared(endpoint: Endpoint) -> Endpoint:
            self.router.add_api_route(
                path,
                endpoint,
                methods=[method],
                response_model=model,
                summary=_sentence(endpoint),
                responses=responses(more) | extra.pop("answers", {}),
                openapi_extra={ACT: act.value, "x-cio-roles": roles_of(act)},
                operation_id=endpoint.__name__,
                **extra,
            )
            return endpoint

        return declared


def roles_of(act: Act) -> list[str]:
    """Return the roles that may, the least first."""
    return [str(role) for role in Role if role in MAY[act]]


def _sentence(endpoint: Callable[..., Any]) -> str:
    return (endpoint.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip().rstrip(".")


@dataclass(frozen=True, slots=True)
class Right:
    """One row of the table of rights.

    Attributes:
        method: The method.
        path: The path, with its places in braces.
        act: What it takes.
        roles: Who may.
        about: What it does.
    """

    method: str
    path: str
    act: Act
    roles: tuple[str, ...]
    about: str


def rights(routers: Sequence[APIRouter], prefix: str = PREFIX) -> Iterator[Right]:
    """Iterate over every route beneath a prefix and who may call it, in order of declaration."""
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                act = act_of(route)
                (method,) = route.methods or {"GET"}
                path = f"{prefix}{route.path_format}"
                yield Right(method, path, act, tuple(roles_of(act)), route.summary or "")
